#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""zkServer-initialize.sh, zkCleanup.sh and the toolkits."""
import fcntl
import os
import unittest

import script_case
from script_case import ScriptCase


@unittest.skipUnless(script_case.real_program("ZKTOOL"),
                     "zktool is not built")
class Initialize(ScriptCase):
    zktool = script_case.real_program("ZKTOOL")

    def initialize(self, *words):
        return self.run_script("zkServer-initialize.sh", *words)

    def test_one_folder_with_myid(self):
        ran = self.initialize("--myid=3")
        self.assertEqual((ran.code, ran.out, ran.err),
                         (0, "Using myid of 3\n", ""))
        self.assertEqual(sorted(os.listdir(self.data)),
                         ["initialize", "myid", "version-2"])
        with open(self.data + "/myid", encoding="ascii") as myid:
            self.assertEqual(myid.read(), "3\n")

    def test_log_folder_gets_the_mark_where_the_server_looks(self):
        txn = self.dir + "/txn"
        self.write_cfg("other.cfg", dataLogDir=txn)
        ran = self.initialize("--configfile", self.conf + "/other.cfg")
        self.assertEqual((ran.code, ran.out), (
            0, "No myid provided, be sure to specify it in %s/myid if using "
            "non-standalone\n" % self.data))
        self.assertEqual(os.listdir(self.data), ["version-2"])
        self.assertEqual(sorted(os.listdir(txn)), ["initialize", "version-2"])

    def test_existing_data_is_kept_unless_forced(self):
        self.initialize("--myid", "1")
        kept = self.data + "/version-2/snapshot.0"
        with open(kept, "w", encoding="ascii"):
            pass
        ran = self.initialize("--myid=2")
        self.assertEqual((ran.code, ran.out), (
            1, "ZooKeeper data directory already exists at %s (or use "
            "--force to force re-initialization)\n" % self.data))
        self.assertTrue(os.path.exists(kept))
        ran = self.initialize("--force")
        self.assertEqual(ran.code, 0)
        self.assertEqual(
            ran.lines[0], "Force enabled, data/txnlog directories will be "
            "re-initialized")
        self.assertEqual(os.listdir(self.data + "/version-2"), [])
        with open(self.data + "/myid", encoding="ascii") as myid:
            self.assertEqual(myid.read(), "1\n")

    def test_nothing_is_made_when_one_folder_holds_data(self):
        txn = self.dir + "/txn"
        self.write_cfg("zoo.cfg", dataLogDir=txn)
        os.makedirs(txn + "/version-2")
        ran = self.initialize()
        self.assertEqual((ran.code, ran.out), (
            1, "ZooKeeper txnlog directory already exists at %s (or use "
            "--force to force re-initialization)\n" % txn))
        self.assertFalse(os.path.exists(self.data))

    def test_folder_in_use_is_not_erased(self):
        self.initialize("--myid=1")
        kept = self.data + "/version-2/log.1"
        with open(kept, "w", encoding="ascii"):
            pass
        lock = os.open(self.data + "/version-2", os.O_RDONLY)
        self.addCleanup(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = self.initialize("--force", "--myid=2")
        self.assertEqual(ran.code, 1)
        self.assertIn("in use by another server", ran.err)
        self.assertTrue(os.path.exists(kept))
        with open(self.data + "/myid", encoding="ascii") as myid:
            self.assertEqual(myid.read(), "1\n")

    def test_refusals(self):
        ran = self.initialize("--configfile=/none.cfg")
        self.assertEqual((ran.code, ran.out),
                         (1, "Unable to find config file at /none.cfg\n"))
        self.write_cfg("zoo.cfg", dataDir=None)
        ran = self.initialize()
        self.assertEqual((ran.code, ran.out), (
            1, "Unable to determine dataDir from %s\n" % self.cfg))
        for words in (["--myid=x"], ["--myid"], ["--bogus"], ["--help"]):
            with self.subTest(words=words):
                self.assertEqual(self.initialize(*words).code, 1)


class Cleanup(ScriptCase):
    def test_folders_of_the_configuration(self):
        ran = self.run_script("zkCleanup.sh", "-n", "3")
        self.assertEqual(ran.out, "purge %s -n 3\n" % self.data)
        self.write_cfg("zoo.cfg", dataLogDir="/txn")
        ran = self.run_script("zkCleanup.sh", "-n", "3", JVMFLAGS="-Da=b -X")
        self.assertEqual(ran.out, "purge /txn %s -n 3\n" % self.data)
        self.assertIn("-Da=b", self.handed_words())
        self.assertNotIn("-X", self.handed_words())

    def test_folders_of_the_command_line(self):
        ran = self.run_script("zkCleanup.sh", "/l", "/s", "-n", "5")
        self.assertEqual(ran.out, "purge /l /s -n 5\n")

    def test_help(self):
        ran = self.run_script("zkCleanup.sh", "--config", "/none", "--help")
        self.assertEqual((ran.code, ran.out), (0, "purge --help\n"))

    def test_no_configuration(self):
        ran = self.run_script("zkCleanup.sh", "--config", "/none", "-n", "3")
        self.assertEqual(ran.code, 1)
        self.assertIn("no dataDir in /none/zoo.cfg", ran.err)


class Toolkits(ScriptCase):
    """What the scripts hand to zktool."""

    def test_words(self):
        cases = [
            ("zkTxnLogToolkit.sh", ["-r", "-y", "/a log.1"],
             "log -r -y /a log.1\n"),
            ("zkSnapShotToolkit.sh", ["-json", "f"], "snapshot -json f\n"),
            ("zkSnapshotComparer.sh", ["-l", "a", "-i"],
             "compare -l a -i\n"),
            ("zkSnapshotRecursiveSummaryToolkit.sh", ["f", "/a", "2"],
             "snapshot --summary /a --depth 2 -- f\n"),
        ]
        for script, words, line in cases:
            with self.subTest(script=script):
                ran = self.run_script(script, *words, JVMFLAGS="-Da=b -X")
                self.assertEqual((ran.code, ran.out, ran.err), (0, line, ""))
                self.assertIn("-Da=b", self.handed_words())
                self.assertNotIn("-X", self.handed_words())

    def test_summary_without_its_words(self):
        ran = self.run_script("zkSnapshotRecursiveSummaryToolkit.sh", "f")
        self.assertEqual((ran.code, ran.out), (2, ""))
        self.assertIn("Usage:", ran.err)

    def test_tool_that_is_not_there(self):
        ran = self.run_script("zkSnapShotToolkit.sh", "f", ZKTOOL="/none")
        self.assertEqual(ran.code, 1)
        self.assertIn("ZKTOOL=/none is not a program", ran.err)


if __name__ == "__main__":
    script_case.main()
