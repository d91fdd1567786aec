#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""A server whose disk is full, or fails.

Full: writes wait or are refused with SystemError, reads go on; as soon as
there is room again writes go on, in the same process, and all that was ever
acknowledged is there.  Failing (EIO): the server says so and ends with an exit
code; a start on a sound disk has all that was acknowledged.

The failing disk is test/lib/io_faults.c, preloaded; one test fills a real
file system in memory instead, where mounting is allowed.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import files        # noqa: F401 (finds the library of the interop tests)
import harness
import load
import servers
import zkwire

SYSTEM_ERROR = -1
DEADLINE = 60.0
CONFIG = {
    'maxSessionTimeout': str(load.TIMEOUT_MS),
    'preAllocSize': '16',
    'snapCount': '100000',
}


class Writer:
    """Creates nodes below /d on a session of its own, one after the other,
    on a thread, and knows which must be there."""

    def __init__(self, server, name, size=1000):
        self.conn = zkwire.connect(server.address, timeout=load.TIMEOUT_MS)
        self.name = name
        self.data = b'x' * size
        self.lock = threading.Condition()
        self.acked = []
        self.refused = []
        self.doubtful = []
        self.failure = None
        self.over = False
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while not self.stop.is_set():
                self.one()
        except load.GONE:
            pass
        except Exception as error:      # pylint: disable=broad-except
            self.failure = error
        with self.lock:
            self.over = True
            self.lock.notify_all()

    def one(self):
        path = '/d/%s-%d' % (self.name, sum(
            map(len, (self.acked, self.refused))))
        self.doubtful = [path]
        reply = self.conn.call(zkwire.create(path, self.data), DEADLINE)
        with self.lock:
            self.doubtful = []
            if reply.err == 0:
                self.acked.append(path)
            elif reply.err == SYSTEM_ERROR:
                self.refused.append(path)
            else:
                raise load.Lost('%s answered %r' % (path, reply))
            self.lock.notify_all()

    def wait(self, condition, what):
        with self.lock:
            if not self.lock.wait_for(lambda: condition() or self.over,
                                      DEADLINE) or not condition():
                raise load.Lost('%s: %s never happened (%r)' % (
                    self.name, what, self.failure))

    def wait_acked(self, more):
        goal = len(self.acked) + more
        self.wait(lambda: len(self.acked) >= goal,
                  '%d more writes' % more)

    def end(self):
        self.stop.set()
        self.thread.join(DEADLINE)
        self.conn.close()
        if self.thread.is_alive():
            raise load.Lost('%s still waits for an answer' % self.name)
        if self.failure is not None:
            raise load.Lost('%s: %r' % (self.name, self.failure))


class Spares:
    """Clients that idle until a write is wanted that can be refused: one
    that came before the server knew of its disk waits instead, so there are
    several."""

    def __init__(self, server, count=8):
        self.conns = [zkwire.connect(server.address,
                                     timeout=load.TIMEOUT_MS)
                      for _ in range(count)]
        self.count = 0
        self.waiting = {}       # connection -> the path it waits for
        self.acked, self.refused, self.doubtful = [], [], []

    def write(self, conn):
        self.count += 1
        path = '/d/spare-%d' % self.count
        conn.post(zkwire.create(path, b'x'))
        self.waiting[conn] = path

    def answer(self, conn, seconds):
        """The error code, or None while there is no answer."""
        try:
            reply = conn.next_reply(seconds)
        except zkwire.Timeout:
            return None
        path = self.waiting.pop(conn)
        if reply.err not in (0, SYSTEM_ERROR):
            raise load.Lost('%s answered %r' % (path, reply))
        (self.refused if reply.err else self.acked).append(path)
        return reply.err

    def wait_refused(self):
        """Writes until one is refused."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            for conn in self.conns:
                if conn not in self.waiting:
                    self.write(conn)
                    if self.answer(conn, 1.0) == SYSTEM_ERROR:
                        return
        raise load.Lost('no write was refused')

    def end(self):
        """Takes the answers that are owed."""
        try:
            for conn in list(self.waiting):
                if self.answer(conn, DEADLINE) is None:
                    raise load.Lost('a write has no answer')
        except load.GONE:
            self.doubtful = list(self.waiting.values())
        self.close()

    def close(self):
        for conn in self.conns:
            conn.close()


class DiskCase(unittest.TestCase):
    preload = True

    def setUp(self):
        if harness.subject() != 'zkd':
            self.skipTest('the Apache server ends when its disk is full')
        if self.preload and not os.path.exists(load.SHIM):
            self.skipTest('%s is not built' % load.SHIM)
        self.server = servers.Server('zkd', CONFIG)
        self.addCleanup(self.server.discard)
        self.addCleanup(load.check_sanitizers, self.server)
        self.faults = os.path.join(self.server.folder, 'faults')
        self.writers = []
        self.environ = load.preloaded(IO_FAULTS=self.faults) \
            if self.preload else {}

    def start(self):
        load.start_server(self.server, self.environ)
        return self.server

    def inject(self, *lines):
        with open(self.faults + '.new', 'w') as out:
            out.write(''.join(line + '\n' for line in lines))
        os.rename(self.faults + '.new', self.faults)

    def heal(self):
        os.unlink(self.faults)

    def begin(self):
        """A running server with /d and an idle client to read with."""
        self.start()
        self.reader = self.server.connect(timeout=load.TIMEOUT_MS)
        self.addCleanup(self.reader.close)
        self.assertEqual(self.reader.call(zkwire.create('/d')).err, 0)
        self.spares = Spares(self.server)
        self.addCleanup(self.spares.close)
        self.writers.append(self.spares)

    def writer(self, name, **more):
        writer = Writer(self.server, name, **more)
        self.addCleanup(writer.conn.close)
        self.writers.append(writer)
        return writer

    def reads_go_on(self):
        reply = self.reader.call(zkwire.get_children2('/d'))
        self.assertEqual(reply.err, 0)
        reply = self.reader.call(zkwire.exists('/d', True))
        self.assertEqual(reply.err, 0)
        self.assertIn('Mode: ', zkwire.four_letter_word(
            self.server.address, 'srvr'))

    def check(self, conn):
        """Everything acknowledged is there, nothing refused is."""
        for writer in self.writers:
            writer.end()
        reply = conn.call(zkwire.get_children('/d'))
        there = {'/d/' + name for name in reply.body['children']}
        acked, refused, doubtful = [
            {path for w in self.writers for path in getattr(w, kind)}
            for kind in ('acked', 'refused', 'doubtful')]
        self.assertEqual(acked - there, set(), 'acknowledged, not there')
        self.assertEqual(there & refused, set(), 'refused, but there')
        self.assertEqual(there - acked - doubtful, set(), 'never asked for')
        for path in acked:
            data = conn.call(zkwire.get_data(path)).body['data']
            self.assertEqual(set(data), {ord('x')}, path)

    def check_restart(self):
        """What a process that died here would have left."""
        self.server.kill()
        self.environ = {}
        self.start()
        with self.server.connect() as conn:
            self.check(conn)
            self.assertEqual(conn.call(zkwire.create('/after')).err, 0)

    def wait_end(self):
        """The exit code of a server that must end by itself."""
        try:
            code = self.server.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.fail('it goes on\n' + self.server.log_tail())
        self.server.kill()
        return code


class FullDisk(DiskCase):
    def full_then_room(self, *faults):
        self.begin()
        writers = [self.writer(name) for name in 'ab']
        writers[0].wait_acked(20)
        pid = self.server.process.pid
        self.inject(*faults)
        # The batch that met it waits; what comes behind it is refused.
        self.spares.wait_refused()
        self.reads_go_on()
        self.heal()
        for writer in writers:
            writer.wait_acked(20)
        self.assertEqual(self.server.process.pid, pid)
        self.server.check_alive()
        self.reads_go_on()
        self.check(self.reader)
        self.check_restart()

    def test_the_log_is_full(self):
        self.full_then_room('write ENOSPC version-2/log.')

    def test_the_log_is_full_in_the_middle_of_a_write(self):
        self.full_then_room('write ENOSPC version-2/log. 700')

    def test_the_folder_takes_no_new_log(self):
        self.server.config['txnLogSizeLimitInKb'] = '40'
        self.full_then_room('create ENOSPC log.',
                            'write ENOSPC tmp.log.')

    def test_it_is_full_again_and_again(self):
        self.begin()
        writers = [self.writer('w%d' % n) for n in range(3)]
        for room in (0, 100, 5000, 1, 333):
            self.inject('write ENOSPC version-2/log. %d' % room)
            self.spares.wait_refused()
            self.reads_go_on()
            self.heal()
            for writer in writers:
                writer.wait_acked(3)
        self.check(self.reader)
        self.check_restart()

    def test_a_snapshot_finds_no_room(self):
        self.server.config['snapCount'] = '20'
        self.begin()
        writer = self.writer('a')
        self.inject('write ENOSPC version-2/snapshot.')
        writer.wait_acked(60)
        self.wait_log('no snapshot was taken')
        self.heal()
        before = self.snapshots()
        while self.snapshots() == before:
            writer.wait_acked(10)
        self.check(self.reader)
        self.check_restart()

    def snapshots(self):
        folder = os.path.join(self.server.config['dataDir'], 'version-2')
        return {name for name in os.listdir(folder)
                if name.startswith('snapshot.') and '.tmp' not in name}

    def wait_log(self, text):
        """The server's log is written by a thread of its own."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            with open(self.server.log_path, errors='replace') as log:
                if text in log.read():
                    return
            self.reader.drain()
        self.fail('%r is not in the log\n%s' % (text,
                                                self.server.log_tail()))

    def test_it_can_be_stopped_while_full(self):
        self.begin()
        self.inject('write ENOSPC version-2/log.')
        self.spares.wait_refused()
        self.server.process.send_signal(signal.SIGTERM)
        code = self.wait_end()
        self.assertEqual(code, 0, self.server.log_tail())
        self.heal()
        self.check_restart()

    def test_it_starts_on_a_full_disk(self):
        self.begin()
        writer = self.writer('a')
        writer.wait_acked(30)
        writer.end()
        session, passwd = self.reader.session, self.reader.passwd
        self.server.kill()
        self.inject('write ENOSPC version-2/')
        self.start()
        with self.server.connect(session=session, passwd=passwd) as conn:
            self.assertEqual(conn.session, session)
            self.check(conn)
            self.heal()
            self.assertEqual(conn.call(zkwire.create('/d/z')).err, 0)


class FailingDisk(DiskCase):
    def ends_and_comes_back(self, *faults):
        self.begin()
        writers = [self.writer('w%d' % n) for n in range(3)]
        for writer in writers:
            writer.wait_acked(10)
        self.inject(*faults)
        code = self.wait_end()
        self.assertGreater(code, 0, 'ended by a signal, or as if all were '
                           'well\n' + self.server.log_tail())
        with open(self.server.log_path, errors='replace') as log:
            text = log.read()
        self.assertIn('Input/output error', text)
        self.assertIn('log.', text)
        self.check_restart()

    def test_a_sync_fails(self):
        self.ends_and_comes_back('sync EIO version-2/log.')

    def test_a_write_fails(self):
        self.ends_and_comes_back('write EIO version-2/log. 300')

    def test_a_new_log_cannot_be_synced(self):
        self.server.config['txnLogSizeLimitInKb'] = '20'
        self.ends_and_comes_back('sync EIO tmp.log.')

    def test_a_full_log_cannot_be_cut_back(self):
        self.ends_and_comes_back('write ENOSPC version-2/log. 300',
                                 'cut EIO version-2/log.')

    def test_the_disk_has_no_room_at_the_sync(self):
        """Some file systems find room only then; what is on the disk is not
        known."""
        self.begin()
        writer = self.writer('a')
        writer.wait_acked(10)
        self.inject('sync ENOSPC version-2/log.')
        self.assertGreater(self.wait_end(), 0)
        self.check_restart()

    def test_a_snapshot_cannot_be_written(self):
        """The log has it all: no reason to end."""
        self.server.config['snapCount'] = '20'
        self.begin()
        writer = self.writer('a')
        self.inject('sync EIO version-2/snapshot.')
        writer.wait_acked(100)
        self.server.check_alive()
        self.check_restart()


class RealDisk(DiskCase):
    preload = False
    SIZE = 4 << 20

    def setUp(self):
        super().setUp()
        self.mount = tempfile.mkdtemp(prefix='zkd-disk.')
        self.addCleanup(shutil.rmtree, self.mount, ignore_errors=True)
        done = subprocess.run(
            ['mount', '-t', 'tmpfs', '-o', 'size=%d' % self.SIZE, 'tmpfs',
             self.mount], capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest('no file system can be mounted here: %s'
                          % done.stderr.strip())
        self.addCleanup(subprocess.run, ['umount', self.mount])
        # The server is gone before its disk is.
        self.addCleanup(self.server.kill)
        self.server.config['dataDir'] = self.mount

    def fill(self):
        with open(os.path.join(self.mount, 'ballast'), 'ab') as out:
            fd = out.fileno()
            try:
                while True:
                    os.write(fd, b'\0' * 4096)
            except OSError:
                pass

    def test_a_disk_that_fills_up(self):
        self.begin()
        writers = [self.writer('w%d' % n, size=5000) for n in range(4)]
        writers[0].wait_acked(10)
        self.fill()
        self.spares.wait_refused()
        self.reads_go_on()
        os.unlink(os.path.join(self.mount, 'ballast'))
        for writer in writers:
            writer.wait_acked(5)
        self.check(self.reader)
        self.check_restart()


if __name__ == '__main__':
    harness.main(__name__)
