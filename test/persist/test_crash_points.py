# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Dies at every crash point of the log, of snapshots, of a restore and of a
purge.  What is there afterwards must hold all that was committed, be a
prefix of the history, and be taken by the next start without a word but for
what it cut."""

import os
import shutil
import sys
import unittest

import files

TXNS = 60
EVERY = 25

WRITING = ('log_created', 'log_header_written', 'log_padded',
           'log_half_record', 'log_appended', 'log_synced', 'snap_created',
           'snap_half', 'snap_written', 'snap_synced', 'snap_renamed')


def committed(out):
    last = 0
    for line in out.splitlines():
        name, _, value = line.partition(' ')
        if name == 'committed':
            last = int(value, 16)
    return last


class CrashPoints(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """The digest after each transaction of the script."""
        cls.digests = {}
        top = files.folder()
        for n in range(0, TXNS + 1):
            data = os.path.join(top, str(n))
            files.write(data, n)
            state = files.read(data)
            assert state['zxid'] == '0x%x' % n, state
            cls.digests[n] = state['digest']
        shutil.rmtree(top)

    def setUp(self):
        self.dir = files.folder()

    def tearDown(self):
        shutil.rmtree(self.dir)

    def crash(self, point, *args):
        code, out, err = files.run(*args, env={'ZKD_CRASH_POINT': point})
        return code == -9, out

    def check(self, data, at_least, what):
        state = files.read(data)
        zxid = int(state['zxid'], 16)
        self.assertGreaterEqual(zxid, at_least, what)
        self.assertEqual(state['digest'], self.digests[zxid], what)
        left = [n for n in os.listdir(os.path.join(data, 'version-2'))
                if 'tmp' in n]
        self.assertEqual(left, [], what)
        # And once more: the first start changed nothing that matters.
        again = files.read(data)
        for key in ('zxid', 'digest', 'nodes', 'sessions'):
            self.assertEqual(again[key], state[key], what)
        return zxid

    def test_writing(self):
        for point in WRITING:
            for nth in (1, 2, 3, 7):
                what = '%s:%d' % (point, nth)
                data = os.path.join(self.dir, what)
                died, out = self.crash(what, 'write', data, TXNS, 'plain',
                                       EVERY)
                if not died:
                    # Passed less often than that; at least once, though.
                    self.assertGreater(nth, 1, what)
                    continue
                self.check(data, committed(out), what)

    def test_compressed(self):
        for method in ('gz', 'snappy'):
            what = 'snap_half:3'
            data = os.path.join(self.dir, method)
            died, out = self.crash(what, 'write', data, TXNS, method, EVERY)
            self.assertTrue(died)
            self.check(data, committed(out), what)

    def test_restoring(self):
        data = os.path.join(self.dir, 'data')
        files.write(data, TXNS, 'plain', EVERY)
        for point in ('restore_snap_loaded', 'restore_replayed'):
            died, _ = self.crash(point, 'read', data)
            self.assertTrue(died, point)
            self.assertEqual(self.check(data, TXNS, point), TXNS)

    def test_purging(self):
        for nth in range(1, 20):
            data = os.path.join(self.dir, 'p%d' % nth)
            files.write(data, TXNS, 'plain', 10)
            died, _ = self.crash('purge_half:%d' % nth, 'purge', data)
            self.assertEqual(self.check(data, TXNS, nth), TXNS)
            if not died:
                self.assertGreater(nth, 2)
                break
        else:
            self.fail('a purge removes more than there is')


if __name__ == '__main__':
    top = files.folder()
    code, _, _ = files.run('write', os.path.join(top, 'd'), 3,
                           env={'ZKD_CRASH_POINT': 'log_created'})
    shutil.rmtree(top)
    if code != -9:
        print('built without crash points')
        sys.exit(files.SKIP)
    unittest.main()
