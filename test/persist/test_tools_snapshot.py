# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""zktool snapshot, compare and purge beside Apache's SnapshotFormatter,
SnapshotComparer and PurgeTxnLog 3.8.0: the same lines in the same order, and
the same files removed."""

import os
import re
import unittest

import files
import tools
from test_java_files import some_history
from tools import ToolCase, java, node, zktool

FORMATTER = 'SnapshotFormatter'
COMPARER = 'SnapshotComparer'


def wide_tree(count):
    """Children enough that their order tells how Java's sets grow, names in
    all lengths of UTF-8, a quota, ephemerals, null data."""
    nodes = list(tools.BUILT_IN)
    nodes.append(node('/wide', b'w' * 70, zxid=5, pzxid=77))
    for i in range(count):
        name = '/wide/%s%07d' % (['n-', 'käfer', '漢字', '\U0001f98a'][i % 4],
                                 i * 7919)
        nodes.append(node(name, None if i % 5 == 0 else b'x' * (i % 90),
                          zxid=6 + i, ms=1600000000000 + i * 86400 * 1000,
                          owner=0x300 if i % 11 == 0 else 0))
        if i % 50 == 0:
            nodes += [node(name + '/%s' % c, b'\xff\0' * k)
                      for k, c in enumerate('abcdefghi')]
    # Nine names with one hash make a small table of Java's grow early.
    nodes.append(node('/hash'))
    nodes += [node('/hash/' + ''.join(['Aa', 'BB'][i >> bit & 1]
                                      for bit in range(4)))
              for i in range(9)]
    nodes += [node('/hash/%s' % c) for c in 'zyxwv']
    quota = '/zookeeper/quota/wide'
    nodes += [node(quota), node(quota + '/zookeeper_limits', b'count=5'),
              node(quota + '/zookeeper_stats', b'count=0,bytes=0')]
    return nodes


SESSIONS = [(0x300, 4000), (0x100000000000000 + 16, 30000), (5, 1),
            (-2 ** 63 + 17, 6), (0x200000000000001, 40000)]


class Snapshots(ToolCase):
    @classmethod
    def setUpClass(cls):
        cls.top = files.folder()
        cls.addClassCleanup(tools.shutil.rmtree, cls.top, True)
        server = files.java_server(cls.top, snapCount='30')
        server.start()
        # A snapshot is not begun before the one before it is whole, so that
        # none but the last may be cut short when the server is killed.
        while len(cls.snapshots()) < 3:
            some_history(server, 5)
        server.kill()
        server.discard()
        cls.javas = cls.snapshots()[:-1]

    @classmethod
    def snapshots(cls):
        """The paths of those there are, oldest first."""
        names = [name for name in os.listdir(files.v2(cls.top))
                 if name.startswith('snapshot.')]
        names.sort(key=lambda name: int(name.split('.')[1], 16))
        return [files.v2(cls.top, name) for name in names]

    def compare(self, path, *words, code=None, zone='UTC'):
        ours = zktool('snapshot', *words, path, zone=zone)
        theirs = java(FORMATTER, *words, path, zone=zone)
        for ran in (ours, theirs):
            ran.out = re.sub(rb'"timestamp":[0-9]+', b'"timestamp":T',
                             ran.out)
        self.same(ours, theirs)
        self.assertEqual(ours.code, theirs.code if code is None else code,
                         ours.err + theirs.err)
        return ours

    def test_javas(self):
        ran = self.compare(self.javas[-1], zone='Europe/Berlin')
        self.assertIn(b'Last zxid: 0x', ran.out)
        self.compare(self.javas[-1], '-d')
        self.compare(self.javas[-1], '-json')

    def test_ours_in_all_forms(self):
        for method, suffix, words in (('plain', '', ['-json']),
                                      ('gz', '.gz', ['-d']),
                                      ('snappy', '.snappy', [])):
            with self.subTest(method=method):
                data = self.path(method)
                files.write(data, 160, method, 160)
                self.compare(os.path.join(data, 'version-2',
                                          'snapshot.a0' + suffix), *words)

    def test_wide_tree(self):
        path = self.put('snapshot.9', tools.snapshot(wide_tree(3000),
                                                     SESSIONS))
        ran = self.compare(path, '-d')
        # The usage of the quota was counted, not read.
        self.assertIn(b'data = Y291bnQ9MzU0MSxieXRlcz0', ran.out)
        self.compare(path, '-json')

    def test_wrong_checksum(self):
        # Apache's does not look at it: ours says the same, and that.
        content = bytearray(tools.snapshot(wide_tree(5)))
        content[-6] ^= 1
        path = self.put('snapshot.9', bytes(content))
        ran = self.compare(path, code=1)
        self.assertIn('damaged at offset %d: wrong checksum'
                      % (len(content) - 13), ran.err)

    def test_cut(self):
        whole = tools.snapshot(wide_tree(5))
        path = self.put('snapshot.9', whole[:-400])
        ran = self.compare(path)
        self.assertIn('some nodes before it can be read (--partial prints '
                      'those)', ran.err)
        ran = self.tool('snapshot', '--partial', path, code=1)
        self.assertIn(b'\n/wide/', ran.out)
        self.assertIn('ends at %d' % (len(whole) - 400), ran.err)

    def test_wrong_use(self):
        for words in ([], ['-x', 'f'], ['a', 'b'], ['/none/snapshot.1'],
                      [self.dir], ['-d', '-json', self.javas[0]]):
            with self.subTest(words=words):
                ran = self.tool('snapshot', *words, code=2)
                self.assertEqual(ran.out, b'')
                self.assertNotEqual(ran.err, '')
        self.assertEqual(java(FORMATTER, '/none/snapshot.1').code, 2)

    # ---- comparing ------------------------------------------------------

    def compare_two(self, left, right, *words, stdin=b''):
        words = ['-l', left, '-r', right] + list(words)
        ours = zktool('compare', *words, stdin=stdin)
        theirs = java(COMPARER, *words, stdin=stdin)
        for ran in (ours, theirs):
            ran.out = tools.without_seconds(ran.out)
        self.same(ours, theirs)
        self.assertEqual(ours.code, theirs.code, ours.err + theirs.err)
        return ours

    def test_compares(self):
        self.compare_two(self.javas[0], self.javas[-1], '-b', '20', '-n', '3')

    def test_compares_names_of_all_kinds(self):
        # "-" sorts before "/", "0" behind it; U+1F98A before U+FF5E.
        extra = [node('/wide-'), node('/wide-/n'), node('/wide0'),
                 node('/wide0/n'), node('/wide/\uff5e')]
        left = self.put('snapshot.9', tools.snapshot(wide_tree(40) + extra))
        right = self.put('snapshot.a', tools.snapshot(wide_tree(60)))
        self.compare_two(left, right, '--bytes', '30', '--nodes=0', '-d')

    def test_converses(self):
        ran = self.compare_two(
            self.javas[0], self.javas[-1], '-b', '20', '-n', '3', '-i',
            stdin=b'\n1\n/n1\n/none\n/\nfoo\n77\n-1\n\n\n\n\n\n')
        self.assertIn(b'All layers compared.', ran.out)

    def test_compares_no_files(self):
        self.tool('compare', '-l', self.javas[0], '-b', '1', code=2)
        self.tool('compare', '-l', self.javas[0], '-r', '/none', '-b', '1',
                  '-n', '1', code=1)
        self.assertEqual(java(COMPARER, '-l', 'x').code, 2)

    # ---- purging --------------------------------------------------------

    def test_purges(self):
        results = []
        files.write(self.path('data'), 203, 'plain', 40)
        for which in ('ours', 'theirs'):
            copy = self.path(which)
            tools.shutil.copytree(self.path('data'), copy)
            words = [copy, '-n', '3']
            ran = zktool('purge', *words) if which == 'ours' \
                else java('PurgeTxnLog', *words)
            self.assertEqual(ran.code, 0, ran.err)
            lines = sorted(ran.out.replace(copy.encode(), b'').split(b'\n'))
            results.append((lines, sorted(tools.tree(copy))))
        self.assertEqual(results[0], results[1])
        left = [name for name in results[0][1] if 'snapshot' in name]
        self.assertEqual(len(left), 3)

    def test_purges_nothing(self):
        for words in ([], ['/none', '-n', '3'], [self.dir, '-n', '2'],
                      [self.dir, '-m', '3'], [self.dir, '-n', 'x']):
            with self.subTest(words=words):
                ran = self.tool('purge', *words, code=1)
                self.assertEqual(ran.out, b'')
                self.assertIn('Usage:', ran.err)
        self.assertEqual(java('PurgeTxnLog', self.dir, '-n', '2').code, 1)


if __name__ == '__main__':
    files.require_java()
    unittest.main()
