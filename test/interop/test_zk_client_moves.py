#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The client of this project (src/client) and ensembles: it goes on to another
server, and finds one with a quorum."""
import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, 'lib'))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'ensemble'))

import ensemble                                             # noqa: E402
import harness                                              # noqa: E402
import zkwire                                               # noqa: E402
from clientdriver import ClientCase                         # noqa: E402


class InEnsembles:
    kinds = ()

    def begin(self, config=None, properties=None):
        if 'java' in self.kinds:
            harness.need_java()
        self.e = ensemble.Ensemble(*self.kinds, config=config or {},
                                   properties=properties or {})
        self.addCleanup(self.e.close)
        self.e.start()
        leader = self.e.wait_settled()
        self.all = ','.join('%s:%d' % m.address for m in self.e)
        return leader

    def at(self, client):
        """The member that the client is connected to."""
        server = client.state('server')
        return next((m for m in self.e
                     if '%s:%d' % m.address == server), None)

    def test_moves_to_another_server(self):
        self.begin()
        c = self.client(self.all, '-t', '20000')
        self.tells(c, '! None SyncConnected')
        c.ok('create', '/a')
        c.ok('create', '/e', '-', '1')
        session = c.state('session')
        for round in range(2):
            c.ok('get', '/a', 'w')
            here = self.at(c)
            here.kill()
            self.tells(c, '! None Disconnected', '! None SyncConnected')
            self.assertIsNot(self.at(c), here)
            self.assertEqual(c.state('session'), session)
            self.assertEqual(
                c.insist('set', '/a', str(round)).err, 'ok')
            while c.next() != '! NodeDataChanged SyncConnected /a':
                pass
            self.assertEqual(c.insist('exists', '/e').err, 'ok')
            here.start()
            self.e.wait_settled()

    def test_updates_its_servers(self):
        self.begin()
        c = self.client('%s:%d' % self.e[1].address)
        self.tells(c, '! None SyncConnected')
        self.assertEqual(c.ask('servers', 'nonsense:x').err, 'ZK_ECONFIG')
        self.assertEqual(c.ask('servers', '%s:%d' % self.e[2].address).err,
                         'ZK_OK')
        self.tells(c, '! None Disconnected', '! None SyncConnected')
        self.assertIs(self.at(c), self.e[2])

    def test_read_only_until_the_quorum_is_back(self):
        # Without a quorum there are no sessions but local ones.
        leader = self.begin({'localSessionsEnabled': 'true'},
                            {'readonlymode.enabled': 'true'})
        with leader.connect() as conn:
            self.assertEqual(conn.call(zkwire.create('/a', b'1')).err, 0)
        left = next(m for m in self.e if m is not leader)
        self.e.wait('all have it', lambda: left.zxid() == leader.zxid())
        gone = [m for m in self.e if m is not left]
        for member in gone:
            member.kill()
        self.e.wait_role(left, 'read-only')
        c = self.client(self.all, '-r', '-t', '20000')
        self.tells(c, '! None ConnectedReadOnly')
        self.assertEqual(c.ok('get', '/a')['data'], '1')
        self.err('Not-a-read-only-call', c.ask('set', '/a', '2'))
        self.assertEqual(c.state('state'), 'CONNECTEDREADONLY')
        self.assertIs(self.at(c), left)
        for member in gone:
            member.start()
        self.e.wait_settled()
        self.tells(c, '! None Disconnected')
        while c.next() != '! None SyncConnected':
            pass
        self.assertEqual(c.insist('set', '/a', '2').err, 'ok')


class InZkdEnsembles(InEnsembles, ClientCase):
    kinds = ('zkd', 'zkd', 'zkd')


class InJavaEnsembles(InEnsembles, ClientCase):
    kinds = ('java', 'java', 'java')


if __name__ == '__main__':
    harness.main('__main__')
