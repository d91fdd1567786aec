#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""zkd and Debian's Apache server, 3.8.0, in one ensemble whose links are TLS,
each with the kind of store that is named:

    java (JKS)  zkd (PKCS12)  java (PKCS12)  observers: java (PEM), zkd (PEM)
    zkd (JKS)  java (PEM)  zkd (PEM)         observers: java (JKS), zkd (JKS)

The third leads, and then the second, so that each kind
follows, observes and leads the other; learners come back by SNAP and DIFF
(test_mixed.py has all the ways, over plain links).  In the end all members
have one tree.

77 without Java, openssl or keytool.
"""
import faulthandler
import os
import sys
import unittest

import deeds
import ensemble
import secure
from ensemble import zkwire
from secure import certs

MANY = 600                          # Above commitLogCount, 500.


class Mixed(unittest.TestCase):
    def begin(self, kinds, stores, observers):
        self.e = ensemble.Ensemble(
            *kinds, observers=('java', 'zkd'),
            config={'maxSessionTimeout': '60000'},
            properties={'zookeeper.extendedTypesEnabled': 'true',
                        'zookeeper.snapshotSizeFactor': '-1'})
        self.addCleanup(self.e.close)
        world = secure.world(self)
        for member, store in zip(self.e, (*stores, *observers)):
            secure.switch(member, ssl=True)
            secure.give(member, world.server, world.ca, store)
        for sid in (2, 3):
            self.e[sid].start()
        self.assertIs(self.e[3], self.e.wait_settled())
        self.e.start()
        return self.e.wait_settled()

    def fill(self, leader, path, n):
        with leader.connect(timeout=30000) as conn:
            conn.post(zkwire.create(path), *[
                zkwire.set_data(path, b'%d' % at) for at in range(n)])
            for _ in range(n + 1):
                self.assertEqual(0, conn.next_reply().err)
            ensemble.end_session(conn)

    def reign(self, leader, path):
        """What clients can do, over every member; then an observer and a
        follower, both of the other kind, come back, the one having missed
        many transactions and the other few."""
        deeds.Deeds(self.e, path).all()
        learners = [m for m in self.e if m.kind != leader.kind]
        for member, part, n in ((learners[-1], '-many', MANY),
                                (learners[-2], '-few', 5)):
            member.stop()
            self.e.wait_settled()
            self.fill(leader, path + part, n)
        self.e.start()
        self.e.wait_settled()
        self.e.wait_same_trees()

    def check(self, *begin):
        leader = self.begin(*begin)
        self.reign(leader, '/third')
        leader.kill()
        second = self.e.wait_settled()
        self.assertIs(self.e[2], second)
        leader.start()
        self.assertIs(second, self.e.wait_settled())
        self.reign(second, '/second')
        for member in self.e:
            log = secure.Reader(member)
            log.at = 0
            self.assertIn('TLSv1.', log.text(), member)

    def test_zkd_among_java(self):
        self.check(('java', 'zkd', 'java'), ('JKS', 'PKCS12', 'PKCS12'),
                   ('PEM', 'PEM'))

    def test_java_among_zkd(self):
        self.check(('zkd', 'java', 'zkd'), ('JKS', 'PEM', 'PEM'),
                   ('JKS', 'JKS'))


if __name__ == '__main__':
    if not ensemble.servers.java_available() or certs.missing():
        sys.exit(77)
    faulthandler.dump_traceback_later(
        float(os.environ.get('ZK_TEST_LIMIT', 300)), exit=True)
    unittest.main()
