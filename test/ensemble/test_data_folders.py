#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Members that come with an empty, an older or somebody else's data folder:
what was committed stays, wherever the others still have it.

ZK_TEST_SERVER=java plays the same with Debian's Apache servers.
"""
import faulthandler
import os
import shutil
import sys
import unittest

import ensemble
import zkwire

KIND = os.environ.get('ZK_TEST_SERVER', 'zkd')
STRICT = {'zookeeper.db.autocreate': 'false'}


class DataFolders(unittest.TestCase):
    def begin(self, **options):
        e = ensemble.Ensemble(KIND, KIND, KIND, **options)
        self.addCleanup(e.close)
        return e

    @staticmethod
    def write(member, *paths):
        with member.connect(timeout=10000) as conn:
            for path in paths:
                assert conn.call(zkwire.create(path)).err == 0

    def check_tree(self, e, *paths):
        tree = e.wait_same_trees()
        self.assertLessEqual(set(paths), set(tree))

    def test_empty_folder(self):
        """The highest id, empty: it follows, and takes all the others
        have."""
        e = self.begin()
        e.start()
        e.wait_settled()
        self.write(e[1], '/before')
        e[3].kill()
        e[3].wipe()
        leader = e.wait_settled()
        self.write(leader, '/meanwhile')
        e[3].start()
        e.wait_role(e[3], 'follower')
        self.check_tree(e, '/before', '/meanwhile')

    @unittest.skipIf(KIND == 'java', 'it elects the one that lags behind')
    def test_empty_folder_and_one_that_lags(self):
        """What was written while 2 was away stands on 1 and 3; 3 is wiped
        and 1 is down: 2 and 3 are a quorum, and do not cut it off."""
        e = self.begin()
        e.start()
        e.wait_settled()
        self.write(e[1], '/before')
        e[2].stop()
        leader = e.wait_settled()
        self.write(leader, '/meanwhile', '/and_more')
        e[1].kill()
        e[3].kill()
        e[3].wipe()
        e[2].start()
        e[3].start()
        e.wait('the empty one waits for 1', lambda:
               'This server is empty' in e[3].log_tail())
        self.assertIn('not yet from 1)', e[3].log_tail())
        self.assertRaises(ensemble.Failed, ensemble.wait_until,
                          'they agree', e.leader, 2)
        e[1].start()
        self.assertIs(e[1], e.wait_settled())
        self.check_tree(e, '/before', '/meanwhile', '/and_more')

    def test_one_grows_to_three(self):
        """A server that was alone, with two new ones."""
        alone = ensemble.Ensemble(KIND)
        self.addCleanup(alone.close)
        alone.start()
        alone.wait_role(alone[1], 'standalone')
        self.write(alone[1], '/alone')
        alone.stop()
        e = self.begin()
        shutil.rmtree(e[1].data)
        shutil.copytree(alone[1].data, e[1].data)
        e[1].start()
        e.wait('it looks', lambda: 'LOOKING' in e[1].log_tail())
        e[2].start()
        e[3].start()
        self.assertIs(e[1], e.wait_settled())
        self.check_tree(e, '/alone')

    def test_older_folder(self):
        """A member with a copy of its data of some time ago: it knows less
        than it once had acknowledged, and is brought up to date."""
        e = self.begin()
        e.start()
        e.wait_settled()
        self.write(e[1], '/old')
        e[3].stop()
        copy = os.path.join(e.folder, 'copy')
        shutil.copytree(e[3].data, copy)
        e[3].start()
        e.wait_settled()
        for number in range(3):
            self.write(e[1], '/new%d' % number)
            e.leader().restart()
            e.wait_settled()
        e[3].stop()
        shutil.rmtree(e[3].data)
        shutil.copytree(copy, e[3].data)
        e[3].start()
        e.wait_settled()
        self.check_tree(e, '/old', '/new0', '/new1', '/new2')

    def test_foreign_folder(self):
        """A member with the data of another ensemble, whose epochs are
        later: those that agree go on, whatever becomes of it."""
        other = self.begin()
        other.start()
        other.wait_settled()
        for _ in range(4):
            other.leader().restart()
            other.wait_settled()
        self.write(other[3], '/foreign')
        other.stop()
        e = self.begin()
        e.start()
        e.wait_settled()
        self.write(e[1], '/ours')
        e[3].stop()
        leader = e.wait_settled()
        shutil.rmtree(e[3].data)
        shutil.copytree(other[3].data, e[3].data)
        e[3].start()
        # It has met the leader: it turned away from it (both say so in
        # their way), or has synced.
        e.wait('the member has met the leader', lambda: e[3].role() or
               "the leader's epoch is" in e[3].log_tail() or
               'less than accepted epoch' in e[3].log_tail())
        self.assertEqual('leader', leader.role())
        self.write(leader, '/more')
        e[3].kill()
        self.check_tree(e, '/ours', '/more')

    def test_empty_folder_does_not_vote(self):
        """Two of three are empty, and were not told that they should be: they
        wait for the one that has the data."""
        e = self.begin()
        e.start()
        e.wait_settled()
        self.write(e[1], '/kept')
        e.stop()
        for member in (e[2], e[3]):
            member.wipe()
            member.properties.update(STRICT)
            member.start()
        for member in (e[2], e[3]):
            e.wait('it looks', lambda m=member:
                   'zxid' in m.log_tail() and 'LOOKING' in m.log_tail())
        # An election that could be won would be over in a moment.
        with self.assertRaises(ensemble.Failed):
            ensemble.wait_until('they agree', e.leader, 2)
        e[1].start()
        self.assertRaises(ensemble.Failed, ensemble.wait_until,
                          'they agree', e.leader, 2)
        for member in (e[2], e[3]):
            member.kill()

    def test_initialize(self):
        """The same, but told so: a new ensemble."""
        e = self.begin(properties=STRICT)
        for member in e:
            with open(os.path.join(member.data, 'initialize'), 'w'):
                pass
            member.start()
        self.write(e.wait_settled(), '/born')
        for member in e:
            self.assertFalse(os.path.exists(
                os.path.join(member.data, 'initialize')))


if __name__ == '__main__':
    if KIND == 'java' and not ensemble.servers.java_available():
        sys.exit(77)
    faulthandler.dump_traceback_later(
        float(os.environ.get('ZK_TEST_LIMIT', '180')), exit=True)
    unittest.main()
