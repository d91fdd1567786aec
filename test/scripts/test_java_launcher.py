#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""compat/java: the command lines that scripts for Apache ZooKeeper use."""
import os
import re
import signal
import socket
import threading

import script_case
from script_case import LAUNCHER, ScriptCase

PACKAGE = "org.apache.zookeeper."


class Launcher(ScriptCase):
    def java(self, *words, **env):
        return self.run_script(LAUNCHER, *words, **env)

    def test_version_is_readable_for_scripts(self):
        ran = self.java("-version")
        self.assertEqual((ran.code, ran.out), (0, ""))
        number = re.search(r' version "([0-9]+)', ran.err)
        self.assertGreaterEqual(int(number.group(1)), 11)
        ran = self.java("--version")
        self.assertEqual((ran.code, ran.err), (0, ""))

    def test_server_gets_properties_and_arguments(self):
        server = self.spawn(
            LAUNCHER, "-Xmx1000m", "-Dzookeeper.log.dir=/l o g",
            "-XX:OnOutOfMemoryError=kill -9 %p", "-cp", "a:b", "-Dflag",
            "--add-opens", "x=y", PACKAGE + "server.quorum.QuorumPeerMain",
            self.cfg)
        self.wait_until("the server listens", self.answers)
        with open("/proc/%d/cmdline" % server.pid, "rb") as words:
            self.assertIn(b"fake_zkd.py", words.read())
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(script_case.DEADLINE), 0)
        self.assertEqual(self.handed_words(),
                         ["-Dzookeeper.log.dir=/l o g", "-Dflag=", self.cfg])

    def test_exit_code_of_the_server(self):
        ran = self.java(PACKAGE + "server.ZooKeeperServerMain", self.cfg,
                        FAKE_ZKD="die")
        self.assertEqual(ran.code, 2)

    def test_purge(self):
        ran = self.java("-cp", "x", PACKAGE + "server.PurgeTxnLog", "/l", "/s",
                        "-n", "3")
        self.assertEqual((ran.code, ran.out), (0, "purge /l /s -n 3\n"))

    def test_tools(self):
        cases = [("LogFormatter", ["f"], "log f\n"),
                 ("persistence.TxnLogToolkit", ["-d", "f"], "log -d f\n"),
                 ("SnapshotFormatter", ["-json", "f"],
                  "snapshot -json f\n"),
                 ("SnapshotComparer", ["-l", "a"], "compare -l a\n"),
                 ("SnapshotRecursiveSummary", ["f", "/a", "1"],
                  "snapshot --summary /a --depth 1 -- f\n")]
        for main, words, line in cases:
            with self.subTest(main=main):
                ran = self.java("-cp", "x", PACKAGE + "server." + main,
                                *words)
                self.assertEqual((ran.code, ran.out), (0, line))
        ran = self.java(PACKAGE + "server.SnapshotRecursiveSummary", "f")
        self.assertEqual((ran.code, ran.out), (2, ""))

    def test_four_letter_word(self):
        main = PACKAGE + "client.FourLetterWordMain"
        with socket.create_server(("127.0.0.1", self.port)) as listener:
            got = []

            def answer():
                sock, _ = listener.accept()
                with sock:
                    got.append(sock.recv(4))
                    sock.sendall(b"imok")
            thread = threading.Thread(target=answer)
            thread.start()
            ran = self.java("-cp", "x", main, "localhost", str(self.port),
                            "ruok")
            thread.join(script_case.DEADLINE)
        self.assertEqual((ran.code, ran.out, got), (0, "imok", [b"ruok"]))
        self.java(main, "::1", "1", "srvr", "TRUE")
        self.assertEqual(self.handed_words()[-4:], [
            "-Dzookeeper.client.secure=true", "--four-letter-word",
            "[::1]:1", "srvr"])
        ran = self.java(main)
        self.assertEqual((ran.code, ran.out), (
            0, "Usage: FourLetterWordMain <host> <port> <cmd> "
            "<secure(optional)>\n"))

    def test_versions_of_zookeeper(self):
        cases = [("version.VersionInfoMain", [],
                  "Apache ZooKeeper, version 3.9.4-zkd-0.1.0 "
                  "2026-01-01 00:00 UTC"),
                 ("Version", [],
                  "3.9.4-zkd-0.1.0, built on 2026-01-01 00:00 UTC"),
                 ("Version", ["--short"], "3.9.4"),
                 ("Version", ["--revision"], "3.9.4-zkd-0.1.0")]
        for main, words, line in cases:
            with self.subTest(main=main, words=words):
                ran = self.java("-cp", "x", PACKAGE + main, *words)
                self.assertEqual((ran.code, ran.lines), (0, [line]))
        self.assertEqual(self.java(PACKAGE + "Version", "--no").code, 1)

    def test_shell(self):
        shell = os.path.join(self.dir, "zkcli")
        with open(shell, "w", encoding="ascii") as out:
            out.write('#!/bin/sh\necho "$@"\nexit 5\n')
        os.chmod(shell, 0o755)
        words = ["-Dzookeeper.log.dir=/l", "-cp", "x",
                 PACKAGE + "ZooKeeperMain", "-server", "h:1", "ls", "/"]
        ran = self.java(*words, ZKCLI=shell)
        self.assertEqual((ran.code, ran.out), (
            5, "-Dzookeeper.log.dir=/l -server h:1 ls /\n"))

    def test_shell_that_is_not_installed(self):
        # A copy of the launcher, so that no zkcli stands beside it.
        place = os.path.join(self.dir, "a", "b", "java")
        os.makedirs(os.path.dirname(place))
        with open(LAUNCHER, encoding="utf-8") as text, \
                open(place, "w", encoding="utf-8") as out:
            out.write(text.read())
        os.chmod(place, 0o755)
        ran = self.run_script(place, PACKAGE + "ZooKeeperMain",
                              PATH="/usr/bin:/bin")
        self.assertEqual(ran.code, 127)
        self.assertIn("zkcli is not installed", ran.err)

    def test_what_it_cannot_run(self):
        ran = self.java("-cp", "x", "kafka.Kafka", "a")
        self.assertEqual((ran.code, ran.out), (1, ""))
        self.assertIn("cannot run the main class kafka.Kafka", ran.err)
        for words in ([], ["-jar", "x.jar"], ["-cp"], ["@file"]):
            with self.subTest(words=words):
                ran = self.java(*words)
                self.assertEqual((ran.code, ran.out), (1, ""))
                self.assertNotEqual(ran.err, "")


if __name__ == "__main__":
    script_case.main()
