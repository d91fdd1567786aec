#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Clients that others wrote: kazoo, Apache's shell, the C client.

They are used as their users use them: recipes, non-interactive shell
commands with their exit codes, the C client's test shell.  What is not
installed is skipped.
"""

import logging
import os
import queue
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), 'lib'))

import harness                          # noqa: E402
import servers                          # noqa: E402

try:
    from kazoo import exceptions, security
    from kazoo.client import KazooClient, KazooState
    from kazoo.recipe.cache import TreeCache
    HAVE_KAZOO = True
except ImportError:
    HAVE_KAZOO = False

CLI_MT = os.environ.get('ZK_CLI_MT', '/usr/lib/zookeeper/bin/cli_mt')
PATIENCE = 20.0

# Takes a lock and waits to be killed.
HOLDER = '''
import sys
from kazoo.client import KazooClient
client = KazooClient(sys.argv[1], timeout=1.5)
client.start()
client.Lock(sys.argv[2]).acquire()
print("held", flush=True)
sys.stdin.read()
'''


def eventually(condition, what, seconds=PATIENCE):
    """Waits until condition() is true; fails after the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError('not within %g s: %s' % (seconds, what))
        time.sleep(0.01)


class Worker(threading.Thread):
    """A thread whose exception is raised in the test that joins it."""

    def __init__(self, target, *args):
        super().__init__(daemon=True)
        self.work, self.args, self.error = target, args, None
        self.start()

    def run(self):
        try:
            self.work(*self.args)
        except BaseException as error:
            self.error = error

    def finish(self):
        self.join(PATIENCE)
        if self.is_alive():
            raise AssertionError('a worker did not finish')
        if self.error:
            raise self.error


@unittest.skipUnless(HAVE_KAZOO, 'kazoo (python3-kazoo) is not installed')
class Kazoo(harness.ServerCase):

    config = {'tickTime': '500'}

    def client(self, timeout=5.0, **more):
        client = KazooClient('%s:%d%s' % (self.server.address + (
            more.pop('chroot', ''),)), timeout=timeout, **more)
        client.start(PATIENCE)
        self.addCleanup(client.close)
        self.addCleanup(client.stop)
        return client

    def setUp(self):
        super().setUp()
        self.k = self.client()
        self.base = '/kazoo-' + self.id().rsplit('.', 1)[-1]
        self.k.ensure_path(self.base)

    def test_create_read_write_delete(self):
        """nodes, versions, Stats and the errors around them"""
        k, p = self.k, self.base + '/a'
        self.assertEqual(k.create(p, b'one'), p)
        data, stat = k.get(p)
        self.assertEqual((data, stat.version, stat.dataLength),
                         (b'one', 0, 3))
        self.assertEqual(k.set(p, b'two', version=0).version, 1)
        with self.assertRaises(exceptions.BadVersionError):
            k.set(p, b'three', version=0)
        with self.assertRaises(exceptions.NodeExistsError):
            k.create(p)
        with self.assertRaises(exceptions.NoNodeError):
            k.get(p + '/none')
        k.create(p + '/b/c/d', makepath=True)
        with self.assertRaises(exceptions.NotEmptyError):
            k.delete(p)
        self.assertEqual(k.get_children(p, include_data=True)[0], ['b'])
        k.delete(p, recursive=True)
        self.assertIsNone(k.exists(p))
        path, stat = k.create(p, b'x', include_data=True)
        self.assertEqual((path, stat.czxid), (p, k.exists(p).czxid))
        self.assertEqual(k.sync(p), p)

    def test_sequence(self):
        """sequential names rise by one"""
        names = [self.k.create(self.base + '/s-', sequence=True)
                 for _ in range(12)]
        self.assertEqual(names, ['%s/s-%010d' % (self.base, n)
                                 for n in range(12)])

    def test_pipeline(self):
        """a thousand requests under way at once, answered in order"""
        self.k.create(self.base + '/n', b'')
        writes = [self.k.set_async(self.base + '/n', b'%d' % n)
                  for n in range(1000)]
        reads = [self.k.get_async(self.base + '/n') for _ in range(1000)]
        versions = [w.get(timeout=PATIENCE).version for w in writes]
        self.assertEqual(versions, list(range(1, 1001)))
        for read in reads:
            self.assertEqual(read.get(timeout=PATIENCE)[0], b'999')

    def test_transaction(self):
        """transactions: all or nothing"""
        k, p = self.k, self.base
        t = k.transaction()
        t.create(p + '/t', b'1')
        t.check(p + '/t', 0)
        t.set_data(p + '/t', b'2', 0)
        t.create(p + '/t/e', ephemeral=True)
        t.delete(p + '/t/e')
        result = t.commit()
        self.assertEqual((result[0], result[1], result[2].version,
                          result[3], result[4]),
                         (p + '/t', True, 1, p + '/t/e', True))
        t = k.transaction()
        t.create(p + '/u')
        t.check(p + '/t', 99)
        t.delete(p + '/t')
        result = t.commit()
        self.assertEqual([type(r) for r in result],
                         [exceptions.RolledBackError,
                          exceptions.BadVersionError,
                          exceptions.RuntimeInconsistency])
        self.assertIsNone(k.exists(p + '/u'))

    def test_acl(self):
        """digest ACLs keep others out"""
        acl = security.make_digest_acl('u', 'pw', all=True)
        other = self.client(auth_data=[('digest', 'u:pw')])
        self.k.create(self.base + '/secret', b'x', acl=[acl])
        with self.assertRaises(exceptions.NoAuthError):
            self.k.get(self.base + '/secret')
        self.assertEqual(other.get(self.base + '/secret')[0], b'x')
        self.assertEqual(other.get_acls(self.base + '/secret')[0], [acl])
        other.set_acls(self.base + '/secret', security.OPEN_ACL_UNSAFE)
        self.assertEqual(self.k.get(self.base + '/secret')[0], b'x')
        with self.assertRaises(exceptions.InvalidACLError):
            self.k.create(self.base + '/y', acl=[
                security.ACL(31, security.Id('no', 'body'))])

    def test_chroot(self):
        """a client with a chroot sees its subtree as the root"""
        rooted = self.client(chroot=self.base)
        self.assertEqual(rooted.create('/in', b'side'), '/in')
        self.assertEqual(self.k.get(self.base + '/in')[0], b'side')
        self.assertEqual(rooted.get_children('/'), ['in'])

    def test_ephemeral_and_session_end(self):
        """ephemeral nodes end with their session, watchers are told"""
        other = self.client()
        path = other.create(self.base + '/e', ephemeral=True)
        self.assertEqual(self.k.exists(path).ephemeralOwner,
                         other.client_id[0])
        seen = queue.Queue()
        self.k.exists(path, watch=seen.put)
        other.stop()
        event = seen.get(timeout=PATIENCE)
        self.assertEqual((event.type, event.path), ('DELETED', path))
        self.assertIsNone(self.k.exists(path))

    def test_data_watch(self):
        """DataWatch follows creation, changes and deletion"""
        seen = queue.Queue()
        path = self.base + '/w'
        self.k.DataWatch(path, lambda data, stat: seen.put(data))
        self.assertIsNone(seen.get(timeout=PATIENCE))
        other = self.client()
        for action, want in ((lambda: other.create(path, b'1'), b'1'),
                             (lambda: other.set(path, b'2'), b'2'),
                             (lambda: other.delete(path), None)):
            action()
            self.assertEqual(seen.get(timeout=PATIENCE), want)

    def test_children_watch(self):
        """ChildrenWatch follows a changing set"""
        seen = queue.Queue()
        self.k.ChildrenWatch(self.base, lambda c: seen.put(sorted(c)))
        self.assertEqual(seen.get(timeout=PATIENCE), [])
        other = self.client()
        other.create(self.base + '/a')
        self.assertEqual(seen.get(timeout=PATIENCE), ['a'])
        other.create(self.base + '/b')
        self.assertEqual(seen.get(timeout=PATIENCE), ['a', 'b'])
        other.delete(self.base + '/a')
        self.assertEqual(seen.get(timeout=PATIENCE), ['b'])

    def test_tree_cache(self):
        """TreeCache arrives at the tree that is there"""
        self.k.ensure_path(self.base + '/t/x/y')
        cache = TreeCache(self.k, self.base + '/t')
        cache.start()
        self.addCleanup(cache.close)
        eventually(lambda: cache.get_data(self.base + '/t/x/y'),
                   'the cache is filled')
        other = self.client()
        other.set(self.base + '/t/x', b'changed')
        other.delete(self.base + '/t/x/y')
        other.create(self.base + '/t/z', b'new')
        eventually(lambda: cache.get_children(self.base + '/t', ())
                   == {'x', 'z'} and cache.get_data(
                       self.base + '/t/x').data == b'changed'
                   and not cache.get_children(self.base + '/t/x'),
                   'the cache follows')

    def test_lock(self):
        """Lock: one holder at a time, everybody's turn comes"""
        inside, total = [], []

        def work(client):
            for _ in range(5):
                with client.Lock(self.base + '/lock', 'me'):
                    inside.append(1)
                    total.append(len(inside))
                    inside.pop()
        workers = [Worker(work, self.client()) for _ in range(4)]
        for worker in workers:
            worker.finish()
        self.assertEqual(total, [1] * 20)

    def test_lock_of_a_dead_holder(self):
        """a lock is free again when its holder's session expires"""
        holder = subprocess.Popen(
            [sys.executable, '-W', 'ignore', '-c', HOLDER,
             '%s:%d' % self.server.address, self.base + '/lock'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(holder.stdout.close)
        self.addCleanup(holder.stdin.close)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        self.assertEqual(holder.stdout.readline(), 'held\n')
        mine = self.k.Lock(self.base + '/lock')
        self.assertFalse(mine.acquire(blocking=False))
        holder.kill()
        self.assertTrue(mine.acquire(timeout=PATIENCE))
        mine.release()

    def test_semaphore(self):
        """Semaphore: never more holders than leases"""
        inside, most = [], [0]
        guard = threading.Lock()

        def work(client):
            for _ in range(3):
                with client.Semaphore(self.base + '/sem', max_leases=2):
                    with guard:
                        inside.append(1)
                        most[0] = max(most[0], len(inside))
                    client.exists('/')
                    with guard:
                        inside.pop()
        workers = [Worker(work, self.client()) for _ in range(4)]
        for worker in workers:
            worker.finish()
        self.assertLessEqual(most[0], 2)

    def test_election(self):
        """Election: each candidate leads once, never two together"""
        leaders, inside = [], []

        def lead(name):
            inside.append(name)
            leaders.append((name, len(inside)))
            self.k.exists('/')
            inside.pop()

        def work(name):
            client = self.client()
            client.Election(self.base + '/el', name).run(lead, name)
        workers = [Worker(work, 'c%d' % n) for n in range(4)]
        for worker in workers:
            worker.finish()
        self.assertEqual(sorted(leaders), [('c0', 1), ('c1', 1),
                                           ('c2', 1), ('c3', 1)])

    def test_queue(self):
        """Queue and LockingQueue: in order, by priority, once each"""
        plain = self.k.Queue(self.base + '/q')
        for n in range(5):
            plain.put(b'%d' % n)
        plain.put(b'first', priority=1)
        self.assertEqual([plain.get() for _ in range(6)],
                         [b'first', b'0', b'1', b'2', b'3', b'4'])
        source = self.k.LockingQueue(self.base + '/lq')
        source.put_all([b'%d' % n for n in range(20)])
        got = queue.Queue()

        def work(client):
            mine = client.LockingQueue(self.base + '/lq')
            while True:
                item = mine.get(timeout=1.0)
                if item is None:
                    return
                got.put(item)
                mine.consume()
        workers = [Worker(work, self.client()) for _ in range(3)]
        for worker in workers:
            worker.finish()
        items = sorted(int(got.get_nowait()) for _ in range(got.qsize()))
        self.assertEqual(items, list(range(20)))

    def test_counter(self):
        """Counter: no increment is lost"""
        def work(client):
            counter = client.Counter(self.base + '/n')
            for _ in range(10):
                counter += 1
        workers = [Worker(work, self.client()) for _ in range(4)]
        for worker in workers:
            worker.finish()
        self.assertEqual(self.k.Counter(self.base + '/n').value, 40)

    def test_barriers(self):
        """Barrier and DoubleBarrier let all go together"""
        barrier = self.k.Barrier(self.base + '/b')
        barrier.create()
        waiting = Worker(lambda c: self.assertTrue(
            c.Barrier(self.base + '/b').wait(PATIENCE)), self.client())
        barrier.remove()
        waiting.finish()
        entered = []

        def work(client):
            double = client.DoubleBarrier(self.base + '/d', 3)
            double.enter()
            entered.append(1)
            double.leave()
        workers = [Worker(work, self.client()) for _ in range(3)]
        for worker in workers:
            worker.finish()
        self.assertEqual(len(entered), 3)

    def test_party(self):
        """Party: members come and go with their sessions"""
        one, two = self.client(), self.client()
        first, second = (c.Party(self.base + '/p', name)
                         for c, name in ((one, 'one'), (two, 'two')))
        first.join(), second.join()
        self.assertEqual(sorted(first), ['one', 'two'])
        two.stop()
        eventually(lambda: list(first) == ['one'], 'the other has left')

    def test_words(self):
        """the client's view of four-letter words and the version"""
        self.assertEqual(self.k.command(b'ruok'), 'imok')
        self.assertGreaterEqual(self.k.server_version(), (3, 8, 0))

    def test_restart(self):
        """a client outlives a crash of the server, its session too"""
        seen = queue.Queue()
        client = self.client(timeout=10.0)
        client.add_listener(seen.put)
        path = client.create(self.base + '/e', b'x', ephemeral=True)
        data = queue.Queue()
        client.DataWatch(path, lambda value, stat: data.put(value))
        self.assertEqual(data.get(timeout=PATIENCE), b'x')
        before = client.client_id
        self.server.restart(crash=True)
        self.assertEqual(seen.get(timeout=PATIENCE), KazooState.SUSPENDED)
        self.assertEqual(seen.get(timeout=PATIENCE), KazooState.CONNECTED)
        self.assertEqual(client.client_id, before)
        self.assertEqual(client.get(path)[0], b'x')
        # The recipe sets its watch again after the reconnection.
        client.set(path, b'y')
        self.assertEqual(data.get(timeout=PATIENCE), b'y')


class ApacheShell(harness.ServerCase):
    """Apache's zkCli, as Debian packages it."""

    @classmethod
    def setUpClass(cls):
        harness.need_java()
        super().setUpClass()

    def shell(self, *words, commands=None):
        """Runs one command, or a list of them on standard input."""
        done = subprocess.run(
            servers.java_command(
                '-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1',
                '-Dorg.slf4j.simpleLogger.defaultLogLevel=off',
                '-Dzookeeper.extendedTypesEnabled=true')
            + ['org.apache.zookeeper.ZooKeeperMain', '-server',
               '%s:%d' % self.server.address] + list(words),
            input=commands, stdin=None if commands else subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def test_exit_codes(self):
        """single commands: output, errors and exit codes"""
        code, _, err = self.shell('create', '/one', 'hello')
        self.assertEqual((code, 'Created /one' in err), (0, True), err)
        code, out, _ = self.shell('get', '-s', '/one')
        self.assertEqual(code, 0)
        self.assertIn('\nhello\n', out)
        self.assertIn('\ndataLength = 5\n', out)
        code, _, err = self.shell('create', '/one')
        self.assertEqual(code, 1)
        self.assertIn('Node already exists: /one', err)
        code, _, err = self.shell('get', '/none')
        self.assertEqual((code, 'Node does not exist: /none' in err),
                         (1, True), err)

    def test_commands(self):
        """one session through most commands"""
        lines = '''
create /s bee
create -s -e /s/x- data
create -c /s/box
create -t 100000 /s/ttl tee
create /s/q
ls /s
ls -R /s
set -s /s new
set -v 7 /s newer
stat /s
getAcl /s
setAcl /s world:anyone:cdrwa
setquota -n 10 /s/q
create /s/q/kid 12345
listquota /s/q
delquota /s/q
getEphemerals /s
getAllChildrenNumber /s
addauth digest u:p
whoami
create /s/mine secret auth::cdrwa
getAcl /s/mine
get -w /s
set /s changed
addWatch /s
create /s/seen
removewatches /s
sync /s
config
reconfig -add server.2=h:1:2;3
delete /s/seen
delete /s
deleteall /s
ls /
quit
'''
        code, out, err = self.shell(commands=lines)
        self.assertEqual(code, 0, out + err)
        for text in ('[box, q, ttl, x-0000000000]',
                     '/s\n/s/box\n/s/q\n/s/ttl\n/s/x-0000000000\n',
                     'dataVersion = 1', "'world,'anyone\n: cdrwa",
                     'Output quota for /s/q count=10,bytes=-1',
                     'Output stat for /s/q count=2,bytes=5',
                     '[/s/x-0000000000]', 'ip: 127.0.0.1', 'digest: u',
                     "'digest,'u:",
                     'type:NodeDataChanged path:/s',
                     'type:NodeCreated path:/s/seen',
                     'type:PersistentWatchRemoved path:/s',
                     'Sync is OK'):
            self.assertIn(text, out)
        for text in ('Created /s/x-0000000000', 'Created /s/box',
                     'Created /s/ttl', 'Created /s/mine',
                     'version No is not valid : /s',
                     'Node not empty: /s'):
            self.assertIn(text, err)
        self.assertIn('\n[zookeeper]\n', out.replace('one, ', ''))


@unittest.skipUnless(os.access(CLI_MT, os.X_OK),
                     'the C client (zookeeper-bin) is not installed')
class CClient(harness.ServerCase):
    """The shell that comes with Apache's C client."""

    def start(self, *words):
        process = subprocess.Popen(
            [CLI_MT, '-h', '%s:%d' % self.server.address] + list(words),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, bufsize=1)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.lines = []
        reader = threading.Thread(target=lambda: self.lines.extend(
            iter(lambda: self._line(process), None)), daemon=True)
        reader.start()
        self.mark = 0
        return process

    def _line(self, process):
        line = process.stdout.readline()
        if not line:
            return None
        self.lines.append(line.rstrip('\n'))
        return line

    def say(self, process, command, *wanted):
        """Sends a command and waits until all wanted texts came."""
        self.mark = len(self.lines)
        process.stdin.write(command + '\n')
        process.stdin.flush()
        self.hear(command, *wanted)

    def hear(self, what, *wanted):
        def came():
            new = self.lines[self.mark:]
            return all(any(text in line for line in new)
                       for text in wanted)
        try:
            eventually(came, '')
        except AssertionError:
            self.fail('%s: wanted %r, came %r' % (
                what, wanted, self.lines[self.mark:]))

    def test_shell(self):
        """one session: create, get, set, watches, errors"""
        process = self.start()
        self.hear('start', 'CONNECTED_STATE', 'Got a new session id')
        for command, wanted in (
                ('create /c', ['[/c]: rc = 0', 'name = /c']),
                ('create /c', ['rc = -110']),
                ('create +e /c/e', ['[/c/e]: rc = 0']),
                ('create +s /c/s-', ['name = /c/s-0000000001']),
                ('create +c /c/box', ['[/c/box]: rc = 0']),
                ('create2 /c/two', ['[/c/two]: rc = 0', 'czxid=']),
                ('get /c', ['/c: rc = 0', 'value_len = 3', 'version=0']),
                ('set /c hello', ['/c: rc = 0', 'version=1',
                                  'CHANGED_EVENT']),
                ('get /c', ['hello']),
                ('ls /c', ['/c: rc = 0', 'box', 'two', 's-0000000001']),
                ('exists /none', ['Error -101 for /none']),
                ('sync /c', ['rc = 0']),
                ('get /none', ['rc = -101']),
                ('wexists /new', []),
                ('create /new', ['[/new]: rc = 0', 'CREATED_EVENT',
                                 'path /new']),
                ('delete /c', ['/c: rc = -111']),
                ('delete /new', ['/new: rc = 0'])):
            self.say(process, command, *wanted)
        self.say(process, 'quit', 'Quitting')
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_batch(self):
        """a command on the command line"""
        done = subprocess.run(
            [CLI_MT, '-h', '%s:%d' % self.server.address, '-c', 'ls /'],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0)
        self.assertIn('/: rc = 0', done.stdout)
        self.assertIn('\tzookeeper', done.stdout)


if __name__ == '__main__':
    # kazoo reports the restarts that the tests themselves bring about.
    logging.getLogger('kazoo').setLevel(logging.CRITICAL + 1)
    harness.main(__name__, warnings='ignore')
