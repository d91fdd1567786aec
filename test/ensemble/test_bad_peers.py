#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Strangers and liars on the ports between servers: whatever they send, the
same member leads, the same learners follow it, writes go on, memory and logs
stay small."""
import contextlib
import faulthandler
import random
import re
import socket
import struct
import time
import unittest

import ensemble
import zkwire

REQUEST, ACK, PING, REVALIDATE, SYNC = 1, 3, 5, 6, 7
FOLLOWERINFO, OBSERVERINFO, LEADERINFO, ACKEPOCH = 11, 16, 17, 18
NEWLEADER, UPTODATE = 10, 12

LOOKING, FOLLOWING, LEADING, OBSERVING = range(4)
HELLO_1, HELLO_2 = -65536, -65535

# A stranger may wait for initLimit (60 s), members must not; and sessions
# last while nobody asks anything, were the machine slow.
CONFIG = {'initLimit': '120', 'maxSessionTimeout': '60000'}
PATIENCE = 30.0

STRANGER = 77
BIG, SMALL = 0x7fffffffffffffff, -0x8000000000000000

# What one attack may add to all logs together, and to a member's memory.
LOG_LINES = 400
MEMORY_KB = 16 << 10

JUNK = (
    b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
    b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(60),   # TLS
    b'ruok',
    b'\0' * 4096,
    b'\xff' * 4096,
    struct.pack('>iqi', FOLLOWERINFO, 0, 0x7fffffff),
    struct.pack('>iqi', FOLLOWERINFO, 0, -0x80000000),
    struct.pack('>iqii', FOLLOWERINFO, 0, -1, 0x7fffffff),
    struct.pack('>qqi', HELLO_1, STRANGER, 0x7fffffff),
    struct.pack('>qqi', HELLO_2, STRANGER, -1),
    struct.pack('>qqi', HELLO_2, STRANGER, 20) + b'|' * 20,
    struct.pack('>qqi', HELLO_2, -5, 11) + b'127.0.0.1:1',
    struct.pack('>q', SMALL),
    struct.pack('>q', -3),
)


def packet(kind, zxid=0, data=None, ids=-1):
    out = struct.pack('>iqi', kind, zxid, -1 if data is None else len(data))
    return out + (data or b'') + struct.pack('>i', ids)


def learner_info(sid, config_version=0):
    return struct.pack('>qiq', sid, 0x10000, config_version)


def ack_epoch(epoch, zxid):
    return packet(ACKEPOCH, zxid, struct.pack('>I', epoch & 0xffffffff))


def hello(sid, address=b'127.0.0.1:1'):
    return struct.pack('>qqi', HELLO_1, sid, len(address)) + address


def notification(state, leader, zxid, rounds, epoch, config=b'', version=2):
    body = struct.pack('>iqqqqii', state, leader, zxid, rounds, epoch,
                       version, len(config)) + config
    return struct.pack('>i', len(body)) + body


def memory_kb(member):
    with open('/proc/%d/status' % member.pid()) as status:
        for line in status:
            if line.startswith('VmRSS:'):
                return int(line.split()[1])
    raise ensemble.Failed('%r has no memory' % member)


def is_sanitized(member):
    """Then most of its memory is not its own: a sanitizer keeps books of each
    thread and each address that there ever was, and what was freed."""
    with open('/proc/%d/maps' % member.pid()) as maps:
        return re.search('lib[atu]b?san', maps.read()) is not None


class BadPeers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.e = ensemble.Ensemble('zkd', 'zkd', 'zkd', config=CONFIG)
        cls.addClassCleanup(cls.e.close)
        cls.e.start()
        cls.leader = cls.e.wait_settled()
        cls.followers = [m for m in cls.e if m is not cls.leader]
        cls.sanitized = is_sanitized(cls.leader)

    def setUp(self):
        self.rng = random.Random(self.id())
        self.sockets = contextlib.ExitStack()
        self.addCleanup(self.sockets.close)
        self.sessions = [m.connect(timeout=60000) for m in self.e]
        for conn in self.sessions:
            self.addCleanup(conn.close)
        self.before = {m.sid: (m.pid(), m.role(), memory_kb(m))
                       for m in self.e}
        self.lines = self.count_lines()
        self.elections = self.count_lines(' - LOOKING')

    def count_lines(self, text=''):
        count = 0
        for member in self.e:
            with open(member.log_path, errors='replace') as log:
                count += sum(text in line for line in log)
        return count

    def dial(self, member, port):
        s = socket.create_connection((ensemble.HOST,
                                      member.ports[port].number), PATIENCE)
        self.sockets.callback(s.close)
        s.settimeout(PATIENCE)
        return s

    def quorum_port(self, *pieces):
        """A connection to the leader that has sent these."""
        s = self.dial(self.leader, 1)
        self.send(s, *pieces)
        return s

    @staticmethod
    def send(s, *pieces):
        with contextlib.suppress(OSError):      # It may have closed it.
            for piece in pieces:
                s.sendall(piece)

    def assert_closed(self, s):
        """The other side closes it, whatever it sends before that."""
        with contextlib.suppress(ConnectionError):
            while s.recv(65536):
                pass

    def await_bytes(self, s, wanted):
        """Reads until they have come; what stands around them is of no
        interest."""
        got = b''
        while wanted not in got:
            more = s.recv(65536)
            self.assertNotEqual(b'', more, 'closed before %r' % wanted)
            got += more
        return got

    def await_leader_info(self, s):
        """The zxid in it."""
        head = struct.pack('>i', LEADERINFO)
        got = self.await_bytes(s, struct.pack('>ii', 4, 0x10000))
        self.assertEqual(head, got[:4])
        return struct.unpack_from('>q', got, 4)[0]

    def join(self, kind, sid, epoch=0, zxid=0):
        """A learner that has acked NEWLEADER, and the zxid of that."""
        s = self.quorum_port(packet(kind, epoch << 32, learner_info(sid)))
        new_leader = self.await_leader_info(s)
        self.send(s, ack_epoch(epoch, zxid))
        self.await_bytes(s, struct.pack('>iq', NEWLEADER, new_leader))
        self.send(s, packet(ACK, new_leader), packet(ACK, new_leader))
        return s, new_leader

    def check_unmoved(self):
        for at, conn in enumerate(self.sessions):
            reply = conn.call(zkwire.create('/n', flags=zkwire.EPHEMERAL))
            self.assertEqual(0, reply.err)
            self.assertEqual(0, conn.call(zkwire.delete('/n')).err)
        for member in self.e:
            pid, role, memory = self.before[member.sid]
            self.assertEqual((pid, role), (member.pid(), member.role()),
                             member.log_tail())
            if not self.sanitized:
                self.assertLess(memory_kb(member), memory + MEMORY_KB)
        self.assertEqual(self.elections, self.count_lines(' - LOOKING'),
                         'somebody went back to looking')
        self.assertLess(self.count_lines(), self.lines + LOG_LINES)

    # ---- both ports

    def test_junk(self):
        pieces = list(JUNK)
        pieces += [self.rng.randbytes(self.rng.randrange(1, 3000))
                   for _ in range(300)]
        for piece in pieces:
            self.send(self.dial(self.leader, 1), piece)
            for member in self.e:
                self.send(self.dial(member, 2), piece)
            self.sockets.close()
        self.check_unmoved()

    def test_cut_short(self):
        """Whoever stops in the middle of a step, and stays."""
        info = packet(FOLLOWERINFO, 0, learner_info(STRANGER))
        for cut in range(0, len(info), 5):
            self.quorum_port(info[:cut])
        ack = ack_epoch(0, 0)
        for cut in range(0, len(ack), 5):
            s = self.quorum_port(packet(FOLLOWERINFO, 0,
                                        learner_info(STRANGER + 1 + cut)))
            self.await_leader_info(s)
            self.send(s, ack[:cut])
        greeting = hello(STRANGER)
        vote = notification(LOOKING, STRANGER, 0, 1, 0)
        for member in self.e:
            for cut in range(0, len(greeting), 5):
                self.dial(member, 2).sendall(greeting[:cut])
            for cut in range(0, len(vote), 5):
                self.dial(member, 2).sendall(hello(STRANGER + cut) +
                                             vote[:cut])
        self.check_unmoved()

    def test_idle_crowd(self):
        """A follower comes back although hundreds wait at each door."""
        for _ in range(300):
            self.dial(self.leader, 1)
            self.dial(self.leader, 2)
        self.check_unmoved()
        follower = self.followers[0]
        follower.restart(crash=True)
        self.assertIs(self.leader, self.e.wait_settled(PATIENCE))

    # ---- the quorum port

    def test_stranger_joins(self):
        """An unknown server may have the data and has no say."""
        for kind in FOLLOWERINFO, OBSERVERINFO:
            for epoch in 0, 1, 0x7ffffffe, 0x7fffffff:
                s, new_leader = self.join(kind, STRANGER, epoch)
                self.assertLess(new_leader >> 32, 100)
                s.close()
        self.check_unmoved()

    def test_many_strangers_join(self):
        """They cannot use up the descriptors."""
        for sid in range(400):
            self.quorum_port(packet(OBSERVERINFO, 0,
                                    learner_info(1000 + sid)))
        self.check_unmoved()

    def test_epochs_and_zxids_of_acks(self):
        for epoch in 0, 0x7fffffff, 1 << 31, 0xffffffff, 0xfffffffe:
            for zxid in 0, 1, -1, -2, BIG, SMALL, 0x7fffffff00000001:
                s = self.quorum_port(packet(FOLLOWERINFO, 0,
                                            learner_info(STRANGER)))
                self.await_leader_info(s)
                self.send(s, ack_epoch(epoch, zxid))
                s.close()
        self.check_unmoved()

    def test_duplicate_of_a_follower(self):
        """Who says that it is a follower that is alive does not drive that
        out."""
        for member in self.followers + [self.leader]:
            s = self.quorum_port(packet(FOLLOWERINFO, 0,
                                        learner_info(member.sid)))
            self.assert_closed(s)
        self.check_unmoved()

    def test_bad_packets_of_a_learner(self):
        session = self.sessions[0].session
        head = struct.pack('>qii', session, 1, 1)
        for bad in (
                packet(PING, 0, b'\0' * 11),
                packet(PING, 0, struct.pack('>qi', session, -0x80000000)),
                packet(PING, 0, struct.pack('>qi', session, 0)),
                packet(PING, 0, struct.pack('>qi', 12345, 1)),
                packet(REVALIDATE, 0, b''),
                packet(REVALIDATE, 0, struct.pack('>qi', 1234, -1)),
                packet(REVALIDATE, 0, struct.pack('>qi', session, -1)),
                packet(REQUEST, 0, None), packet(REQUEST, 0, b'\0'),
                packet(REQUEST, 0, head), packet(REQUEST, 0, head, 0),
                packet(REQUEST, 0, head + b'\x7f\xff\xff\xff', 0),
                packet(REQUEST, 0, struct.pack('>qii', 1, 1, -10) + b'1'),
                packet(REQUEST, 0, struct.pack('>qii', 1, 1, 16), 0),
                packet(REQUEST, 0, struct.pack('>qii', 1, 1, 14), 0),
                packet(ACK, BIG), packet(ACK, SMALL), packet(ACK, -1),
                packet(SYNC, 0), packet(99, 0), packet(-1, 0),
                struct.pack('>iqi', REQUEST, 0, 0x7fffffff),
                packet(REQUEST, 0, b'', 0x7fffffff),
                self.rng.randbytes(2000)):
            s, _ = self.join(OBSERVERINFO, STRANGER)
            self.send(s, bad)
            s.close()
        time.sleep(1.0)                     # Two ticks: a wrong expiry shows.
        self.check_unmoved()

    # ---- the election port

    def test_hellos(self):
        for member in self.e:
            for sid in (STRANGER, member.sid, -1, 0, BIG, SMALL):
                for address in (b'127.0.0.1:1', b'0.0.0.0:99999', b':',
                                b'[::1', b'x' * 2000, b'\xff\0:1'):
                    self.send(self.dial(member, 2), hello(sid, address))
        self.check_unmoved()

    def test_votes(self):
        numbers = (0, 1, -1, BIG, SMALL, 0x7fffffff00000000)
        configs = (b'', b'version=', b'server.1=\n' * 1000, b'\xff' * 5000,
                   b'version=' + b'f' * 5000)
        for member in self.e:
            s = self.dial(member, 2)
            self.send(s, hello(STRANGER))
            for state in (LOOKING, FOLLOWING, LEADING, OBSERVING, 4, -1):
                for number in numbers:
                    self.send(s, notification(
                        state, self.rng.choice((1, 2, 3, STRANGER, number)),
                        number, self.rng.choice(numbers), number,
                        self.rng.choice(configs),
                        self.rng.choice((-1, 0, 1, 2, 3, 0x7fffffff))))
            for bad in (struct.pack('>i', 0), struct.pack('>i', -1),
                        struct.pack('>i', 0x7fffffff),
                        struct.pack('>i', 28) + bytes(28),
                        struct.pack('>i', 44) + struct.pack('>i', 0) * 9 +
                        struct.pack('>ii', 2, 0x7fffffff)):
                s = self.dial(member, 2)
                self.send(s, hello(STRANGER + 1), bad)
        self.check_unmoved()

    def test_votes_in_the_name_of_members(self):
        for member in self.e:
            for other in self.e:
                s = self.dial(member, 2)
                self.send(s, hello(other.sid), notification(
                    LOOKING, other.sid, BIG, BIG, BIG))
        self.check_unmoved()


class Questions(unittest.TestCase):
    """For sessions, of a learner, while no quorum answers."""

    ASKED = 70000               # More than a leader lets wait.

    def setUp(self):
        # It leads on although the others stand still.
        self.e = ensemble.Ensemble('zkd', 'zkd', 'zkd',
                                   config=dict(CONFIG, syncLimit='120'))
        self.addCleanup(self.e.close)
        self.e.start()
        self.leader = self.e.wait_settled()
        self.conn = self.leader.connect(timeout=60000)
        self.addCleanup(self.conn.close)
        self.s = self.observe()

    def observe(self):
        s = socket.create_connection((ensemble.HOST,
                                      self.leader.ports[1].number))
        self.addCleanup(s.close)
        s.settimeout(ensemble.DEADLINE)
        s.sendall(packet(OBSERVERINFO, 0, learner_info(STRANGER)))
        self.read_until(s, struct.pack('>ii', 4, 0x10000))
        s.sendall(ack_epoch(0, 0))
        new_leader = struct.pack('>iq', NEWLEADER, 1 << 32)
        self.read_until(s, new_leader)
        s.sendall(packet(ACK, 1 << 32))
        self.read_until(s, struct.pack('>iq', UPTODATE, -1))
        return s

    def read_until(self, s, wanted):
        got = b''
        while wanted not in got:
            more = s.recv(65536)
            self.assertNotEqual(b'', more, 'closed before %r' % wanted)
            got += more
        return got

    @staticmethod
    def question(session):
        return packet(REVALIDATE, -1, struct.pack('>qi', session, 60000))

    @staticmethod
    def answer(session, lives):
        return packet(REVALIDATE, -1, struct.pack('>q?', session, lives))

    def pause_others(self):
        others = [m for m in self.e if m is not self.leader]
        for member in others:
            member.pause()
        return others

    def test_clients_that_come_with_one_session(self):
        """The last one is told."""
        with self.leader.connect() as conn:
            session = {'session': conn.session, 'passwd': conn.passwd}
            self.assertEqual(0, conn.call(zkwire.close_session()).err)
        others = self.pause_others()
        conns = [zkwire.Conn(self.leader.address) for _ in range(3)]
        for at, conn in enumerate(conns):
            self.addCleanup(conn.close)
            hello_frame = zkwire.connect_request(**session)
            conn.send_raw(struct.pack('>i', len(hello_frame)) + hello_frame)
            if at > 0:
                conns[at - 1].wait_closed()
        for member in others:
            member.resume()
        reply = conns[-1].handshake_reply()
        self.assertEqual((0, 0), (reply.session, reply.timeout))

    def test_one_session_again_and_again(self):
        """It is told once, and the link stands."""
        others = self.pause_others()
        self.s.sendall(self.question(12345) * self.ASKED +
                       self.question(self.conn.session))
        got = self.read_until(self.s, self.answer(self.conn.session, True))
        self.assertNotIn(self.answer(12345, False), got)
        for member in others:
            member.resume()
        got = self.read_until(self.s, self.answer(12345, False))
        self.s.sendall(self.question(12346))
        got += self.read_until(self.s, self.answer(12346, False))
        self.assertEqual(1, got.count(self.answer(12345, False)))
        self.assertIs(self.leader, self.e.leader())


if __name__ == '__main__':
    faulthandler.dump_traceback_later(180, exit=True)
    unittest.main(verbosity=2)
