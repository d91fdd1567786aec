# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""zktool log beside Apache's TxnLogToolkit 3.8.0: the same files give the
same lines and, where one is written, the same file."""

import os
import unittest

import files
import tools
from test_java_files import some_history
from tools import ToolCase, java, zktool

TOOLKIT = 'persistence.TxnLogToolkit'


def logs_of(top):
    return sorted(os.path.join(files.v2(top), name)
                  for name in os.listdir(files.v2(top))
                  if name.startswith('log.'))


class Logs(ToolCase):
    @classmethod
    def setUpClass(cls):
        cls.top = files.folder()
        cls.addClassCleanup(tools.shutil.rmtree, cls.top, True)
        server = files.java_server(cls.top)
        server.start()
        some_history(server, 4)
        server.kill()
        server.discard()
        cls.javas = logs_of(cls.top)[0]
        with open(cls.javas, 'rb') as log:
            content = log.read()
        cls.records = list(tools.records(content))
        cls.content = content[:cls.records[-1][0] + 4096]

    def compare(self, name, *words, code=None, stdin=b'', zone='UTC',
                left=None):
        """Both tools on a file of this folder, in folders of their own.
        'left': the names that ours leaves, which are not Apache's."""
        for which in ('ours', 'theirs'):
            os.makedirs(self.path(which), exist_ok=True)
            tools.shutil.copy(self.path(name), self.path(which, name))
        ours = zktool('log', *words, name, cwd=self.path('ours'),
                      stdin=stdin, zone=zone)
        theirs = java(TOOLKIT, *words, name, cwd=self.path('theirs'),
                      stdin=stdin, zone=zone)
        self.same(ours, theirs)
        self.assertEqual(ours.code, theirs.code if code is None else code,
                         ours.err + theirs.err)
        after = tools.tree(self.path('ours'))
        if left is not None:
            self.assertEqual(sorted(after), left)
        else:
            self.assertEqual(after, tools.tree(self.path('theirs')))
        return ours

    def damaged(self, *places):
        """A file with these bytes: (number of the record, offset in it,
        value, or None for another bit)."""
        content = bytearray(self.content)
        for number, offset, value in places:
            at = self.records[number][0] + offset
            content[at] = content[at] ^ 1 if value is None else value
        return self.put('log.1', bytes(content))

    def end_byte(self, number):
        return 12 + self.records[number][1]

    def test_javas_log(self):
        self.put('log.1', self.content)
        ran = self.compare('log.1', zone='America/New_York')
        self.assertIn(b' createTtl /t0,t,', ran.out)
        self.assertEqual(ran.err, '')

    def test_our_log(self):
        top = files.folder()
        self.addCleanup(tools.shutil.rmtree, top, True)
        files.write(os.path.join(top, 'data'), 203)
        tools.shutil.copy(logs_of(top)[0], self.path('log.1'))
        self.compare('log.1')

    def test_wrong_checksums(self):
        self.damaged((2, 7, None), (5, 0, 1), (6, 12 + 24, None))
        ran = self.compare('log.1', '-d')
        self.assertEqual(ran.out.count(b'CRC ERROR - '), 3)
        self.assertIn('records with a wrong checksum: 3', ran.err)

    def test_damage_that_ends_reading(self):
        cases = [
            ([(4, self.end_byte(4), 0)], 'no end byte', None),
            ([(4, 8, 0x7f)], 'no record has that length', None),
            ([(4, 8, 0x80)], 'no record has that length', None),
            # Java takes these zeros for the end of it all.
            ([(4, i, 0) for i in range(12)], 'zeros in front of', 1),
        ]
        for places, text, code in cases:
            with self.subTest(text=text):
                self.damaged(*places)
                ran = self.compare('log.1', code=code)
                self.assertIn('damaged at offset %d: '
                              % self.records[4][0] + text, ran.err)
                self.assertIn('at least ', ran.err)

    def test_cut(self):
        at, length = self.records[6]
        for end in (at + 5, at + 30, at + 12 + length):
            with self.subTest(end=end):
                self.put('log.1', self.content[:end])
                ran = self.compare('log.1')
                self.assertIn('offset %d' % at, ran.err)

    def test_no_log(self):
        for content in (b'', b'ZKLG\0\0', b'ZKSN' + self.content[4:]):
            with self.subTest(content=content[:8]):
                self.put('log.1', content)
                self.compare('log.1')

    def test_a_record_that_is_none(self):
        # Java ends there; the lines up to there are the same.
        self.damaged((5, 12 + 31, 99))
        theirs = java(TOOLKIT, self.path('log.1'))
        ours = zktool('log', self.path('log.1'))
        self.assertEqual((ours.code, theirs.code), (1, 1))
        self.assertEqual(ours.out[:len(theirs.out)], theirs.out)
        self.assertIn(b'EOF reached after', ours.out)
        self.assertIn('damaged at offset %d' % self.records[5][0], ours.err)

    # ---- mending --------------------------------------------------------

    def test_mends(self):
        self.damaged((2, 7, None), (5, 0, 1), (6, 12 + 24, None))
        ran = self.compare('log.1', '-r', '-y')
        self.assertIn(b'with 3 fixed CRC error(s)', ran.out)
        # Nothing is wrong with what was written.
        again = self.tool('log', '--verify', self.path('ours', 'log.1.fixed'))
        self.assertNotIn(b'damaged', again.out)

    def test_mends_and_prints_all(self):
        self.damaged((3, 7, None))
        self.compare('log.1', '--recover', '--yes', '--verbose')

    def test_mends_up_to_other_damage(self):
        self.damaged((2, 7, None), (4, self.end_byte(4), 0))
        ran = self.compare('log.1', '-ry')
        self.assertIn('4 whole transactions stand before it', ran.err)

    def test_asks(self):
        self.damaged((2, 7, None), (5, 0, 1), (6, 7, None))
        self.compare('log.1', '-r', stdin=b'perhaps yes\nNo\n\n y\n')

    def test_is_told_to_stop(self):
        self.damaged((2, 7, None), (5, 0, 1))
        # Apache's leaves half a file and ends with 0.
        ran = self.compare('log.1', '-r', stdin=b'n abort', code=1,
                           left=['log.1'])
        self.assertIn('Recovery aborted.', ran.err)

    def test_keeps_what_was_mended_before(self):
        self.put('log.1', self.content)
        os.makedirs(self.path('ours'))
        os.makedirs(self.path('theirs'))
        self.put('ours/log.1.fixed', b'old')
        self.put('theirs/log.1.fixed', b'old')
        ran = self.compare('log.1', '-r', '-y')
        self.assertEqual(ran.code, 1)

    def test_asks_nobody(self):
        self.damaged((2, 7, None))
        ran = self.tool('log', '-r', self.path('log.1'), code=1)
        self.assertIn('no answer', ran.err)

    def test_replaces(self):
        path = self.damaged((2, 7, None))
        with open(path, 'rb') as before:
            old = before.read()
        self.tool('log', '-r', '-y', '--replace', path)
        after = tools.tree(self.dir)
        self.assertEqual(sorted(after), ['log.1', 'log.1.bak'])
        self.assertEqual(after['log.1.bak'], old)
        self.tool('log', '--verify', path)
        # A backup is never overwritten.
        self.tool('log', '-r', '-y', '--replace', path, code=1)
        self.assertEqual(tools.tree(self.dir)['log.1.bak'], old)

    # ---- cutting --------------------------------------------------------

    def test_chops(self):
        self.put('log.1', self.content)
        self.compare('log.1', '-c', '-z', '0x12')
        self.assertIn('log.1.chopped18', os.listdir(self.path('ours')))

    def test_chops_nothing(self):
        # Apache's leaves half a file and ends with 0.
        self.put('log.1', self.content)
        for zxid in ('0x7fff', '0'):
            with self.subTest(zxid=zxid):
                theirs = java(TOOLKIT, '-c', '-z', zxid, self.path('log.1'))
                os.unlink(self.path('log.1.chopped%d' % int(zxid, 0)))
                ours = self.tool('log', '-c', '-z', zxid,
                                 self.path('log.1'), code=2)
                self.same(ours, theirs)
                self.assertEqual(os.listdir(self.dir), ['log.1'])


if __name__ == '__main__':
    files.require_java()
    unittest.main()
