#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""zkCli.sh, the launcher's way to zkcli, and bash's completions."""
import os
import re
import subprocess
import unittest

import script_case
from script_case import LAUNCHER, TOP, ScriptCase

COMPLETION = os.path.join(TOP, "packaging", "completion")


def zkcli():
    """The built shell, or None."""
    path = os.path.join(os.path.dirname(os.environ.get("ZKD", "")), "zkcli")
    return path if os.access(path, os.X_OK) else None


class Scripts(ScriptCase):

    def setUp(self):
        super().setUp()
        self.fake = os.path.join(self.dir, "zkcli")
        with open(self.fake, "w", encoding="utf-8") as out:
            out.write('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 7\n')
        os.chmod(self.fake, 0o755)

    def test_zkcli_sh(self):
        """words and -D properties are handed on, the exit code comes back"""
        ran = self.run_script(
            "zkCli.sh", "-server", "h:1", "get", "/a b", ZKCLI=self.fake,
            CLIENT_JVMFLAGS="-Da=1 -Xmx5m", JVMFLAGS="-Db=2")
        self.assertEqual(ran.code, 7, ran)
        self.assertEqual(ran.lines, [
            "-Dzookeeper.log.dir=" + self.logs,
            "-Dzookeeper.log.file=zookeeper-tester-cli-testhost.log",
            "-Da=1", "-Db=2", "-server", "h:1", "get", "/a b"])

    def test_zkcli_sh_without_zkcli(self):
        ran = self.run_script("zkCli.sh", "ls", "/",
                              ZKCLI=self.dir + "/none")
        self.assertEqual(ran.code, 1, ran)
        self.assertIn("none is not a program", ran.err)

    def test_launcher(self):
        """what runs Apache's main class gets zkcli"""
        ran = self.run_script(
            LAUNCHER, "-cp", "x", "-Da=1",
            "org.apache.zookeeper.ZooKeeperMain", "-server", "h:1", "ls",
            "/", ZKCLI=self.fake)
        self.assertEqual(ran.code, 7, ran)
        self.assertEqual(ran.lines, ["-Da=1", "-server", "h:1", "ls", "/"])

    @unittest.skipUnless(zkcli(), "zkcli is not built")
    def test_launcher_finds_zkcli_beside_zkd(self):
        ran = self.run_script(LAUNCHER, "org.apache.zookeeper.ZooKeeperMain",
                              "-version", ZKCLI=zkcli())
        self.assertEqual(ran.code, 0, ran)
        self.assertIn("ZooKeeper CLI version: ", ran.out)


class Completion(ScriptCase):

    def complete(self, file, *words):
        """What bash offers for the last word."""
        done = subprocess.run(
            ["bash", "--norc", "-c", r'''
                . "$1"
                shift
                COMP_WORDS=("$@")
                COMP_CWORD=$(($# - 1))
                function=$(complete -p "$1")
                function=${function##*-F }
                "${function%% *}"
                printf "%s\n" "${COMPREPLY[@]}"
            ''', "bash", os.path.join(COMPLETION, file), *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.conf,
            universal_newlines=True, timeout=60, check=True)
        return done.stdout.split()

    def test_zkcli(self):
        for words, wanted in (
                (["getA"], ["getAcl", "getAllChildrenNumber"]),
                (["-wai"], ["-waitforconnection"]),
                (["-server", "h", ":", "2181,i", ":", "1", "sy"], ["sync"]),
                (["-server", "h", "create", "-"], ["-s", "-e", "-c", "-t"]),
                (["-Da", "=", "b", "del"], ["delete", "deleteall",
                                            "delquota"]),
                (["-o", "j"], ["json"]), (["-server", ""], []),
                (["addWatch", "-m", "PERSISTENT_"],
                 ["PERSISTENT_RECURSIVE"]),
                (["help", "redo"], ["redo"]), (["printwatches", "of"],
                                               ["off"]),
                (["-client-configuration", "zoo."], ["zoo.cfg"]),
                (["get", "/"], [])):
            self.assertEqual(self.complete("zkcli", "zkcli", *words), wanted,
                             words)
        self.assertEqual(self.complete("zkCli.sh", "zkCli.sh", "whoa"),
                         ["whoami"])

    @unittest.skipUnless(zkcli(), "zkcli is not built")
    def test_zkcli_knows_all_commands(self):
        """commands and their options are those that the shell has"""
        ran = self.run_script(zkcli(), "help")
        commands = re.findall(r"^\t(\S+)", ran.out, re.M)
        self.assertEqual(sorted(self.complete("zkcli", "zkcli", "help", "")),
                         sorted(commands))
        for command in commands:
            ran = self.run_script(zkcli(), "help", command)
            options = re.findall(r"^ (-\S+)", ran.out, re.M)
            self.assertEqual(
                sorted(self.complete("zkcli", "zkcli", command, "-")),
                sorted(options), command)

    def test_zkserver_sh(self):
        for words, wanted in (
                (["sta"], ["start", "start-foreground", "status"]),
                (["--c"], ["--config"]),
                (["--config", self.conf, "res"], ["restart"]),
                (["--config", self.conf, "start", "zoo"], ["zoo.cfg"]),
                (["start", "./zoo"], ["./zoo.cfg"])):
            self.assertEqual(self.complete("zkServer.sh", "zkServer.sh",
                                           *words), wanted, words)

    def test_zktool(self):
        for words, wanted in (
                (["com"], ["compare"]), (["snapshot", "--su"], ["--summary"]),
                (["-Da", "=", "1", "pur"], ["purge"]),
                (["log", "zoo"], ["zoo.cfg"])):
            self.assertEqual(self.complete("zktool", "zktool", *words),
                             wanted, words)

    @unittest.skipUnless(script_case.real_program("ZKTOOL"),
                         "zktool is not built")
    def test_zktool_knows_all_options(self):
        """commands and their long options are those that zktool has"""
        zktool = script_case.real_program("ZKTOOL")
        ran = self.run_script(zktool, "--help")
        commands = re.findall(r"^  (\w+) ", ran.out, re.M)
        self.assertIn("check", commands)
        self.assertEqual(sorted(self.complete("zktool", "zktool", "")),
                         sorted(commands + ["--help", "--version"]))
        for command in commands:
            ran = self.run_script(zktool, command, "--help")
            self.assertEqual(ran.code, 0, ran)
            options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", ran.out))
            offered = set(self.complete("zktool", "zktool", command, "-"))
            self.assertEqual(offered - {"-n"}, options | {"--help"}, command)


if __name__ == "__main__":
    script_case.main()
