# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""zktool where it could lose data: damage at the end of a log, what is
written beside it, snapshots that only look whole."""

import fcntl
import os
import struct
import unittest

import tools
from test_zktool import set_data
from tools import NOBODY, ToolCase, record


def padded(*items):
    return tools.log_header() + b''.join(items) + b'\0' * 70000


def changed(item, *places):
    """A record with these bytes: (offset, value, or None for another
    bit)."""
    item = bytearray(item)
    for at, value in places:
        item[at] = item[at] ^ 1 if value is None else value
    return bytes(item)


class LogCase(ToolCase):
    def setUp(self):
        super().setUp()
        self.records = [record(set_data(i, '/a', 'long data' * 3))
                        for i in range(1, 6)]

    def log(self, content):
        return self.put('log.1', content)

    def mend(self, path, *words, code=0, **how):
        return self.tool('-Dzookeeper.preAllocSize=64', 'log', '-r', '-y',
                         *words, path, code=code, **how)


class EndOfLog(LogCase):
    """What Apache's tool takes for the end and a server does not."""

    def refused(self, content, text):
        path = self.log(content)
        ran = self.mend(path, '--replace', code=1)
        self.assertIn(text, ran.err)
        self.assertIn('whole transactions stand before it', ran.err)
        self.assertEqual(tools.tree(self.dir)['log.1'], content)
        self.assertNotIn('log.1.bak', os.listdir(self.dir))
        self.assertIn(text, self.tool('log', path, code=1).err)
        os.unlink(path + '.fixed')

    def test_length_zeroed(self):
        last = changed(self.records[4], *((i, 0) for i in range(8, 12)))
        self.refused(padded(*self.records[:4], last), 'wrong length')

    def test_head_zeroed(self):
        head = changed(self.records[3], *((i, 0) for i in range(12)))
        last = changed(self.records[4], (50, None))
        self.refused(padded(*self.records[:3], head, last),
                     'zeros in front of data')

    def test_length_too_long(self):
        long = self.records[3][:8] + struct.pack('>i', 5000) \
            + self.records[3][12:]
        last = changed(self.records[4], (3, None))
        self.refused(tools.log_header() + b''.join(self.records[:3]) + long
                     + last, 'wrong length')
        self.refused(tools.log_header() + b''.join(self.records[:3]) + long
                     + self.records[4], 'wrong length')

    def test_many_that_are_none(self):
        """Each is told of, and what is behind it looked at once."""
        path = self.log(tools.log_header()
                        + record(b'no transaction') * 3000
                        + self.records[0])
        os.truncate(path, 64 << 20)
        ran = self.tool('log', path, code=1)
        self.assertEqual(ran.err.count('not a transaction: '), 3000)
        self.assertIn(b'EOF reached after 3001 txns.', ran.out)

    def test_torn_by_a_crash(self):
        """That is an end: everything that was promised is there."""
        before = tools.log_header() + b''.join(self.records[:4])
        path = self.log(before + self.records[4][:30])
        ran = self.mend(path, '--replace')
        self.assertIn('as a crash leaves it', ran.err)
        after = tools.tree(self.dir)['log.1']
        self.assertEqual(after.rstrip(b'\0'), before)


class HeadOfLog(LogCase):
    """What stands behind a header that cannot be read is told."""

    def setUp(self):
        super().setUp()
        self.content = tools.log_header() + b''.join(
            record(set_data(i, '/a', 'long data' * 3))
            for i in range(1, 1500))

    def test_lost_sector(self):
        """A server does not take it for an empty log."""
        os.makedirs(self.path('version-2'))
        self.put('version-2/snapshot.0', tools.snapshot(tools.BUILT_IN))
        path = self.put('version-2/log.1', b'\0' * 512 + self.content[512:])
        ran = self.tool('check', self.dir, code=1)
        self.assertIn(b'It would refuse:', ran.out)
        self.told(path)

    def test_no_magic(self):
        self.told(self.log(b'?' + self.content[1:]))

    def told(self, path):
        ran = self.tool('log', '--verify', path, code=1)
        self.assertRegex(ran.out, rb', at least [1-9]\d* behind it')
        ran = self.tool('log', path, code=2)
        self.assertRegex(ran.err, r'at least [1-9]\d* whole transactions')


class Copies(LogCase):
    """What is written beside the log, or in its place."""

    def damaged(self):
        return self.log(padded(*self.records[:2],
                               changed(self.records[2], (7, None)),
                               *self.records[3:]))

    def owned(self, path, uid, mode):
        os.chmod(path, mode)
        if os.geteuid() == 0:
            os.chown(path, uid, uid + 1)

    def owner(self, name):
        st = os.stat(self.path(name))
        return st.st_uid, st.st_gid, st.st_mode & 0o777

    def test_owner_and_mode(self):
        path = self.damaged()
        self.owned(path, 12345, 0o640)
        owner = self.owner('log.1')
        self.mend(path)
        self.assertEqual(self.owner('log.1.fixed'), owner)
        os.unlink(self.path('log.1.fixed'))
        self.mend(path, '--replace')
        self.assertEqual(self.owner('log.1'), owner)
        self.tool('log', '-c', '-z', '3', path)
        self.assertEqual(self.owner('log.1.chopped3'), owner)

    def test_who_may_not_give_it_away(self):
        tools.need_root(self)
        path = self.damaged()
        os.chmod(path, 0o644)
        os.chmod(self.dir, 0o777)
        ran = self.mend(path, '--replace', code=1, user=NOBODY)
        self.assertIn('cannot have the owner', ran.err)
        self.assertEqual(os.listdir(self.dir), ['log.1'])
        self.mend(path, user=NOBODY)
        self.assertEqual(self.owner('log.1.fixed')[0::2], (NOBODY, 0o604))

    def test_what_is_half_written_has_no_name(self):
        path = self.damaged()
        for stdin in (b'', b'abort'):
            with self.subTest(stdin=stdin):
                self.tool('log', '-r', path, code=1, stdin=stdin)
                self.assertEqual(os.listdir(self.dir), ['log.1'])
        asking = tools.subprocess.Popen(
            [tools.ZKTOOL, 'log', '-r', path], stdin=tools.subprocess.PIPE,
            stdout=tools.subprocess.PIPE)
        self.addCleanup(asking.stdout.close)
        self.addCleanup(asking.stdin.close)
        self.addCleanup(asking.wait)
        shown = b''
        while b'Would you like' not in shown:
            more = os.read(asking.stdout.fileno(), 4096)
            self.assertNotEqual(more, b'')
            shown += more
        asking.kill()
        asking.wait()
        self.assertEqual(sorted(os.listdir(self.dir)),
                         ['log.1', 'log.1.fixed.tmp'])
        self.mend(path)         # What it left is in nobody's way.
        self.assertEqual(sorted(os.listdir(self.dir)),
                         ['log.1', 'log.1.fixed'])

    def test_what_damage_leaves(self):
        head = changed(self.records[3], *((i, 0) for i in range(12)))
        path = self.log(padded(*self.records[:3], head))
        ran = self.mend(path, code=1)
        self.assertNotIn(b'has been written', ran.out)
        self.assertIn('.fixed holds the 3 transactions that could be read, '
                      '0 of them mended', ran.err)

    def test_closed_descriptors(self):
        """What is wrong is not written into the copy."""
        many = self.records * 8000      # More than stays in memory.
        path = self.log(tools.log_header() + b''.join(many)
                        + many[0][:40])
        self.mend(path)
        whole = tools.tree(self.dir)['log.1.fixed']
        os.unlink(self.path('log.1.fixed'))
        lock = os.open(self.dir, os.O_RDONLY)
        self.addCleanup(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        tools.run(['sh', '-c', 'exec "$@" <&- 2>&-', 'sh', tools.ZKTOOL,
                   '-Dzookeeper.preAllocSize=64', 'log', '-r', '-y',
                   '--force', path])
        self.assertEqual(tools.tree(self.dir)['log.1.fixed'], whole)

    def test_disk_is_full(self):
        path = self.log(padded(*self.records))
        for words in (['-r', '-y'], ['-c', '-z', '3']):
            with self.subTest(words=words):
                self.tool('log', *words, path, code=1, file_size=64)
                self.assertEqual(os.listdir(self.dir), ['log.1'])

    def test_a_link_is_not_followed(self):
        path = self.log(padded(*self.records))
        victim = self.put('victim', b'precious')
        for name in ('log.1.chopped2', 'log.1.chopped2.tmp'):
            with self.subTest(name=name):
                os.symlink(victim, self.path(name))
                self.tool('log', '-c', '-z', '2', path)
                self.assertFalse(os.path.islink(
                    self.path('log.1.chopped2')))
                self.assertEqual(tools.tree(self.dir)['victim'],
                                 b'precious')
        os.symlink(victim, self.path('log.1.fixed'))
        self.mend(path, code=1)
        self.assertEqual(tools.tree(self.dir)['victim'], b'precious')

    def test_log_behind_a_link(self):
        path = self.damaged()
        with open(path, 'rb') as log:
            old = log.read()
        os.mkdir(self.path('links'))
        os.symlink('../log.1', self.path('links', 'log.1'))
        self.mend(self.path('links', 'log.1'), '--replace')
        self.assertEqual(os.listdir(self.path('links')), ['log.1'])
        self.assertTrue(os.path.islink(self.path('links', 'log.1')))
        after = tools.tree(self.dir)
        self.assertEqual(after['log.1.bak'], old)
        self.assertNotEqual(after['log.1'], old)
        self.tool('log', '--verify', path)

    def test_codes_of_chop(self):
        path = self.log(padded(*self.records))
        self.tool('log', '-c', '-z', '9', path, code=2)
        self.tool('log', '-c', '-z', '9', self.put('none', b'x' * 600),
                  code=2)
        head = changed(self.records[3], *((i, 0) for i in range(12)))
        for item in (changed(self.records[3], (7, None)), head):
            path = self.log(padded(*self.records[:3], item,
                                   self.records[4]))
            self.tool('log', '-c', '-z', '4', path, code=1)
            self.assertNotIn('log.1.chopped4', os.listdir(self.dir))


class Purge(ToolCase):
    def setUp(self):
        super().setUp()
        os.makedirs(self.path('data', 'version-2'))
        self.data = self.path('data')
        for zxid in range(1, 8):
            self.put('data/version-2/snapshot.%x' % zxid,
                     tools.snapshot(tools.BUILT_IN))
            self.put('data/version-2/log.%x' % zxid, tools.log_header()
                     + record(set_data(zxid, '/a', 'x')))

    def purge(self, *words, code=0, **how):
        return self.tool('purge', *(words or (self.data,)), '-n', '3',
                         code=code, **how)

    def left(self):
        return sorted(int(name.split('.')[1], 16)
                      for name in os.listdir(self.path('data', 'version-2'))
                      if name.startswith('snapshot.'))

    def damage(self, zxid):
        """In the middle: the last bytes are as ever."""
        name = self.path('data', 'version-2', 'snapshot.%x' % zxid)
        with open(name, 'r+b') as snap:
            snap.seek(60)
            snap.write(b'\x7f')

    def test_damaged_ones_do_not_count(self):
        self.damage(7)
        self.damage(6)
        ran = self.purge()
        self.assertEqual(self.left(), [3, 4, 5, 6, 7])
        self.assertIn('Not counted: ', ran.err)
        self.assertIn('snapshot.7', ran.err)

    def test_none_is_whole(self):
        before = tools.tree(self.dir)
        for zxid in range(1, 8):
            self.damage(zxid)
        ran = self.purge(code=1)
        self.assertIn('is whole; nothing was removed', ran.err)
        self.assertEqual(sorted(tools.tree(self.dir)), sorted(before))

    def test_says_what_it_could_not_remove(self):
        tools.need_root(self)
        os.chmod(self.dir, 0o755)
        before = tools.tree(self.dir)
        ran = self.purge(code=1, user=NOBODY)
        self.assertIn('8 files could not be removed', ran.err)
        self.assertEqual(tools.tree(self.dir), before)

    def test_no_data_folder(self):
        os.mkdir(self.path('other'))
        for words in ([self.path('other')], [self.data, self.path('other')]):
            with self.subTest(words=words):
                ran = self.purge(*words, code=1)
                self.assertIn('other/version-2: No such file', ran.err)
        self.assertEqual(len(self.left()), 7)

    def test_longer_records(self):
        """What the server would load counts."""
        self.put('data/version-2/snapshot.8', tools.snapshot(
            list(tools.BUILT_IN) + [tools.node('/a', b'x' * (3 << 20))]))
        ran = self.purge()
        self.assertIn('Not counted: ', ran.err)
        self.assertEqual(self.left(), [5, 6, 7, 8])
        self.tool('-Djute.maxbuffer=%d' % (4 << 20), 'purge', self.data,
                  '-n', '3')
        self.assertEqual(self.left(), [6, 7, 8])


class Snapshots(ToolCase):
    def test_compare_of_a_damaged_one(self):
        whole = tools.snapshot(tools.BUILT_IN)
        good = self.put('snapshot.1', whole)
        bad = self.put('snapshot.2', whole[:-6] + bytes([whole[-6] ^ 1])
                       + whole[-5:])
        words = ['-b', '1', '-n', '1']
        self.tool('compare', '-l', good, '-r', good, *words)
        for pair in ((good, bad), (bad, good)):
            ran = self.tool('compare', '-l', pair[0], '-r', pair[1], *words,
                            code=1)
            self.assertIn(b'All layers compared.', ran.out)
            self.assertIn('wrong checksum', ran.err)

    def test_nothing_to_print(self):
        """--partial is not held out where it would print nothing."""
        for content in (b'', b'ZKSN', tools.snapshot([])):
            with self.subTest(content=content):
                path = self.put('snapshot.1', content)
                ran = self.tool('snapshot', path, code=1)
                self.assertNotIn('--partial', ran.err)


if __name__ == '__main__':
    unittest.main()
