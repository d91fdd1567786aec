#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the client of this project (src/client) does when its link is lost:
servers that are killed, stopped or away."""
import os
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, 'lib'))

import harness                                              # noqa: E402
import servers                                              # noqa: E402
import zkwire                                               # noqa: E402
from clientdriver import ClientCase                         # noqa: E402


class Restarts:
    kind = None

    def setUp(self):
        if self.kind == 'java':
            harness.need_java()
        self.server = servers.Server(self.kind)
        self.addCleanup(self.server.discard)
        self.server.start()
        self.address = '%s:%d' % self.server.address

    def test_comes_back_after_a_crash(self):
        c = self.client(self.address, '-t', '40000')
        self.tells(c, '! None SyncConnected')
        c.ok('auth', 'digest', 'bob:secret')
        for name in ('/d', '/c', '/gone', '/p'):
            c.ok('create', name)
        c.ok('create', '/mine', 'x')
        c.ok('setacl', '/mine', 'auth', '-', '31')
        c.ok('create', '/e', '-', '1')
        c.ok('get', '/d', 'w')
        c.ok('get', '/gone', 'w')
        c.ok('ls', '/c', 'w')
        self.err('NoNode', c.ask('exists', '/new', 'w'))
        c.ok('addwatch', '/p', '1')
        session = c.state('session')
        self.server.kill()
        self.tells(c, '! None Disconnected')
        self.err('ConnectionLoss', c.ask('get', '/d'))
        self.server.start()
        with self.server.connect() as conn:
            # Missed or not, each is told once.
            for request in (zkwire.delete('/gone'), zkwire.set_data('/d'),
                            zkwire.create('/c/x'), zkwire.create('/new'),
                            zkwire.create('/p/x')):
                self.assertEqual(conn.call(request).err, 0)
        told = {c.next()}
        while len(told) < 5:
            told.add(c.next())
        told.discard('! NodeCreated SyncConnected /p/x')
        self.assertEqual(told, {
            '! None SyncConnected',
            '! NodeDeleted SyncConnected /gone',
            '! NodeDataChanged SyncConnected /d',
            '! NodeChildrenChanged SyncConnected /c',
            '! NodeCreated SyncConnected /new'})
        self.assertEqual(c.state('session'), session)
        self.assertEqual(c.ok('get', '/mine')['data'], 'x')
        c.ok('exists', '/e')
        c.ok('create', '/p/y')
        while c.next() != '! NodeCreated SyncConnected /p/y':
            pass
        self.assertTrue(c.told.empty())

    def test_expires_while_the_server_is_away(self):
        c = self.client(self.address, '-t', '4000')
        self.tells(c, '! None SyncConnected')
        c.ok('get', '/')
        self.server.kill()
        self.tells(c, '! None Disconnected')
        # The session is gone, as if it had been away for long.
        for name in os.listdir(os.path.join(self.server.folder, 'data',
                                            'version-2')):
            os.remove(os.path.join(self.server.folder, 'data', 'version-2',
                                   name))
        self.server.start()
        # A server that knows less than the client has seen is left alone.
        with self.server.connect() as conn:
            for n in range(20):
                conn.call(zkwire.create('/n%d' % n))
        self.tells(c, '! None Expired')
        self.err('Session-expired', c.ask('get', '/'))
        self.assertEqual(c.ask('close', '1000').err, 'Session')

    def test_a_server_that_stops_answering_is_left(self):
        c = self.client(self.address, '-t', '4000')
        self.tells(c, '! None SyncConnected')
        self.server.pause()
        begun = time.monotonic()
        try:
            self.err('ConnectionLoss', c.ask('get', '/'))
            took = time.monotonic() - begun
        finally:
            self.server.resume()
        self.assertGreater(took, 1.0)           # 2/3 of 4 s, less idleness.
        self.tells(c, '! None Disconnected')
        self.assertIn(c.insist('get', '/').err, ('ok', 'Session-expired'))

    def test_ends_while_nobody_answers(self):
        c = self.client(self.address, '-t', '60000')
        self.tells(c, '! None SyncConnected')
        self.server.pause()
        try:
            c.send('&get', '/')
            self.assertEqual(c.ask('close', '200').err, 'ConnectionLoss')
            self.assertRegex(c.next(), '^& ConnectionLoss')
            self.tells(c, '! None Closed')
            c.close()
        finally:
            self.server.resume()


class RestartsOfZkd(Restarts, ClientCase):
    kind = 'zkd'


class RestartsOfJava(Restarts, ClientCase):
    kind = 'java'


if __name__ == '__main__':
    harness.main('__main__')
