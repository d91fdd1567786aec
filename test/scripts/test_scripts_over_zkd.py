#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The scripts, and Debian's over the launcher, with the built zkd."""
import os
import re
import unittest

import script_case
from script_case import BIN, DebianCase, LAUNCHER, ScriptCase, alive

LOG_LINE = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8},[0-9]{3} "
                      r"\[myid:\] - [A-Z]+ +\[[^]]*\] - ")


@unittest.skipUnless(script_case.real_zkd(), "zkd is not built")
class OwnScripts(ScriptCase):
    zkd = script_case.real_zkd()
    zktool = script_case.real_program("ZKTOOL")

    def setUp(self):
        super().setUp()
        self.out = os.path.join(self.logs,
                                "zookeeper-tester-server-testhost.out")

    def log(self):
        with open(self.out, encoding="utf-8") as text:
            return text.read().splitlines()

    def test_life_of_a_server(self):
        ran = self.zk_server("start", LOG4C_RCPATH=os.path.join(
            script_case.TOP, "conf"))
        self.assertEqual((ran.code, ran.out),
                         (0, "Starting zookeeper ... STARTED\n"), ran)
        pid = self.read_pid()
        ran = self.zk_server("status")
        self.assertEqual(ran.lines[-1:], ["Mode: standalone"], ran)
        ran = self.zk_server("stop")
        self.assertEqual(ran.out, "Stopping zookeeper ... STOPPED\n", ran)
        self.assertFalse(alive(pid))
        lines = self.log()
        self.assertTrue(any(LOG_LINE.match(line) for line in lines), lines)
        self.assertEqual(len([line for line in lines if line.startswith("[")]),
                         0, lines)

    def test_rolling_file(self):
        self.zk_server("start", ZOO_LOG4J_PROP="INFO,ROLLINGFILE")
        self.zk_server("stop")
        path = os.path.join(self.logs, "zookeeper-tester-server-testhost.log")
        with open(path, encoding="utf-8") as text:
            self.assertRegex(text.readline(), LOG_LINE)

    def test_invalid_configuration(self):
        self.write_cfg("zoo.cfg", clientPort=self.port, tickTime="x")
        ran = self.zk_server("start")
        self.assertEqual((ran.code, ran.out),
                         (1, "Starting zookeeper ... FAILED TO START\n"))
        self.assertTrue(any("tickTime" in line for line in self.log()))
        self.assertEqual(self.zk_server("start-foreground").code, 2)

    def test_version(self):
        ran = self.zk_server("version")
        self.assertRegex(
            ran.out, r"^Apache ZooKeeper, version 3\.9\.4-zkd-[0-9.]+ .+\n$")

    def test_data_folders_that_must_be_there(self):
        ran = self.run_script(os.path.join(BIN, "zkServer-initialize.sh"))
        self.assertEqual(ran.code, 0, ran)
        ran = self.zk_server("start", ZOO_DATADIR_AUTOCREATE_DISABLE="1")
        self.assertEqual(ran.out, "Starting zookeeper ... STARTED\n", ran)
        self.assertEqual(self.zk_server("stop").code, 0)

    def test_cleanup(self):
        os.makedirs(self.data + "/version-2")
        ran = self.run_script("zkCleanup.sh", "-n", "3")
        self.assertEqual((ran.code, ran.out, ran.err), (0, "", ""), ran)
        ran = self.run_script("zkCleanup.sh", "-n", "2")
        self.assertEqual(ran.code, 1, ran)
        self.assertIn("count should be greater than or equal to 3", ran.err)


@unittest.skipUnless(script_case.real_zkd(), "zkd is not built")
class DebianScripts(DebianCase):
    """Debian's own scripts, with JAVA= of their environment changed."""

    java = LAUNCHER
    zkd = script_case.real_zkd()
    zktool = script_case.real_program("ZKTOOL")

    def test_life_of_a_server(self):
        ran = self.debian("zkServer.sh", "start")
        self.assertEqual((ran.code, ran.out),
                         (0, "Starting zookeeper ... STARTED\n"), ran)
        pid = self.read_pid()
        self.wait_until("the server answers", lambda: self.debian(
            "zkServer.sh", "status").lines[-1:] == ["Mode: standalone"])
        ran = self.debian("zkServer.sh", "version")
        self.assertRegex(ran.out, r"^Apache ZooKeeper, version 3\.9\.4-zkd-")
        ran = self.debian("zkServer.sh", "stop")
        self.assertEqual(ran.out, "Stopping zookeeper ... STOPPED\n")
        self.wait_until("the server is gone", lambda: not alive(pid))

    def test_cleanup(self):
        os.makedirs(self.data + "/version-2")
        ran = self.debian("zkCleanup.sh", "-n", "3")
        self.assertEqual((ran.code, ran.err), (0, ""), ran)


if __name__ == "__main__":
    script_case.main()
