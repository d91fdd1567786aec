#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""What four-letter words say of members: the same lines as Apache's servers,
by role.  77 without those."""
import faulthandler
import os
import re
import sys
import unittest

import ensemble

WORDS = ('srvr', 'conf', 'mntr', 'isro', 'dump')
# By role: which of the times of the commit stage and of Final are taken once a
# client of the follower has written, and read behind that in one go.
TIMES = ('local_write_committed_time_ms', 'server_write_committed_time_ms',
         'read_final_proc_time_ms', 'write_final_proc_time_ms',
         'write_batch_time_in_commit_processor')
# The name of a line: what stands before the value.
NAME = re.compile(r'^[^=:\t(]*[=:\t(]?')
# Lines of mntr that come and go with what was asked of a server.
OCCASIONAL = re.compile(r'_per_namespace')
# Apache 3.9 has these, 3.8.0 has not.
NEWER = re.compile(r'restore_|_restore_time|snapshot_error|_rate_limited')


def nameless(answer, leader):
    """Without the ids that depend on who leads, and how often it took to
    find out."""
    answer = re.sub(r'(\nzk_cnt_\w*(?:sync|unavailable|election)_time\t)'
                    r'[1-9]\d*', r'\1some', answer)
    answer = answer.replace('observer_master_id\t%d\n' % leader.sid,
                            'observer_master_id\tits leader\n')
    return re.sub(r'_\d+_learner_handler_', '_N_learner_handler_', answer)


def ask_all(kind):
    """{(role, word): answer} of three members and an observer, the leader
    having seen a write."""
    answers = {}
    with ensemble.Ensemble(kind, kind, kind, observers=1) as e:
        e.start()
        leader = e.wait_settled()
        with leader.connect(timeout=10000) as conn:
            conn.call(ensemble.zkwire.create('/words', flags=1))
            e.wait_same_trees()
            follower = next(m for m in e if m.role() == 'follower')
            with follower.connect(timeout=10000) as conn:
                conn.post(ensemble.zkwire.create('/times'),
                          ensemble.zkwire.get_data('/times'))
                conn.next_reply()
                conn.next_reply()
            e.wait_same_trees()
            for member in e:
                answers['times', member.role(), member is follower] = {
                    name for name in TIMES
                    if member.mntr()['zk_cnt_' + name] != '0'}
            for member in e:
                for word in WORDS:
                    answers[member.role(), word] = nameless(
                        member.word(word), leader)
    return answers


def names(answer):
    """The names of its lines in order; sessions and the like, which are
    indented or begin with their number, left out."""
    found = []
    for line in answer.splitlines():
        name = NAME.match(line).group()
        if line[:1] not in ('\t', ' ') and not line[:1].isdigit() \
                and not OCCASIONAL.search(name) and not NEWER.search(name):
            found.append(name)
    return found


class MemberWords(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ours = ask_all('zkd')
        cls.theirs = ask_all('java')

    def each(self, word, check):
        for role in ('leader', 'follower', 'observer'):
            with self.subTest(role=role, word=word):
                check(self.ours[role, word], self.theirs[role, word])

    def check_names(self, ours, theirs):
        self.assertEqual(names(theirs), names(ours))

    def check_mntr(self, ours, theirs):
        self.assertEqual(set(), set(names(theirs)) ^ set(names(ours)))
        # Those that tell the role, with their values.
        told = {line for line in theirs.splitlines() if line.startswith((
            'zk_server_state', 'zk_peer_state', 'zk_quorum_size',
            'zk_observer_master', 'zk_learners', 'zk_synced')) or re.match(
                r'zk_cnt_\w*(sync|unavailable|election)_time', line)}
        self.assertEqual(set(), told - set(ours.splitlines()))

    def test_lines(self):
        for word in ('srvr', 'conf', 'dump'):
            self.each(word, self.check_names)

    def test_isro(self):
        self.each('isro', lambda ours, theirs: self.assertEqual(
            (ours, theirs), ('rw', 'rw')))

    def test_mntr(self):
        self.each('mntr', self.check_mntr)

    def test_times(self):
        """What is taken where; of ours alone reads may have been answered
        without the commit stage (whose they are not)."""
        for key in self.theirs:
            if key[0] == 'times':
                with self.subTest(key=key):
                    self.assertIn(self.theirs[key] - self.ours[key],
                                  (set(), {'read_final_proc_time_ms'}))
                    self.assertLessEqual(self.ours[key], self.theirs[key])
        self.assertEqual(set(TIMES), self.ours['times', 'follower', True])

    def test_membership(self):
        self.each('conf', lambda ours, _: self.assertRegex(
            ours, r'\nmembership: \n(server\.[1-4]=127\.0\.0\.1:\d+:\d+:'
            r'(participant|observer)\n){4}version=0$'))


if __name__ == '__main__':
    if not ensemble.servers.java_available():
        sys.exit(77)
    faulthandler.dump_traceback_later(
        float(os.environ.get('ZK_TEST_LIMIT', '180')), exit=True)
    unittest.main()
