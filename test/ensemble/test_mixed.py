#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""zkd and Debian's Apache server, 3.8.0, in one ensemble.

Three voters X, Y, X and two observers, one of each kind.  X leads, then Y,
then X again, and each leader brings learners of the other kind, a follower
and an observer, to its history by DIFF, SNAP and TRUNC:

    java zkd java   zkd is follower, leader and observer of Java's majority
    zkd java zkd    Java is follower, leader and observer of zkd's

DIFF: a member misses some transactions; SNAP: many, or all; TRUNC: it has
logged what nobody else has, and comes back while its leader has committed
nothing since; or the leader has, then it is a SNAP that must undo.

In each reign clients do all they can over every member (deeds.py).  At the
end all members have one tree at one zxid, with one digest, and no member has
met another digest than it computed.

MIXED_ROUNDS=n plays all that n times over (1).  77 without Java.
"""
import faulthandler
import glob
import os
import re
import shutil
import sys
import unittest

import deeds
import ensemble
from ensemble import zkwire

ROUNDS = int(os.environ.get('MIXED_ROUNDS', '1'))
FEW = 5
MANY = 600                          # Above commitLogCount, 500.

# What a learner logs of the packet that its synchronization begins with.
OPENING = {
    'zkd': r'(DIFF|TRUNC|SNAP) 0x[0-9a-f]+ from the leader',
    'java': r'Getting a (diff|snapshot) from (?:the )?leader|'
            r'(Truncating) log to get in sync with the leader',
}
OPENING_NAMES = {'diff': 'DIFF', 'snapshot': 'SNAP', 'Truncating': 'TRUNC'}
# What no member of ours may ever log.
BAD = re.compile(r'panic|assert|sanitizer|runtime error|digest.*differ| '
                 r'has a gap', re.IGNORECASE)


def other(kind):
    return 'java' if kind == 'zkd' else 'zkd'


class Mixed(unittest.TestCase):
    def begin(self, kind, **properties):
        """Voters kind, other, kind; the third leads.  Returns it."""
        self.e = ensemble.Ensemble(
            kind, other(kind), kind, observers=('java', 'zkd'),
            config={'maxSessionTimeout': '60000'},
            properties={'zookeeper.extendedTypesEnabled': 'true',
                        **properties})
        self.addCleanup(self.e.close)
        self.n = 0
        self.logs = {}
        for sid in (2, 3):
            self.e[sid].start()
        self.assertIs(self.e[3], self.e.wait_settled())
        self.e.start()
        return self.e.wait_settled()

    def observer(self, kind):
        return next(m for m in self.e if m.observer and m.kind == kind)

    def learners(self, leader):
        """The follower and the observer of the other kind that learn."""
        return [max((m for m in self.e.voters() if m.kind != leader.kind),
                    key=lambda m: m.sid), self.observer(other(leader.kind))]

    # ---- writing

    def fill(self, leader, n):
        """n acknowledged writes over the leader."""
        with leader.connect(timeout=30000) as conn:
            self.n += 1
            top = '/fill-%d' % self.n
            conn.post(zkwire.create(top),
                      *[zkwire.set_data(top, b'%d' % at) for at in range(n)],
                      zkwire.create(top + '/last'))
            for _ in range(n + 2):
                self.assertEqual(0, conn.next_reply().err)
            ensemble.end_session(conn)

    # ---- learning

    def start(self, member):
        """Starts it; its log is read from here on."""
        self.logs[member.sid] = os.path.getsize(member.log_path)
        member.start()

    def log_since(self, member):
        with open(member.log_path, errors='replace') as log:
            log.seek(self.logs[member.sid])
            return log.read()

    def openings(self, member):
        """How leaders began to bring it up to date, since start()."""
        found = re.findall(OPENING[member.kind], self.log_since(member))
        if member.kind == 'java':
            found = [OPENING_NAMES[one or two] for one, two in found]
        return found

    def expect(self, how, members):
        """They come up to date in the ways 'how'."""
        self.e.wait_settled()
        for member in members:
            self.assertEqual([how], self.openings(member),
                             '%r\n%s' % (member, member.log_tail()))

    def miss(self, how, leader, members, n, wipe=False):
        """They miss n transactions, or all."""
        for member in members:
            member.stop()
            if wipe:
                member.wipe()
        self.fill(leader, n)
        for member in members:
            self.start(member)
        self.expect(how, members)

    # ---- history that only one has

    def holds(self, member, text):
        """Do its log files hold this?"""
        for name in glob.glob(os.path.join(member.data, 'version-2',
                                           'log.*')):
            with open(name, 'rb') as log:
                if text in log.read():
                    return True
        return False

    def leave_tail(self, leader, observer):
        """The leader logs what no other member gets, and dies; a stopped
        observer gets its files, and so the same tail."""
        observer.stop()
        self.n += 1
        path = '/phantom-%d' % self.n
        conn = leader.connect(timeout=30000)
        self.addCleanup(conn.close)
        self.e.wait_same_trees()            # Nothing more is under way.
        rest = [m for m in self.e.voters() if m is not leader]
        for member in rest:
            member.pause()
        conn.post(*[zkwire.create('%s-%d' % (path, at)) for at in range(3)])
        self.e.wait('%r has logged %s' % (leader, path), lambda: self.holds(
            leader, (path + '-2').encode()))
        leader.kill()
        ours, theirs = (os.path.join(m.data, 'version-2')
                        for m in (observer, leader))
        shutil.rmtree(ours)
        shutil.copytree(theirs, ours)
        # What they were sent waits in their sockets, and dies with them.
        for member in rest:
            member.kill()
            self.assertFalse(self.holds(member, path.encode()))
        for member in rest:
            member.start()
        return path

    def hand_over(self, leader, branch):
        """Leader and observer of its kind come back with a tail, when another
        leads; returns that one."""
        observer = self.observer(leader.kind)
        path = self.leave_tail(leader, observer)
        successor = self.e.wait_settled()
        self.assertIsNot(leader, successor)
        if branch:
            self.fill(successor, FEW)
        for member in (leader, observer):
            self.start(member)
        self.expect('SNAP' if branch else 'TRUNC', (leader, observer))
        tree = self.e.wait_same_trees()
        self.assertEqual([], [name for name in tree
                              if name.startswith(path)])
        self.forgotten(leader, observer)
        return successor

    def forgotten(self, *members):
        """What their tail was is gone from the disk, too."""
        if members[0].kind == 'zkd':
            for member in members:
                member.restart(crash=True)
            self.e.wait_settled()
            self.e.wait_same_trees()

    # ---- what holds in the end

    def digests(self, member):
        """{zxid: digest} of its tree, as far as it remembers."""
        return {int(zxid, 16): digest for zxid, digest in
                member.lines('hash', ':').items()}

    def check_digests(self, leader):
        """One of the last zxids that all remember has one digest."""
        self.fill(leader, 130)              # One is taken every 128.
        self.e.wait_same_trees()
        digests = [self.digests(m) for m in self.e]
        common = set.intersection(*[set(d) for d in digests])
        self.assertTrue(common, digests)
        for zxid in common:
            self.assertEqual(1, len({d[zxid] for d in digests}),
                             '%x: %s' % (zxid, digests))
        for member in self.e:
            self.assertEqual(
                '0', member.mntr()['zk_digest_mismatches_count'], member)

    def check_logs(self):
        for member in self.e:
            if member.kind == 'zkd':
                with open(member.log_path, errors='replace') as log:
                    self.assertEqual([], [line for line in log
                                          if BAD.search(line)], member)

    def reign(self, leader, diff, snap, wipe):
        """One leader's time: learners miss as many transactions as make a
        DIFF, then as make a SNAP; 'wipe': they miss all of them then."""
        deeds.Deeds(self.e, '/deeds-%d-%d' % (leader.sid, self.n)).all()
        learners = self.learners(leader)
        self.miss('DIFF', leader, learners, diff)
        self.miss('SNAP', leader, learners, snap, wipe)
        self.e.wait_same_trees()

    def chain(self, kind, factor, *how):
        leader = self.begin(kind, **{'zookeeper.snapshotSizeFactor': factor})
        for _ in range(ROUNDS):
            self.reign(leader, *how)
            leader = self.hand_over(leader, branch=False)
            self.reign(leader, *how)
            leader = self.hand_over(leader, branch=True)
            self.assertIs(self.e[3], leader)
        deeds.Deeds(self.e, '/last').all()
        self.check_digests(leader)
        self.check_logs()

    def test_zkd_among_java(self):
        """DIFFs come from the committed log alone."""
        self.chain('java', '-1', FEW, MANY, False)

    def test_java_among_zkd(self):
        """DIFFs come from the log files, too."""
        self.chain('zkd', '1000', MANY, FEW, True)


if __name__ == '__main__':
    if not ensemble.servers.java_available():
        sys.exit(77)
    faulthandler.dump_traceback_later(
        float(os.environ.get('ZK_TEST_LIMIT', 240 * ROUNDS)), exit=True)
    unittest.main()
