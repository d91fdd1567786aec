#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""zkServer.sh and Debian's zkServer.sh, which runs Apache ZooKeeper 3.8.0 on
Java, say the same and end with the same codes."""
import os
import re
import unittest

import script_case
from script_case import BIN, DebianCase, FAKE_ZKD, alive


@unittest.skipUnless(os.access("/usr/bin/java", os.X_OK), "needs Java")
class SameLines(DebianCase):
    zkd = script_case.real_zkd() or FAKE_ZKD

    def compare(self, *words):
        """Runs both scripts; the server of each is left running."""
        theirs = self.normal(self.debian("zkServer.sh", *words))
        ours = self.normal(self.zk_server(*words))
        self.assertEqual(ours, theirs)
        return ours

    def normal(self, ran):
        out = re.sub(r"process [0-9]+", "process N", ran.out)
        err = ran.err.replace(self.bin, BIN)
        return ran.code, out.splitlines(), err.splitlines()

    def life(self, run):
        """What one script says in the life of one server."""
        said = [run("start")]
        pid = self.read_pid()
        said.append(run("start"))
        self.wait_until("the server answers", lambda: run("status")[0] == 0)
        said.append(run("status"))
        said.append(run("stop"))
        self.wait_until("the server is gone", lambda: not alive(pid))
        said.append(run("status"))
        said.append(run("stop"))
        return said

    def test_life_of_a_server(self):
        theirs = self.life(
            lambda *words: self.normal(self.debian("zkServer.sh", *words)))
        ours = self.life(
            lambda *words: self.normal(self.zk_server(*words)))
        self.assertEqual(ours, theirs)

    def test_verbs(self):
        self.compare()
        self.compare("nonsense")

    def test_status_finds_the_same_port(self):
        os.mkdir(self.data)
        with open(self.data + "/myid", "w", encoding="ascii") as out:
            out.write("7\n")
        dynamic = self.conf + "/zoo.cfg.dynamic"
        with open(dynamic, "w", encoding="ascii") as out:
            out.write("server.7=h:2:3:participant;127.0.0.1:2\n")
        cases = [
            {"clientPort": 1},
            {"clientPort": 1, "clientPortAddress": "127.0.0.9"},
            {"server__7": "h:2:3:participant;1"},
            {"server__6": "h:2:3;5", "server__7": "h:2:3;127.0.0.1:1"},
            {"server__7": "h:2:3;[::1]:1"},
            {"dynamicConfigFile": dynamic},
            {"server__7": "h:2:3", "dynamicConfigFile": dynamic},
        ]
        for keys in cases:
            with self.subTest(keys=keys):
                self.write_cfg("zoo.cfg", **keys)
                code, lines, _ = self.compare("status")
                self.assertEqual(code, 1, lines)


if __name__ == "__main__":
    script_case.main()
