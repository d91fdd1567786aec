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
import sys
import unittest

import busy
import ensemble

try:
    import kazoo.client                                     # noqa: F401
except ImportError:
    kazoo = None

ROUNDS = int(os.environ.get('MIXED_ROUNDS', '1'))


class Rolling(unittest.TestCase):
    def revive(self):
        """Java's followers of 3.8.0 may end by themselves when they lose
        their place (ZOOKEEPER-4394); ours never."""
        for member in self.e:
            if not member.alive():
                if member.kind == 'zkd':
                    member.check_alive()
                print('%r ended with %s' % (member,
                                            member.process.returncode))
                member.kill()
                member.start()

    def settled(self):
        self.e.wait_settled()
        self.revive()
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
            self.settled()
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
