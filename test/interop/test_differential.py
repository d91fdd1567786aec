#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""One script of requests against Apache 3.8.0 and against zkd.

Everything that both servers send is compared: replies, events, their
order, Stats, closed connections.  The differences that are allowed have
names and reasons in lib/diffcompare.py.

The random part depends on the seed, which is printed; run again with
--seed N, or longer with --ops N.  With --java the server under test is a
second Apache server: this shows that the script itself is deterministic.
"""

import collections
import os
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), 'lib'))

import diffcompare                      # noqa: E402
import diffscript                       # noqa: E402
import difftrace                        # noqa: E402
import harness                          # noqa: E402
import servers                          # noqa: E402
import zkwire as zk                     # noqa: E402

DEFAULT_OPS = 4000
MINIMUM = 2500
# More messages than this in one step are not shown.
FEW = 8

CONFIG = {
    'tickTime': '300',
    'minSessionTimeout': '600',
    'maxSessionTimeout': '600000',
}
PROPERTIES = {
    'zookeeper.enforceQuota': 'true',
    # Nothing may be deleted behind the script's back.
    'znode.container.checkIntervalMs': '3600000',
}

# What a script must have met to be worth its name.
MUST_SUCCEED = set(zk.OPS.values()) - {13, 16, 20, -10}
MUST_FAIL = {
    zk.MARSHALLING, zk.UNIMPLEMENTED, zk.BAD_ARGUMENTS, zk.NO_NODE,
    zk.NO_AUTH, zk.BAD_VERSION, zk.NO_CHILDREN_FOR_EPHEMERALS,
    zk.NODE_EXISTS, zk.NOT_EMPTY, zk.INVALID_ACL, zk.AUTH_FAILED,
    zk.NO_WATCHER, zk.RECONFIG_DISABLED, zk.QUOTA_EXCEEDED}
MUST_MEET = {'event', 'closed', 'connect', 'gone'}


class Differential(unittest.TestCase):

    maxDiff = None

    def play(self, kind, steps, traces):
        """Runs the script on a fresh server; the trace or the error."""
        server = servers.Server(kind, CONFIG, PROPERTIES)
        player = None
        try:
            server.start()
            player = difftrace.Player(server)
            traces[kind] = player.play(steps)
            server.close()
        except BaseException as error:      # reported by the caller
            traces[kind] = error
            if player is not None:
                traces[kind + ' so far'] = player.trace
            server.discard()

    def test_same_script(self):
        """Apache 3.8.0 and the server under test answer alike"""
        harness.need_java()
        seed = harness.seed()
        count = int(os.environ.get('ZK_TEST_OPS', DEFAULT_OPS))
        print('seed %d, %d random operations' % (seed, count))
        sys.stdout.flush()
        steps = diffscript.script(seed, count)
        self.assertGreaterEqual(diffscript.operations(steps),
                                min(count, MINIMUM))
        old = self.oracle(steps)
        new, error = self.trace(harness.subject(), steps)
        # A server that failed on the way is compared as far as it came.
        comparison = diffcompare.Comparison(steps, old, new)
        differences = comparison.run()
        self.report(steps, comparison)
        if error or differences:
            self.fail(self.explain(comparison, seed, error))
        self.coverage(old)

    def oracle(self, steps):
        """What Apache's server answers.

        Now and then, on a busy machine, 3.8.0 leaves a connection open
        that it should close.  Where it says nothing there is nothing to
        compare with: it is asked again.
        """
        for attempt in range(3):
            trace, error = self.trace('java', steps)
            self.assertIsNone(error)
            if not any(message.kind == 'silent' for messages in trace.steps
                       for message in messages):
                break
            print('the oracle was silent at a step (attempt %d)'
                  % (attempt + 1))
        return trace

    def trace(self, kind, steps):
        """Plays in a thread of its own, so that a hang has an end.

        Returns the trace and, when the server failed, what happened.
        """
        traces = {}
        thread = threading.Thread(target=self.play,
                                  args=(kind, steps, traces), daemon=True)
        thread.start()
        thread.join(120)
        if thread.is_alive():
            self.fail('%s did not finish the script' % kind)
        result = traces[kind]
        if not isinstance(result, BaseException):
            return result, None
        so_far = traces.get(kind + ' so far')
        if so_far is None:
            raise result
        return so_far, 'ended at step %d (%s): %s: %s' % (
            len(so_far.texts) - 1, so_far.texts[-1][:500],
            type(result).__name__, result)

    def report(self, steps, comparison):
        print('%d operations in %d steps; rules used:' % (
            diffscript.operations(steps), len(steps)))
        for name in diffcompare.RULES:
            if comparison.used.get(name):
                print('  %6d  %s' % (comparison.used[name], name))
        unknown = set(comparison.used) - set(diffcompare.RULES)
        self.assertFalse(unknown, 'rules without a reason')
        sys.stdout.flush()

    def explain(self, comparison, seed, error):
        """The differences for people, with what led to them."""
        lines = ['%d differences (seed %d); oracle: Apache 3.8.0, subject: '
                 '%s' % (len(comparison.differences), seed,
                         comparison.new.name)]
        if error:
            lines.append('the subject %s' % error)
        for found in comparison.differences:
            lines.append('')
            lines.append('--- operation step %d: %s' % (
                found.index, found.text[:1500]))
            if found.why:
                lines.append('  ' + found.why)
            lines += self._context(comparison, found.index)
            self._side(lines, 'oracle', found.old, found.new)
            self._side(lines, 'subject', found.new, found.old)
        return '\n'.join(lines)

    @staticmethod
    def _context(comparison, index):
        """The last steps of the same connection, as the subject saw."""
        conn = comparison.steps[index].conn
        out = []
        for at in range(index - 1, max(-1, index - 200), -1):
            if comparison.steps[at].conn == conn:
                out.append('  before, step %d: %s -> %s' % (
                    at, comparison.new.texts[at][:160],
                    difftrace.summary(comparison.new.steps[at])))
            if len(out) == 3:
                break
        return out[::-1]

    @staticmethod
    def _side(lines, name, mine, other):
        shown = 0
        for at, message in enumerate(mine):
            same = at < len(other) and other[at] == message
            if len(mine) > FEW and (same or shown >= FEW):
                continue        # a long step: the first that differ
            shown += 1
            lines.append('  %s %s %s' % (
                ' ' if same else '!', name,
                diffcompare.describe(message)[:2000]))
        if not mine:
            lines.append('  ! %s sent nothing' % name)

    def coverage(self, trace):
        """The script met all that it is meant to meet."""
        good, bad, kinds = set(), set(), set()
        events = collections.Counter()
        for messages in trace.steps:
            for message in messages:
                kinds.add(message.kind)
                if message.kind == 'event':
                    events[message.value.type] += 1
                if message.kind != 'reply':
                    continue
                reply = message.value
                (bad if reply.err else good).add(
                    reply.err or reply.op)
        self.assertFalse(MUST_SUCCEED - good, 'operations never done')
        self.assertFalse(MUST_FAIL - bad, 'errors never met')
        self.assertFalse(MUST_MEET - kinds, 'never met')
        self.assertEqual(sorted(events), [1, 2, 3, 4])


if __name__ == '__main__':
    harness.main(__name__)
