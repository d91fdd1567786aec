#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Three of Debian's Apache servers, 3.8.0, become three zkd and Apache's
again, one at a time over the same data folders, while clients write, hold
ephemeral nodes, watches and locks (busy.py): nothing acknowledged is lost,
nothing comes out of order, no session ends.

On the way to zkd the leader goes last, on the way back it goes first.
MIXED_ROUNDS=n does it n times over (1); from the second time on members are
killed, not stopped.  77 without Java or kazoo.
"""
import faulthandler
import logging
import os
import re
import sys
import unittest

import busy
import ensemble

try:
    import kazoo.client                                     # noqa: F401
except ImportError:
    kazoo = None

# What 3.8.0 says of itself, and what zkd says of the log that it left.
FAULT_OF_JAVA = re.compile('digest mismatch on txn')
LOG_OF_JAVA = re.compile(r'the transactions between are missing|another '
                         r'transaction stood there|not come as far again')

ROUNDS = int(os.environ.get('MIXED_ROUNDS', '1'))


class Rolling(unittest.TestCase):
    def begin_empty(self, member, why):
        print('%r begins empty: %s' % (member, why))
        member.kill()
        member.wipe()
        member.start()
        self.e.wait_settled()

    def revive(self, changed):
        """What followers of 3.8.0 do, told from what ours may do, which is
        nothing.  3.8.0 loses its place in a synchronization (ZOOKEEPER-4394),
        may end, or come back with a log that repeats and a tree that is not
        the others' (its digests say so); or it applies what it has not logged
        (ZOOKEEPER-4882), so that its log lacks it, and zkd does not start
        over that.  The way out is what zkd advises: to begin empty."""
        for member in self.e:
            with open(member.log_path, errors='replace') as log:
                last = log.read().rpartition('\n--- ')[2]
            if member.kind == 'java':
                why = FAULT_OF_JAVA.search(last)
                if not member.alive() or why:
                    self.begin_empty(member, why.group() if why else
                                     member.process.returncode)
            elif not member.alive():
                why = LOG_OF_JAVA.search(last)
                if member is not changed or not why:
                    member.check_alive()
                self.begin_empty(member, why.group())

    def settled(self, changed=None):
        """Waits for all; 'changed' has just become zkd."""
        self.e.wait_settled()
        self.revive(changed)
        return self.e.wait_settled()

    def become(self, kind, crash, leader_first):
        """All members, one after the other, become of this kind."""
        leader = self.settled()
        for member in sorted(self.e, key=lambda m: (
                (m is leader) != leader_first, m.sid)):
            if crash:
                member.kill()
            else:
                member.stop()
            self.e.wait_settled()
            self.crowd.wait_steps(1)
            member.kind = kind
            member.start()
            self.settled(member if kind == 'zkd' else None)
            self.crowd.wait_steps()

    def test_rolling(self):
        self.e = ensemble.Ensemble(
            'java', 'java', 'java', config={'maxSessionTimeout': '60000'})
        self.addCleanup(self.e.close)
        self.e.start()
        self.e.wait_settled()
        self.crowd = busy.Crowd(self.e)
        with self.crowd:
            self.crowd.wait_steps()
            for n in range(ROUNDS):
                self.become('zkd', crash=n > 0, leader_first=False)
                self.become('java', crash=n > 0, leader_first=True)
        self.crowd.fail_if_faulty()
        self.settled()
        self.crowd.check(self.e.wait_same_trees())


if __name__ == '__main__':
    if kazoo is None or not ensemble.servers.java_available():
        sys.exit(77)
    logging.getLogger('kazoo').addHandler(logging.NullHandler())
    logging.getLogger('kazoo').propagate = False
    faulthandler.dump_traceback_later(
        float(os.environ.get('ZK_TEST_LIMIT', 240 * ROUNDS)), exit=True)
    unittest.main()
