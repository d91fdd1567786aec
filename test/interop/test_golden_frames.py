#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Whole frames of the client protocol, compared byte by byte.

The tables hold the frames that the newest Apache server exchanges with a
client on a fresh standalone server.  Only what cannot be known before the
run is a placeholder; all else, lengths included, must be equal.

A frame is written as words:
  hex digits         bytes
  "text"             the bytes of the text, without a length
  OPEN               the ACL list world:anyone with all permissions
  {session}          id of the connection's session
  {passwd}           the password that belongs to that id
  {time N}           wall clock of transaction N: within this run, not
                     before that of earlier transactions, the same wherever
                     N appears
  {event N}          zxid of an event caused by transaction N: N since
                     3.9.0, -1 in 3.8.0 (ZOOKEEPER-4655)
  {names a b}        the strings in any order: servers may list children
                     as they like
"""

import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), 'lib'))

import harness          # noqa: E402
import zkwire           # noqa: E402

OPEN = '00000001 0000001f 00000005 "world" 00000006 "anyone"'

# Stat of the nodes in the table: czxid mzxid ctime mtime version cversion
# aversion ephemeralOwner dataLength numChildren pzxid.
STAT_SEQ = ('0000000000000003 0000000000000003 {time 3} {time 3} 00000000 '
            '00000000 00000000 {session} 00000000 00000000 '
            '0000000000000003')
STAT_A1 = ('0000000000000002 0000000000000002 {time 2} {time 2} 00000000 '
           '00000001 00000000 0000000000000000 00000002 00000001 '
           '0000000000000003')
STAT_A2 = ('0000000000000002 0000000000000004 {time 2} {time 4} 00000001 '
           '00000001 00000000 0000000000000000 00000003 00000001 '
           '0000000000000003')
STAT_A3 = ('0000000000000002 0000000000000004 {time 2} {time 4} 00000001 '
           '00000001 00000001 0000000000000000 00000003 00000001 '
           '0000000000000003')
STAT_C = ('0000000000000007 0000000000000007 {time 7} {time 7} 00000000 '
          '00000000 00000000 0000000000000000 00000000 00000000 '
          '0000000000000007')
STAT_C2 = ('0000000000000007 0000000000000007 {time 7} {time 7} 00000000 '
           '00000002 00000000 0000000000000000 00000000 00000000 '
           '000000000000000a')
STAT_T = ('0000000000000008 0000000000000008 {time 8} {time 8} 00000000 '
          '00000000 00000000 0000000000000000 00000000 00000000 '
          '0000000000000008')
STAT_M = ('000000000000000b 000000000000000b {time 11} {time 11} 00000001 '
          '00000000 00000000 0000000000000000 00000001 00000000 '
          '000000000000000b')

# One session on a fresh server: what the client sends, what must come.
CONVERSATION = [
    ('ping',
     '00000008 fffffffe 0000000b',
     ['00000010 fffffffe 0000000000000001 00000000']),
    ('create',
     '00000033 00000001 00000001 00000002 "/a" 00000002 "v1" OPEN '
     '00000000',
     ['00000016 00000001 0000000000000002 00000000 00000002 "/a"']),
    ('create2, ephemeral sequential, null data',
     '00000034 00000002 0000000f 00000005 "/a/e-" ffffffff OPEN 00000003',
     ['00000067 00000002 0000000000000003 00000000 0000000f '
      '"/a/e-0000000000" ' + STAT_SEQ]),
    ('getData with watch',
     '0000000f 00000003 00000004 00000002 "/a" 01',
     ['0000005a 00000003 0000000000000003 00000000 00000002 "v1" '
      + STAT_A1]),
    ('getChildren2 with watch',
     '0000000f 00000004 0000000c 00000002 "/a" 01',
     ['00000068 00000004 0000000000000003 00000000 00000001 0000000c '
      '"e-0000000000" ' + STAT_A1]),
    ('exists on a missing node, with watch',
     '00000012 00000005 00000003 00000005 "/none" 01',
     ['00000010 00000005 0000000000000003 ffffff9b']),
    ('setData: the event precedes the reply',
     '00000019 00000006 00000005 00000002 "/a" 00000003 "v22" ffffffff',
     ['0000001e ffffffff {event 4} 00000000 00000003 00000003 00000002 '
      '"/a"',
      '00000054 00000006 0000000000000004 00000000 ' + STAT_A2]),
    ('setData with a wrong version uses a zxid',
     '00000017 00000007 00000005 00000002 "/a" 00000001 "x" 00000009',
     ['00000010 00000007 0000000000000005 ffffff99']),
    ('getACL',
     '0000000e 00000008 00000006 00000002 "/a"',
     ['0000006f 00000008 0000000000000005 00000000 OPEN ' + STAT_A2]),
    ('setACL to a digest id',
     '0000002e 00000009 00000007 00000002 "/a" 00000001 0000001f 00000006 '
     '"digest" 00000006 "u:abc=" ffffffff',
     ['00000054 00000009 0000000000000006 00000000 ' + STAT_A3]),
    ('getData without permission',
     '0000000f 0000000a 00000004 00000002 "/a" 00',
     ['00000010 0000000a 0000000000000006 ffffff9a']),
    ('sync repeats the last zxid',
     '0000000d 0000000b 00000009 00000001 "/"',
     ['00000015 0000000b 0000000000000006 00000000 00000001 "/"']),
    ('createContainer: owner shown as 0',
     '00000031 0000000c 00000013 00000002 "/c" 00000000 OPEN 00000004',
     ['0000005a 0000000c 0000000000000007 00000000 00000002 "/c" '
      + STAT_C]),
    ('createTTL: owner shown as 0',
     '00000039 0000000d 00000015 00000002 "/t" 00000000 OPEN 00000005 '
     '000000000000ea60',
     ['0000005a 0000000d 0000000000000008 00000000 00000002 "/t" '
      + STAT_T]),
    ('auth digest is answered with zxid 0',
     '0000001d fffffffc 00000064 00000000 00000006 "digest" 00000003 '
     '"u:p"',
     ['00000010 fffffffc 0000000000000000 00000000']),
    ('whoAmI',
     '00000008 0000000e 0000006b',
     ['00000036 0000000e 0000000000000008 00000000 00000002 00000002 "ip" '
      '00000009 "127.0.0.1" 00000006 "digest" 00000001 "u"']),
    ('addWatch, recursive',
     '00000012 0000000f 0000006a 00000002 "/c" 00000001',
     ['00000014 0000000f 0000000000000008 00000000 00000000']),
    ('create under a recursive watch',
     '00000033 00000010 00000001 00000004 "/c/x" 00000000 OPEN 00000000',
     ['00000020 ffffffff {event 9} 00000000 00000001 00000003 00000004 '
      '"/c/x"',
      '00000018 00000010 0000000000000009 00000000 00000004 "/c/x"']),
    ('removeWatches, any',
     '00000012 00000011 00000012 00000002 "/c" 00000003',
     ['00000010 00000011 0000000000000009 00000000']),
    ('getAllChildrenNumber',
     '0000000d 00000012 00000068 00000001 "/"',
     ['00000014 00000012 0000000000000009 00000000 00000008']),
    ('getEphemerals',
     '0000000d 00000013 00000067 00000001 "/"',
     ['00000027 00000013 0000000000000009 00000000 00000001 0000000f '
      '"/a/e-0000000000"']),
    ('delete',
     '00000014 00000014 00000002 00000004 "/c/x" 00000000',
     ['00000010 00000014 000000000000000a 00000000']),
    ('multi: check, create, setData, delete',
     '00000081 00000015 0000000e 0000000d 00 ffffffff 00000002 "/c" '
     '00000000 00000001 00 ffffffff 00000002 "/m" 00000000 OPEN 00000000 '
     '00000005 00 ffffffff 00000002 "/m" 00000001 "z" 00000000 '
     '00000002 00 ffffffff 00000002 "/m" 00000001 ffffffff 01 ffffffff',
     ['00000087 00000015 000000000000000b 00000000 0000000d 00 00000000 '
      '00000001 00 00000000 00000002 "/m" 00000005 00 00000000 '
      + STAT_M + ' 00000002 00 00000000 ffffffff 01 ffffffff']),
    ('multi that fails: header err 0, codes inside',
     '0000006c 00000016 0000000e 00000001 00 ffffffff 00000002 "/m" '
     '00000000 OPEN 00000000 00000002 00 ffffffff 00000005 "/none" '
     'ffffffff 0000000d 00 ffffffff 00000002 "/c" 00000000 ffffffff 01 '
     'ffffffff',
     ['00000040 00000016 000000000000000c 00000000 ffffffff 00 00000000 '
      '00000000 ffffffff 00 ffffff9b ffffff9b ffffffff 00 fffffffe '
      'fffffffe ffffffff 01 ffffffff']),
    ('multiRead: each op on its own',
     '00000043 00000017 00000016 00000004 00 ffffffff 00000002 "/c" 00 '
     '00000008 00 ffffffff 00000005 "/none" 00 00000008 00 ffffffff '
     '00000001 "/" 00 ffffffff 01 ffffffff',
     ['000000a0 00000017 000000000000000c 00000000 00000004 00 00000000 '
      '00000000 ' + STAT_C2 + ' ffffffff 00 ffffff9b ffffff9b 00000008 00 '
      '00000000 {names a c t zookeeper} ffffffff 01 ffffffff']),
    ('setWatches: events with zxid -1, then the reply',
     '00000037 fffffff8 00000065 0000000000000001 00000002 00000002 "/c" '
     '00000005 "/gone" 00000001 00000002 "/c" 00000001 00000002 "/c"',
     ['0000001e ffffffff ffffffffffffffff 00000000 00000003 00000003 '
      '00000002 "/c"',
      '00000021 ffffffff ffffffffffffffff 00000000 00000002 00000003 '
      '00000005 "/gone"',
      '0000001e ffffffff ffffffffffffffff 00000000 00000001 00000003 '
      '00000002 "/c"',
      '0000001e ffffffff ffffffffffffffff 00000000 00000004 00000003 '
      '00000002 "/c"',
      '00000010 fffffff8 000000000000000c 00000000']),
    ('setWatches2',
     '0000002a fffffff8 00000069 0000000000000063 00000000 00000000 '
     '00000000 00000001 00000002 "/c" 00000000',
     ['00000010 fffffff8 000000000000000c 00000000']),
    ('unknown opcode: zxid -1, then the socket closes',
     '00000008 00000018 00000063',
     ['00000010 00000018 ffffffffffffffff fffffffa', 'END']),
]

# On a second session; creating it used zxid 13, closing it uses 14.
FAREWELL = [
    ('closeSession',
     '00000008 00000001 fffffff5',
     ['00000010 00000001 000000000000000e 00000000', 'END']),
]

ZEROS = '00000000000000000000000000000000'

NEW_SESSION = (
    '0000002d 00000000 0000000000000000 00002710 0000000000000000 '
    '00000010 ' + ZEROS + ' 01',
    '00000025 00000000 00002710 {session} 00000010 {passwd} 00')

OLD_FORM = (
    '0000002c 00000000 0000000000000000 00002710 0000000000000000 '
    '00000010 ' + ZEROS,
    '00000024 00000000 00002710 {session} 00000010 {passwd}')

NULL_PASSWORD = (
    '0000001d 00000000 0000000000000000 00002710 0000000000000000 '
    'ffffffff 00',
    '00000025 00000000 00002710 {session} 00000010 {passwd} 00')

REATTACH = (
    '0000002d 00000000 0000000000000000 00004e20 {session} '
    '00000010 {passwd} 00',
    '00000025 00000000 00004e20 {session} 00000010 {passwd} 00')

WRONG_PASSWORD = (
    '0000002d 00000000 0000000000000000 00002710 {session} '
    '00000010 ' + ZEROS + ' 00',
    '00000025 00000000 00000000 0000000000000000 00000010 ' + ZEROS
    + ' 00')

WRONG_PASSWORD_OLD_FORM = (
    '0000002c 00000000 0000000000000000 00002710 {session} '
    '00000010 ' + ZEROS,
    '00000024 00000000 00000000 0000000000000000 00000010 ' + ZEROS)

UNKNOWN_SESSION = (
    '0000002d 00000000 0000000000000000 00002710 0000000000000007 '
    '00000010 ' + zkwire.session_password(7).hex() + ' 00',
    '00000025 00000000 00000000 0000000000000000 00000010 ' + ZEROS
    + ' 00')


class Mismatch(Exception):
    pass


def words(text):
    """Splits a frame into words; {..} and ".." may hold blanks."""
    out, at = [], 0
    while at < len(text):
        char = text[at]
        if char == ' ':
            at += 1
            continue
        close = {'{': '}', '"': '"'}.get(char)
        end = text.index(close, at + 1) + 1 if close else \
            (text + ' ').index(' ', at)
        out.append(text[at:end])
        at = end
    return out


class Frames:
    """Turns words into bytes to send, and matches what was received."""

    # A clock step of this size during the run does not matter.
    CLOCK_SLACK = 5000

    def __init__(self, newest):
        self.newest = newest
        self.session = 0
        self.times = {}
        self.started = int(time.time() * 1000) - self.CLOCK_SLACK

    def _fixed(self, word):
        """The bytes of a word that leaves no choice, else None."""
        if word == 'OPEN':
            return self.encode(OPEN)
        if word == '{session}' and self.session:
            return struct.pack('>q', self.session)
        if word == '{passwd}':
            return zkwire.session_password(self.session)
        if word.startswith('{event '):
            zxid = int(word[7:-1]) if self.newest else -1
            return struct.pack('>q', zxid)
        if word.startswith('"'):
            return word[1:-1].encode()
        if word.startswith('{'):
            return None
        return bytes.fromhex(word)

    def encode(self, text):
        return b''.join(self._fixed(word) for word in words(text))

    def match(self, text, frame):
        """Raises Mismatch unless frame (with its length) is as text."""
        at = 0
        for word in words(text):
            fixed = self._fixed(word)
            if fixed is not None:
                size = len(fixed)
                good = frame[at:at + size] == fixed
            elif word == '{session}':
                size = 8
                self.session = struct.unpack('>q', frame[at:at + 8])[0]
                good = self.session != 0
            elif word.startswith('{time '):
                size = 8
                good = self._time(int(word[6:-1]), frame[at:at + 8])
            else:
                size, good = self._names(word[7:-1].split(), frame[at:])
            if not good:
                raise Mismatch(self._report(text, word, frame, at))
            at += size
        if at != len(frame):
            raise Mismatch(self._report(text, '(end)', frame, at))

    def _time(self, txn, data):
        if len(data) != 8:
            return False
        value = struct.unpack('>q', data)[0]
        now = int(time.time() * 1000) + self.CLOCK_SLACK
        good = self.started <= value <= now
        for other, seen in self.times.items():
            good = good and (value - seen) * (txn - other) >= 0
        good = good and self.times.get(txn, value) == value
        self.times.setdefault(txn, value)
        return good

    @staticmethod
    def _names(names, data):
        reader = zkwire.Reader(data)
        try:
            got = reader.strings()
        except zkwire.DecodeError:
            return 0, False
        return reader.pos, sorted(got or []) == sorted(names)

    @staticmethod
    def _report(text, word, frame, at):
        return ('\n  expected: %s\n  received: %s\n  differs at byte %d, '
                'expected there: %s' % (text, frame.hex(), at, word))


class GoldenFrames(harness.ServerCase):
    """Each test has a server of its own: the tables name zxids."""

    @classmethod
    def setUpClass(cls):
        if harness.subject() == 'java':
            harness.need_java()

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        harness.ServerCase.setUpClass.__func__(type(self))
        self.addCleanup(self.server.close)
        self.newest = self.server.newest
        self.frames = Frames(self.newest)

    def exchange(self, conn, sent, expected):
        """Sends one frame and matches those that must come back."""
        conn.send_raw(self.frames.encode(sent))
        for text in expected:
            if text == 'END':
                self.assert_closes(conn)
                continue
            body = conn.read_frame()
            frame = struct.pack('>i', len(body)) + body
            try:
                self.frames.match(text, frame)
            except Mismatch as error:
                self.fail(str(error))

    def converse(self, conn, table):
        for name, sent, expected in table:
            with self.subTest(name):
                self.exchange(conn, sent, expected)

    def test_conversation(self):
        """every request of one session, then the end of another"""
        conn = self.open()
        self.exchange(conn, NEW_SESSION[0], [NEW_SESSION[1]])
        self.converse(conn, CONVERSATION)
        second = self.open()
        self.frames.session = 0
        self.exchange(second, NEW_SESSION[0], [NEW_SESSION[1]])
        self.converse(second, FAREWELL)

    def test_connect_forms(self):
        """the forms of ConnectRequest and what answers them"""
        for name, pair in (('new', NEW_SESSION), ('old form', OLD_FORM),
                           ('null password', NULL_PASSWORD)):
            with self.subTest(name):
                self.frames.session = 0
                self.exchange(self.open(), pair[0], [pair[1]])
        first = self.open()
        self.frames.session = 0
        self.exchange(first, NEW_SESSION[0], [NEW_SESSION[1]])
        again = self.open()
        with self.subTest('re-attach takes the session over'):
            self.exchange(again, REATTACH[0], [REATTACH[1]])
            self.assert_closes(first)
        for name, pair in (('wrong password', WRONG_PASSWORD),
                           ('wrong password, old form',
                            WRONG_PASSWORD_OLD_FORM),
                           ('unknown session', UNKNOWN_SESSION)):
            with self.subTest(name):
                self.exchange(self.open(), pair[0], [pair[1], 'END'])


if __name__ == '__main__':
    harness.main(__name__)
