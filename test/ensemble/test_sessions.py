#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Sessions of an ensemble: they live on any member, move from one to
another, outlast leaders, and end where the leader says; and local sessions,
which are one member's alone.

Played with zkd alone and, where Debian's Apache server is installed, with one
of that as a follower and as the leader.
"""
import faulthandler
import time
import unittest

import ensemble
import servers
import zkwire

OK, NO_NODE, EPHEMERAL_ON_LOCAL = 0, -101, -120
TIMEOUT = 2000                  # ms


class Sessions:
    kinds = ()

    def begin(self, **config):
        self.e = ensemble.Ensemble(*self.kinds, config=config)
        self.addCleanup(self.e.close)
        self.e.start()
        return self.e.wait_settled()

    def session(self, member, **fields):
        conn = member.connect(timeout=TIMEOUT, **fields)
        self.addCleanup(conn.close)
        return conn

    def again(self, member, conn):
        """The session of 'conn' on another connection; who has not yet seen
        what the client has seen refuses it."""
        def attempt():
            try:
                return self.session(
                    member, session=conn.session, passwd=conn.passwd,
                    last_zxid=conn.last_zxid)
            except zkwire.Closed:
                return None
        return self.e.wait('the session is taken back', attempt)

    def ok(self, reply):
        self.assertEqual(OK, reply.err)
        return reply

    def mine(self, conn, path):
        self.ok(conn.call(zkwire.create(path, flags=zkwire.EPHEMERAL)))

    def wait_gone(self, path, member=None):
        conn = self.session(member or self.e.leader())
        self.e.wait('%s is gone' % path,
                    lambda: conn.call(zkwire.exists(path)).err == NO_NODE)

    # ---- global sessions ----

    def test_moves_between_all(self):
        self.begin()
        first = self.session(self.e[1])
        self.mine(first, '/mine')
        before = first
        for sid in (2, 3, 1, 3, 2):
            now = self.again(self.e[sid], before)
            self.assertEqual(first.session, now.session)
            self.ok(now.call(zkwire.set_data('/mine', b'%d' % sid)))
            # The one it left may still read; its next write ends it.
            before.post(zkwire.set_data('/mine', b'no'))
            self.assertEqual([], before.wait_closed())
            before = now
        self.assertEqual(first.session, self.ok(now.call(
            zkwire.exists('/mine'))).body['stat'].ephemeralOwner)
        self.ok(now.call(zkwire.close_session()))
        self.assertEqual([], now.wait_closed())
        self.wait_gone('/mine')
        self.e.wait_same_trees()

    def test_wrong_password_and_unknown(self):
        self.begin()
        conn = self.session(self.e[1])
        for member in self.e:
            for fields in ({'session': conn.session, 'passwd': b'x' * 16},
                           {'session': 0x7700000000000001,
                            'passwd': b'x' * 16}):
                other = zkwire.Conn(member.address)
                self.addCleanup(other.close)
                reply = other.handshake(**fields)
                self.assertEqual((0, 0), (reply.session, reply.timeout))
                self.assertEqual([], other.wait_closed())
        conn.close()
        self.again(self.e[2], conn)

    def test_lives_while_it_pings_and_no_longer(self):
        leader = self.begin()
        conns = {}
        for member in self.e:
            conns[member] = self.session(member)
            self.mine(conns[member], '/of%d' % member.sid)
        end = time.monotonic() + 2.5 * TIMEOUT / 1000

        def pinged_long_enough():
            for conn in conns.values():
                self.ok(conn.call(zkwire.ping()))
            return time.monotonic() > end
        self.e.wait('all have pinged for long', pinged_long_enough)
        for member, conn in conns.items():
            self.ok(conn.call(zkwire.exists('/of%d' % member.sid)))
        for member, conn in conns.items():
            self.assertEqual([], conn.wait_closed(
                timeout=5 * TIMEOUT / 1000))
            self.wait_gone('/of%d' % member.sid, leader)
        self.e.wait_same_trees()

    def test_outlasts_the_leader(self):
        leader = self.begin()
        other = next(m for m in self.e if m is not leader)
        conn = self.session(other)
        self.mine(conn, '/mine')
        leader.kill()
        successor = self.e.wait_settled()
        conn = self.again(successor, conn)
        self.assertNotEqual(0, conn.session)
        self.ok(conn.call(zkwire.set_data('/mine', b'still')))
        leader.start()
        self.e.wait_settled()
        conn = self.again(leader, conn)
        self.ok(conn.call(zkwire.sync('/')))
        self.assertEqual(b'still', self.ok(conn.call(
            zkwire.get_data('/mine'))).body['data'])
        conn.close()
        self.wait_gone('/mine')

    # ---- local ones ----

    def begin_local(self, upgrading):
        return self.begin(localSessionsEnabled='true',
                          localSessionsUpgradingEnabled=upgrading)

    def test_local_sessions_write_and_do_not_own(self):
        self.begin_local('false')
        for member in self.e:
            conn = self.session(member)
            self.assertEqual(member.sid, conn.session >> 56)
            path = '/of%d' % member.sid
            self.ok(conn.call(zkwire.create(path)))
            self.ok(conn.call(zkwire.set_data(path, b'x')))
            self.assertEqual(EPHEMERAL_ON_LOCAL, conn.call(zkwire.create(
                path + '/e', flags=zkwire.EPHEMERAL)).err)
            other = zkwire.Conn(self.e[member.sid % 3 + 1].address)
            self.addCleanup(other.close)
            # Nobody else knows it.
            reply = other.handshake(session=conn.session, passwd=conn.passwd)
            self.assertEqual(0, reply.session)
            self.ok(conn.call(zkwire.close_session()))
            self.assertEqual([], conn.wait_closed())
        self.e.wait_same_trees()

    def test_local_sessions_become_global(self):
        self.begin_local('true')
        for member in self.e:
            path = '/of%d' % member.sid
            conn = self.session(member)
            self.mine(conn, path)
            conn = self.again(self.e[member.sid % 3 + 1], conn)
            self.assertEqual(conn.session, self.ok(conn.call(
                zkwire.exists(path))).body['stat'].ephemeralOwner)
            conn.close()
        for member in self.e:
            self.wait_gone('/of%d' % member.sid)
        self.e.wait_same_trees()

    def test_local_session_ends_with_its_client(self):
        self.begin_local('true')
        for member in self.e:
            conn = self.session(member)
            self.ok(conn.call(zkwire.ping()))
            self.assertEqual([], conn.wait_closed(
                timeout=5 * TIMEOUT / 1000))


class OfZkd(Sessions, unittest.TestCase):
    kinds = ('zkd', 'zkd', 'zkd')


class WithJava(Sessions, unittest.TestCase):
    """The last one leads at first."""
    kinds = ('zkd', 'java', 'zkd')

    def setUp(self):
        if not servers.java_available():
            self.skipTest('no Apache server')


class UnderJava(WithJava):
    kinds = ('zkd', 'zkd', 'java')


if __name__ == '__main__':
    faulthandler.dump_traceback_later(900, exit=True)
    unittest.main(verbosity=2)
