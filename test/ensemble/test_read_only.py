#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""readonlymode.enabled: a member that has lost its quorum serves reads to
clients that take that, until the quorum is back."""
import faulthandler
import unittest

import ensemble
import zkwire

OK, NO_NODE, NOT_READ_ONLY = 0, -101, -119


class ReadOnly(unittest.TestCase):
    def begin(self, **config):
        """One member alone; the others were killed."""
        self.e = ensemble.Ensemble(
            'zkd', 'zkd', 'zkd', config=config,
            properties={'readonlymode.enabled': 'true'})
        self.addCleanup(self.e.close)
        self.e.start()
        leader = self.e.wait_settled()
        self.left = next(m for m in self.e if m is not leader)
        with leader.connect() as conn:
            self.assertEqual(OK, conn.call(zkwire.create('/a', b'1')).err)
            self.e.wait('all have it',
                        lambda: self.left.zxid() == leader.zxid())
            self.old = conn
        self.gone = [m for m in self.e if m is not self.left]
        for member in self.gone:
            member.kill()
        self.e.wait_role(self.left, 'read-only')

    def refused(self, **fields):
        with zkwire.Conn(self.left.address) as conn:
            with self.assertRaises(zkwire.Closed):
                conn.handshake(**fields)

    def test_serves_reads_until_the_quorum_is_back(self):
        self.begin(localSessionsEnabled='true')
        self.assertEqual('ro', self.left.word('isro'))
        self.refused()
        # Another server's session: who leads may know it.
        self.refused(read_only=True, session=self.old.session,
                     passwd=self.old.passwd)
        conn = self.left.connect(read_only=True)
        self.addCleanup(conn.close)
        reply = conn.call(zkwire.get_data('/a', True))
        self.assertEqual((OK, b'1'), (reply.err, reply.body['data']))
        for request in (zkwire.create('/b'), zkwire.set_data('/a'),
                        zkwire.delete('/a'), zkwire.sync('/'),
                        zkwire.create('/e', flags=zkwire.EPHEMERAL),
                        zkwire.multi(zkwire.create('/b'))):
            self.assertEqual(NOT_READ_ONLY, conn.call(request).err)
        self.assertEqual(NO_NODE, conn.call(zkwire.exists('/b')).err)
        self.gone[0].start()
        self.e.wait_role(self.left, 'leader', 'follower')
        conn.wait_closed()
        with self.left.connect() as conn:
            self.assertEqual(OK, conn.call(zkwire.create('/b')).err)
        self.assertEqual('rw', self.left.word('isro'))
        self.gone[1].start()
        self.e.wait_settled()
        self.assertIn('/b', self.e.wait_same_trees())

    def test_gives_no_session_of_the_quorum(self):
        self.begin()
        self.refused(read_only=True)
        self.refused(read_only=True, session=self.old.session,
                     passwd=self.old.passwd)


if __name__ == '__main__':
    faulthandler.dump_traceback_later(180, exit=True)
    unittest.main(verbosity=2)
