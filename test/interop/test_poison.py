#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Requests and bytes that hurt servers: refused, and the server lives on.

A bystander keeps a session and a watch during every check and works
afterwards: whatever one client sends, others must not notice.  Requests
that are known to destroy Apache's 3.8.0 are left out when that server is
under test; the rest is run against it too.
"""

import os
import random
import resource
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), 'lib'))

import harness                          # noqa: E402
import zkwire as zk                     # noqa: E402

FUZZ_ROUNDS = 400

# Sessions that shall not expire, however slow the machine is (ms).
LONG = 300000
LONG_SESSIONS = {'maxSessionTimeout': str(LONG)}


class Case(harness.ServerCase):

    config = LONG_SESSIONS

    def setUp(self):
        super().setUp()
        self.bystander = self.server.connect(timeout=LONG)
        self.addCleanup(lambda: self._end(self.bystander))
        self.home = self.fresh(self.bystander)
        self.addCleanup(self.check_bystander)

    def check_bystander(self):
        """The other session still works, writes get new zxids."""
        self.server.check_alive()
        conn = self.bystander
        before = self.expect(conn, zk.ping(), 0).zxid
        self.expect(conn, zk.get_data(self.home, True), 0)
        reply = self.expect(conn, zk.set_data(self.home, b'alive'), 0)
        self.assertGreater(reply.zxid, before)
        events = conn.drain()
        self.assertEqual([(e.type, e.path) for e in events],
                         [(3, self.home)])
        self.expect(self.connect(), zk.create(self.home + '/c', flags=3), 0)

    def not_for_java(self, why):
        if not self.newest:
            self.skipTest('destroys Apache 3.8.0: ' + why)

    def crash_and_check(self):
        """What is on disk can be read after a crash."""
        value = b'%d' % time.monotonic_ns()
        self.expect(self.bystander, zk.set_data(self.home, value), 0)
        self.server.restart(crash=True)
        self.bystander.close()
        self.bystander = self.server.connect(timeout=LONG)
        reply = self.expect(self.bystander, zk.get_data(self.home), 0)
        self.assertEqual(reply.body['data'], value)


class Requests(Case):
    """Well-formed frames with a poisonous meaning."""

    def test_top_level_check(self):
        """op 13 outside a multi: -6 and close"""
        self.not_for_java('its log cannot be read again')
        for path in (self.home, '/nop'):
            conn = self.connect()
            reply = conn.call(zk.check(path))
            self.assertEqual(reply.err, -6)
            self.assert_closes(conn)
        self.crash_and_check()

    def test_ttl_with_plain_flags(self):
        """createTTL with non-TTL flags and ttl -1: -8"""
        self.not_for_java('applying it throws')
        conn = self.connect()
        for flags in range(5):
            for ttl in (-1, 0, 1, 1 << 40, -(1 << 63)):
                request = zk.create_ttl(self.home + '/t', flags=flags,
                                        ttl=ttl)
                with self.subTest(repr(request)):
                    self.expect(conn, request, -8)
        self.crash_and_check()

    def test_ttl_in_multi(self):
        """createTTL inside multi with a ttl out of range is refused"""
        self.not_for_java('applying it throws')
        conn = self.connect()
        for flags in (5, 6):
            for ttl in (-1, 0, 1 << 40):
                request = zk.multi(zk.create_ttl(
                    self.home + '/m', flags=flags, ttl=ttl))
                with self.subTest(repr(request)):
                    reply = conn.call(request)
                    failed = reply.err != 0 or any(
                        r.err for r in reply.body['results'])
                    self.assertTrue(failed, reply)
        self.expect(conn, zk.exists(self.home + '/m'), -101)
        self.crash_and_check()

    def test_delete_container(self):
        """op 20 from a client: -6, nothing is deleted"""
        conn = self.connect()
        path = self.home + '/c'
        self.expect(conn, zk.create_container(path), 0)
        bodies = (zk.delete_container(path).body, path.encode(),
                  struct.pack('>i', len(path) + 4)
                  + zk.delete_container(path).body, b'')
        for body in bodies:
            other = self.connect()
            other.post(zk.Request(20, body))
            try:
                reply = other.next()
                self.assertEqual(reply.err, -6 if self.newest else -8)
            except zk.Closed:
                pass
        self.expect(conn, zk.exists(path), 0)

    def test_create_session(self):
        """op -10 on an established connection: closed, nothing injected"""
        self.not_for_java('answers a second ConnectResponse')
        for body in (struct.pack('>i', 5000), b'', b'x' * 44):
            conn = self.connect()
            conn.post(zk.Request(-10, body))
            for frame in conn.wait_closed():
                # A refusal may be said; a ConnectResponse may not.
                self.assertEqual(zk.decode_reply(-10, frame).err, -6)
        self.crash_and_check()

    def test_cut_bodies(self):
        """a write cut anywhere: -5 with a zxid of its own, if a reply"""
        conn = self.connect()
        requests = (
            zk.create(self.home + '/x', b'data'),
            zk.create2(self.home + '/x', b'data'),
            zk.create_container(self.home + '/x', b'data'),
            zk.create_ttl(self.home + '/x', b'data'),
            zk.delete(self.home + '/x'),
            zk.set_data(self.home, b'data'),
            zk.set_acl(self.home),
            zk.reconfig('a', 'b', 'c'),
            zk.multi(zk.create(self.home + '/x', b'data'),
                     zk.set_data(self.home, b'y'),
                     zk.check(self.home)))
        last = self.expect(conn, zk.ping(), 0).zxid
        for request in requests:
            for size in range(0, len(request.body), 3):
                cut = request.cut(size)
                with self.subTest(repr(cut)):
                    reply = conn.call(cut)
                    self.assertEqual((reply.err, reply.rest), (-5, b''))
                    # reconfig is parsed before a zxid is taken.
                    cost = 0 if request.op == 16 else 1
                    self.assertEqual(reply.zxid, last + cost)
                last = reply.zxid
        self.expect(conn, zk.exists(self.home + '/x'), -101)
        self.crash_and_check()

    def test_cut_reads(self):
        """a read cut anywhere: -5, and the connection goes on"""
        conn = self.connect()
        for request in (zk.get_data(self.home, True),
                        zk.exists(self.home, True),
                        zk.get_children(self.home, True),
                        zk.get_children2(self.home, True),
                        zk.get_acl(self.home), zk.sync(self.home),
                        zk.check_watches(self.home, 1),
                        zk.remove_watches(self.home, 1),
                        zk.add_watch(self.home, 1),
                        zk.get_ephemerals(self.home),
                        zk.get_all_children_number(self.home),
                        zk.set_watches(1, [self.home], [], []),
                        zk.set_watches2(1, [self.home]),):
            for size in range(0, len(request.body), 2):
                with self.subTest(repr(request.cut(size))):
                    self.expect(conn, request.cut(size), -5)
        self.assertEqual(conn.drain(), [])

    def test_counts(self):
        """vectors with negative and huge counts are no reason to die"""
        conn = self.connect()
        for count in (-2, -7, -(1 << 31), 1 << 20, (1 << 31) - 1,
                      0x10000000):
            head = zk.Writer().string(self.home + '/v').buffer(b'')
            body = head.int(count).int(31).string('world').string('anyone')
            for op in (1, 15, 19):
                with self.subTest('create, %d ACL entries' % count):
                    reply = conn.call(zk.Request(
                        op, body.bytes() + struct.pack('>i', 0)))
                    # Negative counts read as an empty list: the rest of
                    # the body is then taken for the flags.
                    self.assertIn(reply.err, (-5, -8, -114))
            for op in (101, 105):
                body = zk.Writer().long(1).int(count).string(self.home)
                with self.subTest('setWatches, %d paths' % count):
                    reply = conn.call(zk.Request(
                        op, body.bytes() + b'\0' * 16, None, -8))
                    self.assertIn(reply.err, (0, -5))
        conn.drain()

    def test_lengths(self):
        """strings and buffers with lengths beyond the frame: -5"""
        conn = self.connect()
        for size in (-2, -(1 << 31), 1 << 20, (1 << 31) - 1, 100):
            body = struct.pack('>i', size) + b'/short\0\0\0\0'
            for op in (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 17, 18, 19, 21,
                       103, 104, 106):
                with self.subTest('op %d, length %d' % (op, size)):
                    self.assertEqual(conn.call(zk.Request(op, body)).err,
                                     -5)

    def test_nested_multi(self):
        """multi inside multi, and ops no multi may hold: -5"""
        conn = self.connect()
        inner = zk.multi(zk.create(self.home + '/x'))
        for op in (inner, zk.close_session(), zk.ping(), zk.sync('/'),
                   zk.reconfig('a'), zk.set_acl(self.home),
                   zk.delete_container(self.home), zk.auth('digest', b'a'),
                   zk.Request(-10, b'\0\0\0\1'), zk.Request(-1),
                   zk.multi_read()):
            with self.subTest(repr(op)):
                self.expect(conn, zk.multi(op), -5)

    def test_multi_of_long_acls(self):
        """ACLs that the server would have to write out many times over:
        bounded memory"""
        self.not_for_java('takes all memory')
        conn = self.connect()
        for n in range(900):
            self.expect(conn, zk.auth('digest', b'u%d:p' % n), 0)
        acl = [zk.ACL(n + 1, 'auth', '') for n in range(20)]
        before = self.peak_memory()
        self.expect(conn, zk.multi(*[
            zk.create('%s/x%d' % (self.home, n), acl=acl)
            for n in range(250)]), -5)
        self.assertLess(self.peak_memory() - before, 200 << 20)
        self.expect(conn, zk.exists(self.home + '/x0'), -101)

    def peak_memory(self):
        """What the server ever held, in bytes."""
        with open('/proc/%d/status' % self.server.process.pid,
                  encoding='ascii') as status:
            for line in status:
                if line.startswith('VmHWM:'):
                    return int(line.split()[1]) << 10
        raise AssertionError('no VmHWM')

    def test_close_of_a_session_that_comes_back(self):
        """a connection that takes a session over while its end is on the
        way is closed with it"""
        if not self.newest:
            self.skipTest('Apache 3.8.0 keeps that connection')
        for turn in range(20):
            old, new = self.connect(), self.open()
            old.post(*[zk.create('%s/e%d_%d' % (self.home, turn, n), flags=1)
                       for n in range(20)], zk.close_session())
            new.handshake(session=old.session, passwd=old.passwd)
            new.wait_closed()

    def test_long_multi(self):
        """thousands of ops in one multi"""
        conn = self.connect()
        count = 5000
        ops = [zk.create('%s/m%d' % (self.home, n)) for n in range(count)]
        reply = self.expect(conn, zk.multi(*ops), 0)
        self.assertEqual(len(reply.body['results']), count)
        ops = [zk.delete('%s/m%d' % (self.home, n)) for n in range(count)]
        self.expect(conn, zk.multi(*ops), 0)
        self.expect(conn, zk.multi(*(ops + [zk.check('/nop')])), 0)
        stat = self.expect(conn, zk.exists(self.home), 0).body['stat']
        self.assertEqual(stat.numChildren, 0)
        self.crash_and_check()

    def test_deep_path(self):
        """a path of thousands of levels"""
        conn = self.connect()
        path, ops = self.home, []
        for _ in range(2000):
            path += '/d'
            ops.append(zk.create(path))
            if len(ops) == 100:
                self.expect(conn, zk.multi(*ops), 0)
                ops = []
        self.expect(conn, zk.get_all_children_number(self.home), 0)
        self.expect(conn, zk.add_watch(self.home, 1), 0)
        self.expect(conn, zk.set_data(path, b'deep'), 0)
        self.assertEqual([e.path for e in conn.drain()], [path])
        self.crash_and_check()


class LargeTransactions(Case):
    """What a server logs can be larger than what a client sent."""

    properties = {'jute.maxbuffer': '4096'}

    def test_close_session(self):
        """closing a session with more ephemerals than fit in a record"""
        self.not_for_java('its log cannot be read again')
        conn = self.connect()
        names = ['%s/%s%03d' % (self.home, 'e' * 200, n)
                 for n in range(120)]
        for name in names:
            self.expect(conn, zk.create(name, flags=1), 0)
        self.expect(conn, zk.close_session(), 0)
        stat = self.expect(self.bystander, zk.exists(self.home), 0)
        self.assertEqual(stat.body['stat'].numChildren, 0)
        self.crash_and_check()
        stat = self.expect(self.bystander, zk.exists(self.home), 0)
        self.assertEqual(stat.body['stat'].numChildren, 0)

    def test_frame_limit(self):
        """jute.maxbuffer bounds the frame"""
        conn = self.connect()
        spare = 4096 - 8 - len(zk.set_data(self.home).body)
        self.expect(conn, zk.set_data(self.home, b'x' * spare), 0)
        conn.send_raw(struct.pack('>i', 4097) + b'x' * 100)
        self.assert_closes(conn)


class Bytes(Case):
    """Bytes that are no frames."""

    def closes(self, data, half_close=False):
        conn = self.open()
        conn.send_raw(data)
        if half_close:
            conn.socket.shutdown(1)     # SHUT_WR
        self.assert_closes(conn)

    def test_first_length(self):
        """a first word that is no length and no command: closed"""
        for word in (-1, -(1 << 31), 0, 1 << 20, (1 << 31) - 1,
                     0x47455420, 0x16030100):
            with self.subTest('%08x' % (word & 0xffffffff)):
                self.closes(struct.pack('>i', word))

    def test_later_length(self):
        """a later length out of range: closed"""
        for word in (-1, -(1 << 31), 1 << 20, (1 << 31) - 1):
            with self.subTest(word):
                conn = self.connect()
                conn.send_raw(struct.pack('>i', word))
                self.assert_closes(conn)

    def test_short_frames(self):
        """frames too short for a header: closed"""
        for size in range(8):
            with self.subTest(size):
                conn = self.connect()
                conn.send_raw(struct.pack('>i', size) + b'\0' * size)
                self.assert_closes(conn)

    def test_short_connect(self):
        """a ConnectRequest that ends early: closed"""
        good = zk.connect_request()
        for size in range(0, 44, 3):
            with self.subTest(size):
                self.closes(struct.pack('>i', size) + good[:size])

    def test_connect_password_length(self):
        """a ConnectRequest whose password length lies: closed"""
        head = struct.pack('>iqiq', 0, 0, 10000, 0)
        for length in (-2, 17, 1 << 20, (1 << 31) - 1, -(1 << 31)):
            with self.subTest(length):
                body = head + struct.pack('>i', length) + b'\0' * 16
                self.closes(struct.pack('>i', len(body)) + body)

    def test_cut_then_closed(self):
        """a frame cut at any byte, then the end"""
        data = zk.connect_request()
        frame = struct.pack('>i', len(data)) + data
        for size in range(len(frame)):
            self.closes(frame[:size], half_close=True)
        frame = zk.set_data(self.home, b'never').frame(1)
        for size in range(1, len(frame)):
            conn = self.connect()
            conn.send_raw(frame[:size])
            conn.socket.shutdown(1)
            self.assert_closes(conn)
        reply = self.expect(self.bystander, zk.get_data(self.home), 0)
        self.assertNotEqual(reply.body['data'], b'never')

    def test_byte_by_byte(self):
        """frames that trickle in one byte at a time are served"""
        conn = self.open()
        data = zk.connect_request()
        for byte in struct.pack('>i', len(data)) + data:
            conn.send_raw(bytes([byte]))
        self.assertNotEqual(conn.handshake_reply().session, 0)
        conn.pending.append((1, 4))
        for byte in zk.get_data(self.home).frame(1):
            conn.send_raw(bytes([byte]))
        self.assertEqual(conn.next().err, 0)

    def test_random_bytes(self):
        """random bytes on fresh connections and in sessions"""
        rng = random.Random(harness.seed())
        for turn in range(FUZZ_ROUNDS // 4):
            conn = self.open() if turn % 2 else self.connect()
            junk = rng.randbytes(rng.randrange(1, 300))
            if turn % 4 < 2:
                # A believable length makes the server read on.
                junk = struct.pack('>i', len(junk)) + junk
            self._send_and_leave(conn, junk)

    def test_mutated_frames(self):
        """valid requests with bytes changed, added and removed"""
        rng = random.Random(harness.seed() + 1)
        for turn in range(FUZZ_ROUNDS):
            conn = self.connect()
            data = b''
            for _ in range(rng.randrange(1, 6)):
                request = rng.choice(self._samples())
                body = bytearray(request.body)
                for _ in range(rng.randrange(1, 4)):
                    self._mutate(rng, body)
                op = request.op
                if self.newest and rng.random() < 0.1:
                    op = rng.choice(list(zk.OP_NAMES) + [0, 10, 99, 108])
                data += zk.Request(op, bytes(body)).frame(turn + 1)
            self._send_and_leave(conn, data)
        self.crash_and_check()

    def _samples(self):
        home = self.home
        return [
            zk.create(home + '/x', b'abc'), zk.create2(home + '/y'),
            zk.create(home + '/s', flags=2), zk.get_data(home, True),
            zk.create(home + '/e', flags=1), zk.delete(home + '/x'),
            zk.set_acl(home + '/x'), zk.exists(home, True),
            zk.create_container(home + '/c'), zk.get_acl(home),
            zk.set_data(home + '/y', b'123'), zk.sync('/'),
            zk.get_children2(home, True), zk.who_am_i(), zk.ping(),
            zk.multi(zk.create(home + '/m'), zk.delete(home + '/m')),
            zk.multi_read(zk.get_data(home), zk.get_children('/')),
            zk.auth('digest', b'a:b'), zk.add_watch(home, 1),
            zk.remove_watches(home, 3), zk.check_watches(home, 2),
            zk.set_watches2(1, [home], [home], [home], [home], [home]),
            zk.get_ephemerals('/'), zk.get_all_children_number(home),
            zk.reconfig('server.1=a:1:2'), zk.close_session()]

    @staticmethod
    def _mutate(rng, body):
        kind = rng.randrange(5)
        at = rng.randrange(len(body) + 1)
        if kind == 0 and at < len(body):
            body[at] = rng.randrange(256)
        elif kind == 1:
            body[at:at] = rng.randbytes(rng.randrange(1, 9))
        elif kind == 2:
            del body[at:at + rng.randrange(1, 9)]
        elif kind == 3 and at + 4 <= len(body):
            body[at:at + 4] = struct.pack('>i', rng.choice(
                (-1, -2, 0, 1, 1 << 20, (1 << 31) - 1, -(1 << 31))))
        elif at < len(body):
            body[at] ^= 1 << rng.randrange(8)

    def _send_and_leave(self, conn, data):
        """Sends, waits until the server dealt with it, leaves."""
        try:
            conn.send_raw(data)
            conn.socket.shutdown(1)
            conn.wait_closed()
        except (OSError, zk.Closed):
            pass
        conn.close()


class Slow(Case):
    """Clients that are slow, silent, or many."""

    properties = {'zookeeper.nio.sessionlessCnxnTimeout': '1000'}
    config = dict(LONG_SESSIONS, tickTime='500')

    def test_silent(self):
        """a connection that says nothing is closed after the timeout"""
        conns = [self.open() for _ in range(20)]
        conns[0].send_raw(b'\0\0')      # half a length is no session
        began = time.monotonic()
        for conn in conns:
            self.assert_closes(conn)
        self.assertGreater(time.monotonic() - began, 0.5)

    def test_half_frame_keeps_session_rules(self):
        """a session that stops inside a frame expires, no more"""
        path = self.home + '/e'
        conn = self.connect(timeout=1000)
        self.expect(conn, zk.create(path, flags=1), 0)
        conn.send_raw(zk.get_data('/').frame(9)[:10])
        self.assert_closes(conn)
        # The connection may go a moment before the session does.
        deadline = time.monotonic() + 5
        while self.bystander.call(zk.exists(path)).err == 0:
            self.assertLess(time.monotonic(), deadline, 'it did not expire')

    def test_reader_that_does_not_read(self):
        """replies nobody fetches hold up nobody else"""
        size = 500000
        self.expect(self.bystander, zk.set_data(self.home, b'x' * size), 0)
        conn = self.connect(timeout=LONG)
        requests = [zk.get_data(self.home) for _ in range(64)]
        conn.post(*requests)
        began = time.monotonic()
        for _ in range(50):
            self.expect(self.bystander, zk.exists(self.home), 0)
        self.assertLess(time.monotonic() - began, 5.0)
        for _ in requests:
            self.assertEqual(len(conn.next().body['data']), size)

    def test_resets(self):
        """connections reset with requests and replies under way"""
        linger = struct.pack('ii', 1, 0)
        for _ in range(100):
            conn = self.connect(timeout=1000)
            conn.post(*[zk.set_data(self.home, b'r') for _ in range(20)])
            conn.socket.setsockopt(1, 13, linger)   # SOL_SOCKET SO_LINGER
            conn.close()


class Many(Case):

    config = dict(LONG_SESSIONS, tickTime='500')

    def test_thousands(self):
        """two thousand sessions at once, a watch and a node each"""
        count = 2000
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        want = 2 * count + 100
        if hard < want:
            count = hard // 2 - 100
        resource.setrlimit(resource.RLIMIT_NOFILE,
                           (min(max(soft, want), hard), hard))
        conns = []
        try:
            data = zk.connect_request(timeout=LONG)
            frame = struct.pack('>i', len(data)) + data
            for at in range(0, count, 100):
                batch = [zk.Conn(self.server.address) for _ in range(100)]
                conns += batch
                for conn in batch:
                    conn.send_raw(frame)
                for conn in batch:
                    self.assertNotEqual(conn.handshake_reply().session, 0)
                for conn in batch:
                    conn.post(zk.create(self.home + '/e', flags=3),
                              zk.get_data(self.home, True))
                for conn in batch:
                    self.assertEqual(
                        (conn.next_reply().err, conn.next_reply().err),
                        (0, 0))
            reply = self.expect(self.bystander,
                                zk.set_data(self.home, b'all'), 0)
            for conn in conns:
                event = conn.next()
                self.assertEqual((event.type, event.path), (3, self.home))
                if self.newest:
                    self.assertEqual(event.zxid, reply.zxid)
            for conn in conns:
                conn.post(zk.close_session())
            for conn in conns:
                self.assertEqual(conn.next_reply().err, 0)
        finally:
            for conn in conns:
                conn.close()
        stat = self.expect(self.bystander, zk.exists(self.home), 0)
        self.assertEqual(stat.body['stat'].numChildren, 0)


class PerAddressLimit(Case):

    config = dict(LONG_SESSIONS, maxClientCnxns='8')

    def test_limit(self):
        """connections beyond maxClientCnxns are closed, no others"""
        # The bystander is one of the eight.
        good = [self.connect() for _ in range(7)]
        for _ in range(5):
            try:
                conn = self.open()
            except ConnectionError:
                continue        # closed before connect() returned
            self.assert_closes(conn)
        for conn in good:
            self.expect(conn, zk.ping(), 0)
        self._end(good.pop())
        deadline = time.monotonic() + 10
        while True:
            try:
                self.connect()
                break
            except (zk.Closed, OSError):
                # The server may learn of the free place a moment later.
                self.assertLess(time.monotonic(), deadline)
        for conn in good:
            self._end(conn)


if __name__ == '__main__':
    print('seed %d' % harness.seed())
    harness.main(__name__)
