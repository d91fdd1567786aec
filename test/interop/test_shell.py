#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""zkcli against Apache's shell: the same commands, the same answers.

lib/shell_script.py has the commands and the differences that are meant.
"""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), 'lib'))

import harness                          # noqa: E402
import servers                          # noqa: E402
import shell_script                     # noqa: E402
import shells                           # noqa: E402


class BothShells(unittest.TestCase):
    """One script, two shells, one server after the other."""

    maxDiff = None

    def setUp(self):
        harness.need_java()

    def play(self, kind):
        server = servers.Server(kind)
        self.addCleanup(server.discard)
        server.start()
        address = '%s:%d' % server.address
        commands = [step if isinstance(step, str) else step[0]
                    for step in shell_script.SCRIPT]
        self.assertGreaterEqual(len(commands), 150)
        java = shells.transcript('java', address, commands)
        ours = shells.transcript('zkcli', address, commands)
        self.compare(java, ours)
        server.check_alive()

    def compare(self, java, ours):
        wrong = []
        for step, theirs, answer in zip(shell_script.SCRIPT, java[0],
                                        ours[0]):
            command, difference = (step, None) if isinstance(step, str) \
                else step
            theirs = shell_script.normal(command, theirs)
            answer = shell_script.normal(command, answer)
            if difference:
                expected = difference(theirs)
                self.assertIsNotNone(expected, 'Java does not differ as '
                                     'written: %s: %r' % (command, theirs))
                theirs = [shell_script.plain(line) for line in expected]
            if theirs != answer:
                wrong.append('%s\n  Java:  %s\n  zkcli: %s' % (
                    command, '\n         '.join(theirs),
                    '\n         '.join(answer)))
        self.assertFalse(wrong, '\n' + '\n'.join(wrong))
        self.assertEqual(shell_script.normal_events(java[1]),
                         shell_script.normal_events(ours[1]))
        self.assertEqual(java[2], ours[2])

    def test_on_java(self):
        """on Apache's server"""
        self.play('java')

    def test_on_zkd(self):
        """on zkd"""
        self.play('zkd')


class OneCommand(harness.ServerCase):
    """A command on the command line, by both shells."""

    def both(self, *words):
        address = '%s:%d' % self.server.address
        return [shells.run(shells.command(kind, address, *words))
                for kind in ('java', 'zkcli')]

    def test_as_java(self):
        """exit codes, and what stands where, are Java's"""
        harness.need_java()
        for words, code in ((['ls', '/'], 0), (['get', '/nope'], 1),
                            (['set', '/x'], 1), (['nonsense'], 127),
                            (['-timeout', '9000', 'stat', '/zookeeper'], 0)):
            java, ours = self.both(*words)
            self.assertEqual((java.returncode, ours.returncode),
                             (code, code), words)
            if words[0] in ('ls', 'get'):
                # Java's event may come behind the answer.
                self.assertEqual(sorted(java.stdout.split('\n')), sorted(
                    ours.stdout.replace(' zxid: -1', '').split('\n')))
                self.assertEqual(java.stderr, ours.stderr)


if __name__ == '__main__':
    harness.main(__name__)
