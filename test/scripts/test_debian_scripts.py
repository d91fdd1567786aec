#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's own scripts call the launcher as they call Java."""
import os

import script_case
from script_case import DebianCase, LAUNCHER, alive


class CommandLines(DebianCase):
    """Over the fake server, which shows what it was told."""

    java = LAUNCHER

    def test_server(self):
        ran = self.debian("zkServer.sh", "start")
        self.assertEqual(ran.out, "Starting zookeeper ... STARTED\n", ran)
        pid = self.read_pid()
        self.wait_until("the server answers", lambda: self.debian(
            "zkServer.sh", "status").lines[-1:] == ["Mode: standalone"])
        words = self.handed_words()
        self.assertIn("-Dzookeeper.log.dir=" + self.logs, words)
        self.assertIn(self.cfg, words)
        self.debian("zkServer.sh", "stop")
        self.wait_until("the server is gone", lambda: not alive(pid))

    def test_version_and_cleanup(self):
        ran = self.debian("zkServer.sh", "version")
        self.assertRegex(ran.out, r"^Apache ZooKeeper, version 3\.9\.4-zkd-")
        ran = self.debian("zkCleanup.sh", "-n", "3")
        self.assertEqual(ran.out, "purge %s -n 3\n" % self.data)

    def test_shell(self):
        shell = os.path.join(self.dir, "zkcli")
        with open(shell, "w", encoding="ascii") as out:
            out.write('#!/bin/sh\nshift 2\necho "$@"\n')
        os.chmod(shell, 0o755)
        self.env["ZKCLI"] = shell
        ran = self.debian("zkCli.sh", "-server", "h:1", "ls", "/")
        self.assertEqual(ran.out, "-server h:1 ls /\n", ran)


if __name__ == "__main__":
    script_case.main()
