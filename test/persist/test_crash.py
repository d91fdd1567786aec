#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""A server that dies under load: at every crash point that it passes, and
killed at random again and again on one folder, alone or with the power of the
machine (power.py).  After each start everything acknowledged must be there,
nothing in part, and no zxid may have gone back (load.py says how that is
known).  In the end the Apache server must find the same tree in the folder.

Environment (see also harness.py):
  CRASH_ROUNDS    random kills (default 12; a full run is 200)
  CRASH_WORKERS   clients (default 4)
"""

import os
import random
import re
import shutil
import subprocess
import tempfile
import unittest

import files        # noqa: F401 (finds the library of the interop tests)
import harness
import load
import power
import servers
import zkwire

TOP = os.environ.get('top_srcdir', os.path.join(os.path.dirname(
    os.path.abspath(__file__)), '../..'))

# How each crash point is met, and at which passes.
#   load    under load; at 1 a point of the first write
#   start   while a folder with data is restored
#   fresh   while an empty folder is set up
#   purge   at a start that has old files to purge
# A standalone server writes no small files (epochs, configurations); those
# points are passed by tests of the code that does.
POINTS = {
    'log_created': (('load', 1), ('load', 3)),
    'log_header_written': (('load', 1), ('load', 2)),
    'log_padded': (('load', 1), ('load', 3)),
    'log_half_record': (('load', 1), ('load', 40)),
    'log_appended': (('load', 2), ('load', 60)),
    'log_synced': (('load', 1), ('load', 90)),
    'final_applied': (('load', 1), ('load', 70)),
    'log_rolled': (('load', 1), ('load', 3)),
    'snap_created': (('fresh', 1), ('load', 2)),
    'snap_half': (('fresh', 1), ('load', 3)),
    'snap_written': (('fresh', 1), ('load', 3)),
    'snap_synced': (('fresh', 1), ('load', 2)),
    'snap_renamed': (('fresh', 1), ('load', 4)),
    'purge_half': (('purge', 1), ('purge', 2)),
    'restore_snap_loaded': (('start', 1),),
    'restore_replayed': (('start', 1),),
    'start_snapshot_done': (('start', 1), ('load', 3)),
    'small_file_written': (),
    'small_file_renamed': (),
    # Of a learner that gets a whole snapshot: test_database_sync.
    'replace_log_cut': (),
    'replace_saved': (),
}

CONFIG = {
    'maxSessionTimeout': str(load.TIMEOUT_MS),
    'snapCount': '60',
    'preAllocSize': '16',
    'txnLogSizeLimitInKb': '100',
}
PURGE = {'autopurge.purgeInterval': '1', 'autopurge.snapRetainCount': '3'}

# A crash point is met within this time, even by a build for valgrind.
DIE_DEADLINE = 60.0


def table():
    """The names of all crash points."""
    path = os.path.join(TOP, 'include/zookeeper/tbl/crash_points.h')
    with open(path) as lines:
        return re.findall(r'^CRASH_POINT\((\w+)', lines.read(), re.M)


def built_in():
    """Does this zkd have crash points?  Then it minds an unknown one."""
    empty = os.path.join(tempfile.gettempdir(), 'no such folder')
    done = subprocess.run(
        [servers.zkd_path(), os.path.join(empty, 'zoo.cfg')],
        env=dict(os.environ, ZKD_CRASH_POINT='no_such_point'),
        capture_output=True, text=True, timeout=60)
    return 'no_such_point' in done.stdout + done.stderr


class CrashCase(unittest.TestCase):
    seed = harness.seed()

    def setUp(self):
        if harness.subject() == 'java':
            harness.need_java()
        self.random = random.Random(self.seed)
        self.server = None

    def tearDown(self):
        if self.server is not None:
            try:
                load.check_sanitizers(self.server)
            finally:
                self.server.discard()

    def make_server(self, **more):
        config = dict(CONFIG)
        config.update(more)
        self.server = servers.Server(harness.subject(), config)
        return self.server

    def make_load(self):
        workers = int(os.environ.get('CRASH_WORKERS', '4'))
        return load.Load(workers, self.seed)

    def check(self, clients, what):
        try:
            clients.check(self.server.address)
        except (load.Lost, zkwire.Closed, zkwire.Timeout, OSError) as error:
            self.fail('%s (seed %s): %s\n%s' % (
                what, self.seed, error, self.server.log_tail(20)))
        folder = os.path.join(self.server.config['dataDir'], 'version-2')
        self.assertEqual([], [name for name in os.listdir(folder)
                              if not re.match(r'(log|snapshot)\.', name)],
                         what + ': files that nobody needs are left behind')


class CrashPoints(CrashCase):
    def start(self, point, wait=True):
        """Starts with a crash point armed."""
        load.start_server(self.server, {'ZKD_CRASH_POINT': point}, wait)

    def wait_dead(self, what):
        try:
            code = self.server.process.wait(DIE_DEADLINE)
        except subprocess.TimeoutExpired:
            self.fail('%s was not met in %g s\n%s' % (
                what, DIE_DEADLINE, self.server.log_tail()))
        self.assertEqual(code, -9, '%s: did not die by it\n%s' % (
            what, self.server.log_tail()))
        self.server.kill()

    def under_load(self, point, clients):
        self.start(point)
        clients.start(self.server.address)
        self.wait_dead(point)
        clients.join()

    def at_start(self, point, _):
        self.start(point, wait=False)
        self.wait_dead(point)

    def at_purge(self, point, _):
        self.server.config.update(PURGE)
        self.at_start(point, _)
        for key in PURGE:
            del self.server.config[key]

    def on_fresh_folder(self, point, _):
        used, self.server = self.server, None
        try:
            self.make_server()
            self.at_start(point, _)
            self.server.start()
            with self.server.connect() as conn:
                self.assertEqual(conn.call(zkwire.create('/a')).err, 0)
            self.server.close()
        finally:
            if self.server is not None:
                self.server.discard()
            self.server = used

    def test_every_crash_point(self):
        if harness.subject() != 'zkd':
            self.skipTest('only zkd has crash points')
        if not built_in():
            self.skipTest('this zkd was built without crash points')
        self.assertEqual(sorted(POINTS), sorted(table()),
                         'each point must be known here')
        how = {'load': self.under_load, 'start': self.at_start,
               'fresh': self.on_fresh_folder, 'purge': self.at_purge}
        self.make_server()
        clients = self.make_load()
        for name, passes in POINTS.items():
            for kind, n in passes:
                point = '%s:%d' % (name, n)
                with self.subTest(point=point):
                    try:
                        how[kind](point, clients)
                        self.server.start()
                        self.check(clients, 'after ' + point)
                    finally:
                        self.server.kill()


class Checker(CrashCase):
    """The checks themselves: what is lost or half there is found."""

    def killed_with_all_acknowledged(self):
        self.make_server(snapCount='100000')
        self.server.start()
        clients = self.make_load()
        clients.start(self.server.address)
        clients.wait_acked(300)
        clients.stop()
        self.server.kill()
        return clients

    def last_log(self):
        folder = os.path.join(self.server.config['dataDir'], 'version-2')
        name = max((n for n in os.listdir(folder) if n.startswith('log.')),
                   key=lambda n: int(n[4:], 16))
        return os.path.join(folder, name)

    def test_a_lost_write_is_noticed(self):
        clients = self.killed_with_all_acknowledged()
        with open(self.last_log(), 'r+b') as log:
            end = len(log.read().rstrip(b'\0'))
            log.truncate(end - 1)       # The mark behind the last record.
        self.server.start()
        with self.assertRaisesRegex(load.Lost, 'went back'):
            clients.check(self.server.address)

    def test_a_write_too_many_is_noticed(self):
        clients = self.killed_with_all_acknowledged()
        self.server.start()
        clients.check(self.server.address)
        with zkwire.connect(self.server.address) as conn:
            path = clients.workers[0].root + '/seq'
            self.assertEqual(conn.call(zkwire.set_data(path, b'')).err, 0)
        with self.assertRaisesRegex(load.Lost, 'version is 1, not 0'):
            clients.check(self.server.address)


class RandomKills(CrashCase):
    def start(self, wait=True):
        self.server.start(wait)

    def kill(self):
        self.server.kill()

    def kill_at_start(self, n):
        slow = self.server.kind == 'java'
        self.start(wait=False)
        try:
            self.server.process.wait(self.random.uniform(
                0, 2.0 if slow else 0.1))
            self.fail('round %d: ended by itself at start\n%s' % (
                n, self.server.log_tail()))
        except subprocess.TimeoutExpired:
            self.kill()

    def round(self, n, clients):
        """One life of the server."""
        if self.random.random() < 0.25:
            self.kill_at_start(n)
        self.start()
        self.check(clients, 'round %d' % n)
        clients.start(self.server.address)
        clients.wait_acked(self.random.choice((1, 20, 100, 400)))
        self.server.check_alive()
        self.kill()
        clients.join()

    def rounds(self, clients):
        rounds = int(os.environ.get('CRASH_ROUNDS', '12'))
        for n in range(rounds):
            self.round(n, clients)
        self.start()
        self.check(clients, 'the end')
        print('%d kills, %d requests acknowledged' % (rounds,
                                                      clients.acked))

    def test_kills_in_a_row(self):
        self.make_server(**PURGE)
        self.rounds(self.make_load())
        self.kill()
        self.compare_with_java()

    def compare_with_java(self):
        if not servers.java_available():
            print('the Apache server is not installed: not compared')
            return
        top = tempfile.mkdtemp(prefix='zkd-crash.')
        self.addCleanup(shutil.rmtree, top)
        shutil.copytree(self.server.config['dataDir'],
                        os.path.join(top, 'data'))
        other = servers.Server('java', CONFIG, folder=top)
        try:
            other.start()
            self.server.start()
            mine, theirs = self.tree(self.server), self.tree(other)
            for path in sorted(set(mine) | set(theirs)):
                self.assertEqual(vars(mine[path]) if path in mine else None,
                                 vars(theirs[path]) if path in theirs
                                 else None, path)
            self.assertIn('zk_digest_mismatches_count\t0\n',
                          zkwire.four_letter_word(other.address, 'mntr'))
            print('the Apache server finds the same %d znodes' % len(mine))
        finally:
            other.discard()

    @staticmethod
    def tree(server):
        with zkwire.connect(server.address) as conn:
            conn.call(zkwire.auth('digest', b'super:test'))
            tree = load.read_tree(conn, '/')
        # Each server writes it anew at its start.
        del tree['/zookeeper/config']
        return tree


class PowerCuts(RandomKills):
    """The same, and each time all is lost that was not synced."""

    def start(self, wait=True):
        self.power.begin()
        load.start_server(self.server, load.preloaded(
            IO_JOURNAL=self.power.journal), wait)

    def kill(self):
        self.server.kill()
        if os.path.isdir(self.power.folder):
            self.power.cut()

    def setUp(self):
        super().setUp()
        if harness.subject() != 'zkd':
            self.skipTest('the preloaded library knows zkd alone')
        if not os.path.exists(load.SHIM):
            self.skipTest('%s is not built' % load.SHIM)

    def make_server(self, **more):
        super().make_server(**more)
        self.power = power.Power(
            os.path.join(self.server.config['dataDir'], 'version-2'),
            os.path.join(self.server.folder, 'journal'), self.random)

    def test_kills_in_a_row(self):
        self.make_server(**PURGE)
        self.rounds(self.make_load())
        print('%d files lost something' % self.power.cuts)
        self.assertGreater(self.power.cuts, 0)

    def test_what_is_not_synced_is_missed(self):
        """The test itself: without syncs, writes are lost."""
        self.make_server(forceSync='no', snapCount='100000',
                         txnLogSizeLimitInKb='100000')
        self.power.keeps = (0.0,)
        clients = self.make_load()
        self.start()
        clients.start(self.server.address)
        clients.wait_acked(300)
        self.kill()
        clients.join()
        self.start()
        with self.assertRaises(load.Lost):
            clients.check(self.server.address)


if __name__ == '__main__':
    harness.main(__name__)
