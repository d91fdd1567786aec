# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""zktool where it could lose data: damage at the end of a log, what is
written beside it, snapshots that only look whole."""

import fcntl
import os
import struct
import tempfile
import unittest

import tools
from test_zktool import set_data
from tools import ToolCase, record

NOBODY = 65534


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

    def test_torn_by_a_crash(self):
        """That is an end: everything that was promised is there."""
        before = tools.log_header() + b''.join(self.records[:4])
        path = self.log(before + self.records[4][:30])
        ran = self.mend(path, '--replace')
        self.assertIn('as a crash leaves it', ran.err)
        after = tools.tree(self.dir)['log.1']
        self.assertEqual(after.rstrip(b'\0'), before)


if __name__ == '__main__':
    unittest.main()
