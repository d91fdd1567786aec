#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The client of this project (src/client) against servers: zkd, Debian's
Apache server where it is installed, and ensembles.  client_driver is the
client, by words."""
import os
import queue
import re
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, 'lib'))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'ensemble'))

import ensemble                                             # noqa: E402
import harness                                              # noqa: E402
import servers                                              # noqa: E402
import zkwire                                               # noqa: E402

# A busy machine, a sanitizer build: what is waited for comes much earlier.
DEADLINE = 60.0


def driver_path():
    builddir = os.environ.get('top_builddir')
    if builddir:
        return os.path.join(builddir, 'test', 'interop', 'client_driver')
    return os.path.join(os.path.dirname(servers.zkd_path()), '..', 'test',
                        'interop', 'client_driver')


class Answer:
    """A line "= ERROR NAME=VALUE..."; a name may be there more than once."""

    def __init__(self, line):
        words = line.split(' ')
        self.line = line
        self.err = words[1] if len(words) > 1 else ''
        self.all = [tuple(word.split('=', 1)) for word in words[2:]
                    if '=' in word]

    def __getitem__(self, name):
        return dict(self.all)[name]

    def get(self, name):
        return dict(self.all).get(name)

    def __repr__(self):
        return self.line


class Client:
    """A client_driver that runs."""

    def __init__(self, connect, *options):
        self.process = subprocess.Popen(
            [driver_path(), *options, connect], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            universal_newlines=True, preexec_fn=servers._die_with_parent)
        self.answers = queue.Queue()
        self.told = queue.Queue()       # Events and answers to "&".
        self.log = []
        self.readers = [threading.Thread(target=self._read, daemon=True),
                        threading.Thread(target=self._log, daemon=True)]
        for reader in self.readers:
            reader.start()

    def _read(self):
        for line in self.process.stdout:
            line = line.rstrip('\n')
            (self.answers if line[0] == '=' else self.told).put(line)

    def _log(self):
        for line in self.process.stderr:
            self.log.append(line)

    def send(self, *words):
        self.process.stdin.write(' '.join(words) + '\n')
        self.process.stdin.flush()

    def ask(self, *words):
        """An operation and its answer."""
        self.send(*words)
        try:
            return Answer(self.answers.get(timeout=DEADLINE))
        except queue.Empty:
            raise AssertionError('no answer to %r\n%s' % (
                words, ''.join(self.log))) from None

    def ok(self, *words):
        answer = self.ask(*words)
        if answer.err != 'ok':
            raise AssertionError('%s: %s\n%s' % (words, answer,
                                                 ''.join(self.log)))
        return answer

    def insist(self, *words):
        """Asks until the answer is not that the link was lost."""
        deadline = time.monotonic() + DEADLINE
        while True:
            answer = self.ask(*words)
            if answer.err != 'ConnectionLoss':
                return answer
            if time.monotonic() > deadline:
                raise AssertionError('%s: %s\n%s' % (words, answer,
                                                     ''.join(self.log)))

    def next(self, seconds=DEADLINE):
        """The next event or answer to "&"."""
        try:
            return self.told.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError('nothing was told\n%s' % ''.join(
                self.log)) from None

    def state(self, name):
        return self.ok('state')[name]

    def close(self):
        """Ends it; a client that hangs, or ends otherwise, is a failure."""
        if self.process.returncode is not None:
            return
        self.process.stdin.close()
        try:
            code = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = 'no end'
        for reader in self.readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        if code != 0:
            raise AssertionError('client_driver ended with %s\n%s' % (
                code, ''.join(self.log)))


class ClientCase(unittest.TestCase):
    def client(self, connect, *options):
        client = Client(connect, *options)
        self.addCleanup(client.close)
        return client

    def tells(self, client, *lines):
        """These are what the client is told next."""
        for line in lines:
            self.assertEqual(client.next(), line)

    def err(self, err, answer):
        self.assertEqual(answer.err, err, answer)
        return answer


class OneServer:
    """What is the same on every server; a folder of its own in each test."""

    kind = None
    count = 0

    @classmethod
    def setUpClass(cls):
        if cls.kind == 'java':
            harness.need_java()
        cls.server = servers.Server(cls.kind)
        try:
            cls.server.start()
        except BaseException:
            cls.server.discard()
            raise

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
        self.assertIn('standalone' if False else 'version',
                      repr(c.ok('config')))

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
        self.err('No-such-watcher', w.ask('checkwatches', p('/a'), '4'))
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

    def test_lives_by_pings(self):
        other = self.client(self.address, '-t', '4000')
        self.tells(other, '! None SyncConnected')
        self.assertEqual(other.state('timeout'), '4000')
        other.ok('create', self.path('/e'), '-', '1')
        end = time.monotonic() + 6
        while time.monotonic() < end:
            self.c.ok('exists', self.path('/e'))
        self.assertTrue(other.told.empty())
        other.ok('get', '/')


class OnZkd(OneServer, ClientCase):
    kind = 'zkd'

    def test_who_am_i(self):
        self.c.ok('auth', 'digest', 'bob:secret')
        got = self.c.ok('whoami')
        self.assertEqual([v for n, v in got.all if n == 'who'],
                         ['ip:127.0.0.1', 'digest:bob'])


class OnJava(OneServer, ClientCase):
    kind = 'java'


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
        os.kill(self.server.process.pid, 19)    # SIGSTOP
        begun = time.monotonic()
        try:
            self.err('ConnectionLoss', c.ask('get', '/'))
            took = time.monotonic() - begun
        finally:
            os.kill(self.server.process.pid, 18)
        self.assertGreater(took, 1.0)           # 2/3 of 4 s, less idleness.
        self.tells(c, '! None Disconnected')
        self.assertEqual(c.insist('get', '/').err in ('ok',
                                                      'Session-expired'),
                         True)

    def test_ends_while_nobody_answers(self):
        c = self.client(self.address, '-t', '60000')
        self.tells(c, '! None SyncConnected')
        os.kill(self.server.process.pid, 19)
        try:
            c.send('&get', '/')
            self.assertEqual(c.ask('close', '200').err, 'ConnectionLoss')
            self.assertRegex(c.next(), '^& ConnectionLoss')
            self.tells(c, '! None Closed')
            c.close()
        finally:
            os.kill(self.server.process.pid, 18)


class RestartsOfZkd(Restarts, ClientCase):
    kind = 'zkd'


class RestartsOfJava(Restarts, ClientCase):
    kind = 'java'


class NoServer(ClientCase):
    def test_nobody_is_there(self):
        port = ensemble.Port()
        self.addCleanup(port.close)
        c = self.client('127.0.0.1:%d' % port.number, '-t', '4000')
        self.assertEqual(c.ask('wait', '10').err, 'no')
        self.err('ConnectionLoss', c.ask('get', '/'))
        self.assertEqual(c.state('state'), 'CONNECTING')
        self.assertTrue(c.told.empty())

    def test_ends_while_it_connects(self):
        """A port that neither takes nor refuses a connection."""
        import socket
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


class InEnsembles:
    kinds = ()

    def begin(self, **properties):
        if 'java' in self.kinds:
            harness.need_java()
        self.e = ensemble.Ensemble(*self.kinds, properties=properties)
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
        leader = self.begin(**{'readonlymode.enabled': 'true'})
        with leader.connect() as conn:
            self.assertEqual(conn.call(zkwire.create('/a', b'1')).err, 0)
        left = next(m for m in self.e if m is not leader)
        self.e.wait('all have it', lambda: left.zxid() == leader.zxid())
        gone = [m for m in self.e if m is not left]
        for member in gone:
            member.kill()
        self.e.wait_role(left, 'read-only')
        c = self.client(self.all, '-r', '-t', '20000')
        line = c.next()
        if line == '! None ConnectedReadOnly':
            # zkd gives such sessions only to who may have local ones.
            self.assertEqual(c.ok('get', '/a')['data'], '1')
            self.err('Not-a-read-only-call', c.ask('set', '/a', '2'))
            self.assertEqual(c.state('state'), 'CONNECTEDREADONLY')
            for member in gone:
                member.start()
            self.e.wait_settled()
            self.tells(c, '! None Disconnected')
            while c.next() != '! None SyncConnected':
                pass
        else:
            self.fail(line)
        self.assertEqual(c.insist('set', '/a', '2').err, 'ok')


class InZkdEnsembles(InEnsembles, ClientCase):
    kinds = ('zkd', 'zkd', 'zkd')


class InJavaEnsembles(InEnsembles, ClientCase):
    kinds = ('java', 'java', 'java')


if __name__ == '__main__':
    harness.main('__main__')
