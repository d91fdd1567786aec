#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""An ensemble on one machine, as tutorials walk through it: zoo1.cfg to
zoo3.cfg, `zkServer.sh start` for each, `status`, a client on all of them, the
leader is killed, another leads, the old one comes back and follows; then five
servers of which one observes.

ZK_TEST_SERVER=java plays the same with Debian's Apache servers, started
without the script, to see that the test is right.  77 without kazoo.
"""
import faulthandler
import os
import sys
import unittest

import ensemble

try:
    import kazoo.client
    from kazoo.exceptions import KazooException
except ImportError:
    kazoo = None

JAVA = os.environ.get('ZK_TEST_SERVER') == 'java'
KIND = 'java' if JAVA else 'script'


def retried(call, *args, **options):
    """The result of a client's call, asked again while a new leader is
    looked for."""
    def attempt():
        try:
            return [call(*args, **options)]
        except KazooException:
            return None
    return ensemble.wait_until('a call succeeds', attempt)[0]


class WalkThrough(unittest.TestCase):
    def begin(self, voters, observers=0):
        self.e = ensemble.Ensemble(*[KIND] * voters, observers=observers)
        self.addCleanup(self.e.close)
        self.e.start()
        return self.e.wait_settled()

    def status(self, member):
        """The mode as the script has it."""
        return member.role() if JAVA else member.status()

    def modes(self):
        return sorted(str(self.status(m)) for m in self.e)

    def kill_leader(self, leader):
        """Another one leads; returns it."""
        leader.kill()
        self.assertEqual(None, self.status(leader))
        return self.e.wait_settled()

    def come_back(self, member, role='follower'):
        member.start()
        self.e.wait_role(member, role)
        self.assertEqual(role, self.status(member))

    def stop_all(self):
        for member in self.e:
            member.stop()
            self.assertFalse(member.alive())

    def test_three_servers(self):
        leader = self.begin(3)
        self.assertEqual(['follower', 'follower', 'leader'], self.modes())
        zk = self.e.client()
        zk.create('/walk', b'one')
        zk.create('/walk/mine', b'', ephemeral=True)
        successor = self.kill_leader(leader)
        self.assertIsNot(successor, leader)
        self.assertEqual(b'one', retried(zk.get, '/walk')[0])
        retried(zk.set, '/walk', b'two')
        self.come_back(leader)
        self.assertEqual(['follower', 'follower', 'leader'], self.modes())
        other = leader.client()
        other.sync('/walk')
        self.assertEqual(b'two', other.get('/walk')[0])
        self.assertEqual(zk.client_id[0],
                         other.exists('/walk/mine').ephemeralOwner)
        tree = self.e.wait_same_trees()
        self.assertIn('/walk/mine', tree)
        self.stop_all()

    def test_one_after_the_other(self):
        """Every server is stopped and started once; a client writes on."""
        leader = self.begin(3)
        zk = self.e.client()
        zk.create('/rolling')
        for member in self.e:
            member.stop()
            self.e.wait_settled()
            retried(zk.ensure_path, '/rolling/%d' % member.sid)
            member.start()
            self.e.wait_settled()
        self.assertTrue(leader.alive())
        tree = self.e.wait_same_trees()
        self.assertLessEqual({'/rolling/1', '/rolling/2', '/rolling/3'},
                             set(tree))

    def test_five_servers_one_observes(self):
        leader = self.begin(4, observers=1)
        observer = self.e[5]
        self.assertEqual(['follower'] * 3 + ['leader', 'observer'],
                         self.modes())
        zk = observer.client()
        zk.create('/seen', b'by the observer')
        self.kill_leader(leader)
        self.assertEqual('observer', self.status(observer))
        retried(zk.set, '/seen', b'again')
        self.come_back(leader)
        self.assertEqual(b'again', self.e.wait_same_trees()['/seen'].data)
        self.stop_all()


if __name__ == '__main__':
    if kazoo is None or (JAVA and not ensemble.servers.java_available()):
        sys.exit(77)
    faulthandler.dump_traceback_later(
        float(os.environ.get('ZK_TEST_LIMIT', '180')), exit=True)
    unittest.main()
