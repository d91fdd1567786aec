#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""An ensemble goes from plain links to TLS while clients write, hold
ephemeral nodes, watches and locks (busy.py): nothing acknowledged is lost, no
session ends.

Three times all members are stopped and started, one at a time:

    portUnification=true            they connect as before, and take both
    sslQuorum=true                  they connect by TLS, and take both
    portUnification=false           nothing is plain any more

Once with zkd alone, and once with Debian's Apache server, 3.8.0, among them.
77 without kazoo, openssl or keytool.
"""
import faulthandler
import logging
import os
import sys
import unittest

import busy
import ensemble
import secure
from secure import ELECTION, certs
from test_tls import HELLO

try:
    import kazoo.client                                     # noqa: F401
except ImportError:
    kazoo = None

STEPS = (
    dict(ssl=False, both=True),
    dict(ssl=True, both=True),
    dict(ssl=True, both=False),
)


class Migration(unittest.TestCase):
    def step(self, how):
        """All members get this configuration, the leader last."""
        leader = self.e.wait_settled()
        for member in sorted(self.e, key=lambda m: (m is leader, m.sid)):
            member.stop()
            self.e.wait_settled()
            secure.switch(member, **how)
            member.start()
            self.e.wait_settled()
            self.crowd.wait_steps()

    def migrate(self, *kinds):
        self.e = ensemble.Ensemble(*kinds,
                                   config={'maxSessionTimeout': '60000'})
        self.addCleanup(self.e.close)
        world = secure.world(self)
        for member in self.e:
            secure.give(member, world.server, world.ca,
                        'JKS' if member.kind == 'java' else 'PEM')
        self.e.start()
        self.e.wait_settled()
        self.crowd = busy.Crowd(self.e, of_each=1)
        with self.crowd:
            self.crowd.wait_steps()
            for how in STEPS:
                self.step(how)
                for member in self.e:
                    shown = secure.certificate_at(
                        member, ELECTION, world.client, world.ca)
                    self.assertEqual(secure.der(world.server), shown)
        self.crowd.check(self.e.wait_same_trees())

    def test_zkd_alone(self):
        self.migrate('zkd', 'zkd', 'zkd')
        for member in self.e:
            self.assertTrue(secure.hangs_up(member, ELECTION, HELLO))

    @unittest.skipUnless(ensemble.servers.java_available(), 'no Java')
    def test_with_java(self):
        self.migrate('java', 'zkd', 'zkd')


if __name__ == '__main__':
    if kazoo is None or certs.missing():
        sys.exit(77)
    logging.getLogger('kazoo').addHandler(logging.NullHandler())
    logging.getLogger('kazoo').propagate = False
    faulthandler.dump_traceback_later(
        float(os.environ.get('ZK_TEST_LIMIT', 300)), exit=True)
    unittest.main()
