#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The client of this project (src/client) against a server: zkd, and Debian's
Apache server where it is installed."""
import os
import re
import socket
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, 'lib'))

import clientdriver                                         # noqa: E402
import harness                                              # noqa: E402
import zkwire                                               # noqa: E402
from clientdriver import ClientCase                         # noqa: E402


class OneServer:
    """What is the same on every server; a folder of its own in each test."""

    kind = None
    count = 0

    @classmethod
    def setUpClass(cls):
        cls.server = harness.start(cls.kind)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        OneServer.count += 1
        self.address = '%s:%d' % self.server.address
        self.root = '/t%d' % OneServer.count
        self.c = self.begin()
        self.c.ok('create', self.root)

    def begin(self, chroot='', *options):
        client = self.client(self.address + chroot, *options)
        self.tells(client, '! None SyncConnected')
        return client

    def path(self, name):
        return self.root + name

    # ---- operations

    def test_creates_of_all_modes(self):
        c, p = self.c, self.path
        self.assertEqual(c.ok('create', p('/p'), 'data')['path'], p('/p'))
        got = c.ok('create2', p('/e'), 'data', '1')
        self.assertEqual(got['owner'], c.state('session').split(':')[0])
        names = [c.ok('create2', p('/s-'), '-', mode)['path']
                 for mode in ('2', '3', '2')]
        self.assertEqual(names, [p('/s-%010d' % n) for n in (2, 3, 4)])
        self.assertEqual(c.ok('create', p('/c'), '-', '4')['path'], p('/c'))
        got = c.ok('create2', p('/ttl'), '-', '5', '100000')
        self.assertEqual((got['path'], got['version']), (p('/ttl'), '0'))
        got = c.ok('create2', p('/ttl-'), '-', '6', '100000')
        self.assertRegex(got['path'], r'/ttl-\d{10}$')
        self.err('NodeExists', c.ask('create', p('/p')))
        self.err('NoNode', c.ask('create', p('/none/x')))
        self.err('NoChildrenForEphemerals', c.ask('create', p('/e/x')))
        self.err('BadArguments', c.ask('create', 'x'))
        self.assertEqual(sorted(c.ok('ephemerals', p('/'.rstrip('/')))
                                ['names'].split(',')),
                         sorted([p('/e'), names[1]]))
        self.assertEqual(c.ok('count', self.root)['number'], '8')

    def test_reads_and_writes(self):
        c, p = self.c, self.path
        c.ok('create', p('/a'), 'one')
        got = c.ok('get', p('/a'))
        self.assertEqual((got['data'], got['version']), ('one', '0'))
        self.assertEqual(c.ok('set', p('/a'), 'two', '0')['version'], '1')
        self.err('BadVersion', c.ask('set', p('/a'), 'x', '0'))
        self.assertEqual(c.ok('exists', p('/a'))['version'], '1')
        self.err('NoNode', c.ask('exists', p('/b')))
        c.ok('create', p('/a/x'))
        c.ok('create', p('/a/y'))
        got = c.ok('ls', p('/a'))
        self.assertEqual(sorted(got['names'].split(',')), ['x', 'y'])
        self.assertEqual(got['children'], '2')
        self.assertEqual(c.ok('ls', p('/a/x'))['names'], '')
        self.err('Directory-not-empty', c.ask('delete', p('/a')))
        c.ok('delete', p('/a/x'), '0')
        self.assertEqual(c.ok('sync', p('/a'))['path'], p('/a'))
        c.ok('set', p('/a'), '-')
        self.assertIsNone(c.ok('get', p('/a')).get('data'))
        self.assertIn('version', repr(c.ok('config')))

    def test_multi(self):
        c, p = self.c, self.path
        got = c.ok('multi', 'create', p('/a'), 'x', ';', 'create2', p('/b-'),
                   'y', '2', ';', 'check', p('/a'), '0', ';', 'set', p('/a'),
                   'z', '0', ';', 'delete', p('/a'), '1')
        self.assertEqual((got['n'], got['multi'], got['at']),
                         ('5', 'ok', '-1'))
        self.assertEqual([v for n, v in got.all if n == 'path'],
                         [p('/a'), p('/b-0000000001')])
        self.err('NoNode', c.ask('exists', p('/a')))
        got = c.ok('multi', 'create', p('/a'), ';', 'delete', p('/none'),
                   ';', 'create', p('/c'))
        self.assertEqual((got['n'], got['multi'], got['at']),
                         ('3', 'NoNode', '1'))
        got = c.ok('multiread', 'get', p('/b-0000000001'), ';', 'get',
                   p('/none'), ';', 'ls', self.root)
        self.assertEqual((got['n'], got['data'], got['names'], got['at']),
                         ('3', 'y', 'b-0000000001', '1'))

    def test_acl_and_auth(self):
        c, p = self.c, self.path
        c.ok('create', p('/a'), 'x')
        self.assertEqual(c.ok('getacl', p('/a'))['acl'], '31:world:anyone')
        c.ok('auth', 'digest', 'bob:secret')
        c.ok('setacl', p('/a'), 'auth', '-', '31')
        self.assertRegex(c.ok('getacl', p('/a'))['acl'], '^31:digest:bob:')
        self.assertEqual(c.ok('get', p('/a'))['data'], 'x')
        other = self.begin()
        self.err('NoAuth', other.ask('get', p('/a')))
        other.ok('auth', 'digest', 'bob:secret')
        self.assertEqual(other.ok('get', p('/a'))['data'], 'x')

    def test_auth_fails(self):
        other = self.begin()
        self.err('AuthFailed', other.ask('auth', 'nonsense', 'x'))
        self.tells(other, '! None AuthFailed')
        self.err('AuthFailed', other.ask('get', '/'))
        self.assertEqual(other.state('state'), 'AUTH_FAILED')

    def test_chroot(self):
        c, p = self.c, self.path
        inside = self.begin(self.root)
        self.assertEqual(inside.ok('create', '/a', 'x')['path'], '/a')
        self.assertEqual(c.ok('get', p('/a'))['data'], 'x')
        self.assertEqual(inside.ok('ls', '/')['names'], 'a')
        inside.ok('get', '/a', 'w')
        inside.ok('ls', '/', 'w')
        inside.ok('addwatch', '/r', '1')
        c.ok('set', p('/a'), 'y')
        c.ok('create', p('/r'))
        self.tells(inside, '! NodeDataChanged SyncConnected /a',
                   '! NodeCreated SyncConnected /r',
                   '! NodeChildrenChanged SyncConnected /')
        self.assertEqual(inside.ok('sync', '/')['path'], '/')
        got = inside.ok('multi', 'create2', '/m')
        self.assertEqual(got['path'], '/m')
        inside.ok('create', '/e', '-', '1')
        self.assertEqual(inside.ok('ephemerals', '/')['names'], '/e')
        self.assertIn('version', repr(inside.ok('config')))

    def test_ephemerals_end_with_the_session(self):
        other = self.begin()
        other.ok('create', self.path('/e'), '-', '1')
        self.c.ok('exists', self.path('/e'), 'w')
        self.assertEqual(other.ask('close', '60000').err, 'ok')
        self.tells(other, '! None Closed')
        self.tells(self.c, '! NodeDeleted SyncConnected ' + self.path('/e'))
        self.err('Session-expired', other.ask('get', '/'))
        self.assertEqual(other.state('state'), 'CLOSED')

    # ---- order

    def test_pipelined_answers_and_events_come_in_order(self):
        c, p = self.c, self.path
        c.ok('create', p('/a'))
        for round in range(50):
            c.send('&get', p('/a'), 'w')
            c.send('&set', p('/a'), str(round))
            c.send('&get', p('/a'))
            self.assertRegex(c.next(), '^& ok ')
            self.assertEqual(c.next(),
                             '! NodeDataChanged SyncConnected ' + p('/a'))
            self.assertRegex(c.next(), '^& ok .*version=%d ' % (round + 1))
            self.assertRegex(c.next(), '^& ok .*data=%d version=%d ' % (
                round, round + 1))
        for n in range(1000):
            c.send('&set', p('/a'), str(n))
        for n in range(1000):
            self.assertRegex(c.next(), '^& ok .*version=%d ' % (n + 51))

    # ---- watches

    def test_watches(self):
        c, p = self.c, self.path
        w = self.begin()
        c.ok('create', p('/a'))
        w.ok('get', p('/a'), 'w')
        w.ok('exists', p('/a'), 'w')
        w.ok('ls', p('/a'), 'w')
        self.err('NoNode', w.ask('exists', p('/new'), 'w'))
        w.ok('addwatch', p('/r'), '1')
        c.ok('set', p('/a'), 'x')
        c.ok('set', p('/a'), 'y')
        c.ok('create', p('/a/b'))
        c.ok('create', p('/new'))
        c.ok('create', p('/r'))
        c.ok('create', p('/r/x'))
        c.ok('set', p('/r/x'), 'z')
        c.ok('delete', p('/r/x'))
        self.tells(w, '! NodeDataChanged SyncConnected ' + p('/a'),
                   '! NodeChildrenChanged SyncConnected ' + p('/a'),
                   '! NodeCreated SyncConnected ' + p('/new'),
                   '! NodeCreated SyncConnected ' + p('/r'),
                   '! NodeCreated SyncConnected ' + p('/r/x'),
                   '! NodeDataChanged SyncConnected ' + p('/r/x'),
                   '! NodeDeleted SyncConnected ' + p('/r/x'))

    def test_removes_watches(self):
        c, p = self.c, self.path
        w = self.begin()
        c.ok('create', p('/a'))
        w.ok('get', p('/a'), 'w')
        w.ok('ls', p('/a'), 'w')
        w.ok('checkwatches', p('/a'), '2')
        self.err('No-such-watcher', w.ask('checkwatches', p('/b'), '2'))
        w.ok('removewatches', p('/a'), '2')
        self.tells(w, '! DataWatchRemoved SyncConnected ' + p('/a'))
        self.err('No-such-watcher', w.ask('removewatches', p('/a'), '2'))
        c.ok('set', p('/a'), 'x')
        c.ok('create', p('/a/b'))
        self.tells(w, '! NodeChildrenChanged SyncConnected ' + p('/a'))

    # ---- sessions

    def test_goes_on_with_a_session(self):
        first = self.begin()
        first.ok('create', self.path('/e'), '-', '1')
        session = first.state('session')
        first.ok('abandon')
        self.tells(first, '! None Closed')
        second = self.client(self.address, '-s', session)
        self.tells(second, '! None SyncConnected')
        self.assertEqual(second.state('session'), session)
        self.assertEqual(second.ok('exists', self.path('/e'))['owner'],
                         session.split(':')[0])
        wrong = self.client(self.address, '-s', session[:-1] + (
            '0' if session[-1] != '0' else '1'))
        self.tells(wrong, '! None Expired')
        self.err('Session-expired', wrong.ask('get', '/'))

    def received(self, session):
        """How much the server has received in that session, by cons."""
        text = zkwire.four_letter_word(self.server.address, 'cons',
                                       clientdriver.DEADLINE)
        found = re.search(r'recved=(\d+),\S*sid=0x%s,' % session, text)
        self.assertTrue(found, 'no session %s in\n%s' % (session, text))
        return int(found[1])

    def test_lives_by_pings(self):
        """Five pings, which come a second apart, are more than the session's
        time-out; nothing else is asked, and nothing happens."""
        other = self.client(self.address, '-t', '4000')
        self.tells(other, '! None SyncConnected')
        self.assertEqual(other.state('timeout'), '4000')
        other.ok('create', self.path('/e'), '-', '1')
        session = other.state('session').split(':')[0]
        wanted = self.received(session) + 5
        deadline = time.monotonic() + clientdriver.DEADLINE
        while self.received(session) < wanted:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        self.assertTrue(other.told.empty())
        self.c.ok('exists', self.path('/e'))


class OnZkd(OneServer, ClientCase):
    kind = 'zkd'

    def test_who_am_i(self):
        self.c.ok('auth', 'digest', 'bob:secret')
        got = self.c.ok('whoami')
        self.assertEqual([v for n, v in got.all if n == 'who'],
                         ['ip:127.0.0.1', 'digest:bob'])


class OnJava(OneServer, ClientCase):
    kind = 'java'


class NoServer(ClientCase):
    def test_nobody_is_there(self):
        port = socket.socket()          # Bound, and nobody listens.
        self.addCleanup(port.close)
        port.bind(('127.0.0.1', 0))
        c = self.client('%s:%d' % port.getsockname(), '-t', '4000')
        self.assertEqual(c.ask('wait', '10').err, 'no')
        self.err('ConnectionLoss', c.ask('get', '/'))
        self.assertEqual(c.state('state'), 'CONNECTING')
        self.assertTrue(c.told.empty())

    def test_ends_while_it_connects(self):
        """A port that neither takes nor refuses a connection."""
        with socket.socket() as full:
            full.bind(('127.0.0.1', 0))
            full.listen(0)
            address = full.getsockname()
            waiting = [socket.socket() for _ in range(8)]
            for one in waiting:
                one.setblocking(False)
                try:
                    one.connect(address)
                except BlockingIOError:
                    pass
            c = self.client('%s:%d' % address, '-t', '3000000')
            self.assertEqual(c.ask('wait', '100').err, 'no')
            begun = time.monotonic()
            c.send('abandon')
            c.close()
            self.assertLess(time.monotonic() - begun, 30)
            for one in waiting:
                one.close()


if __name__ == '__main__':
    harness.main('__main__')
