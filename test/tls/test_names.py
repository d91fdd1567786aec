#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Subjects of certificates: ours against the JVM's, byte for byte."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = os.environ.get('top_srcdir') or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.path.join(os.environ.get('top_builddir', '.'), 'test', 'tls',
                    'tls_tool')
COUNT = 600
SECONDS = 120


def can_compile():
    """Is there a JVM that runs source files?"""
    if shutil.which('java') is None:
        return False
    listed = subprocess.run(['java', '--list-modules'], text=True,
                            stdout=subprocess.PIPE, check=False,
                            stderr=subprocess.DEVNULL, timeout=SECONDS)
    return 'jdk.compiler' in listed.stdout


class Names(unittest.TestCase):
    """Certificates that tls_tool makes."""

    def lines(self, *words):
        """What a program prints, in lines."""
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True,
                              stdin=subprocess.DEVNULL, timeout=SECONDS,
                              check=True)
        return done.stdout.splitlines()

    def test_as_the_jvm_prints_them(self):
        with tempfile.TemporaryDirectory() as folder:
            self.lines(TOOL, 'odd', folder, '1', str(COUNT))
            files = [os.path.join(folder, '%d.der' % i)
                     for i in range(COUNT)]
            ours = self.lines(TOOL, 'names', *files)
            java = self.lines('java', '-Xshare:auto',
                              os.path.join(TOP, 'test', 'tls', 'Names.java'),
                              *files)
        self.assertEqual(len(ours), COUNT)
        self.assertEqual(len(java), COUNT)
        wrong = [(i, bytes.fromhex(mine), bytes.fromhex(theirs))
                 for i, (mine, theirs) in enumerate(zip(ours, java))
                 if mine != theirs]
        self.assertEqual(wrong, [])


if __name__ == '__main__':
    if not can_compile():
        print('no JVM with a compiler')
        sys.exit(77)
    unittest.main(verbosity=2)
