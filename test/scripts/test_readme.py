#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""The commands of README, as they stand there but for ports and folders."""
import os
import re
import signal
import socket
import unittest

import script_case
from script_case import TOP, ScriptCase, alive, real_program

# Those of README, in the order in which the test's are given out.
PORTS = "2181 2182 2183 2666 2667 2668 3666 3667 3668".split()


def blocks():
    """The indented blocks of the section "Using it", without the indent."""
    with open(os.path.join(TOP, "README"), encoding="ascii") as text:
        section = text.read().split("\nUsing it\n", 1)[1]
    section = section.split("\n\n\n", 1)[0]
    return [re.sub("^    ", "", block, flags=re.M)
            for block in re.findall(r"(?:^    .*\n)+", section, re.M)]


def free_range(first, n):
    """The first of n free ports in a row, from about 'first' on."""
    while True:
        try:
            for port in range(first, first + n):
                with socket.socket() as sock:
                    sock.bind(("127.0.0.1", port))
            return first
        except OSError:
            first = port + 1


@unittest.skipUnless(real_program("ZKD") and real_program("ZKTOOL"),
                     "zkd or zktool is not built")
class Readme(ScriptCase):

    def setUp(self):
        super().setUp()
        built = os.path.dirname(real_program("ZKD"))
        self.env.update(ZKD=real_program("ZKD"),
                        ZKTOOL=real_program("ZKTOOL"),
                        PATH="%s/bin:%s:%s" % (TOP, built, self.env["PATH"]))
        os.unlink(self.cfg)     # README makes its own.
        os.symlink(TOP + "/conf/zoo_sample.cfg",
                   self.conf + "/zoo_sample.cfg")
        self.port = free_range(self.port, len(PORTS))

    def block(self, command):
        """The block with the command, for this test's ports and folder."""
        found = [block for block in blocks() if command in block]
        self.assertEqual(len(found), 1, command)
        text = found[0].replace("218$n", "$((%d + n))" % (self.port - 1))
        for i, port in enumerate(PORTS):
            text = re.sub(r"\b%s\b" % port, str(self.port + i), text)
        return text.replace("/tmp/", self.dir + "/")

    def play(self, text):
        ran = self.run_script("/bin/bash", "-ec", text)
        self.assertEqual(ran.code, 0, (text, ran))
        return ran

    def end_at_last(self, folder):
        """The server of that folder does not outlive the test."""
        path = os.path.join(self.dir, folder, "zookeeper_server.pid")

        def end():
            try:
                with open(path, encoding="ascii") as pid:
                    number = int(pid.read())
            except (OSError, ValueError):
                return
            if alive(number):
                os.kill(number, signal.SIGKILL)
        self.addCleanup(end)

    def test_one_server(self):
        self.end_at_last("zookeeper")
        # The reader edits the configuration; -server is left out twice.
        start = self.block("zoo_sample.cfg").replace(
            "zkServer.sh start",
            "sed -i 's|/tmp|%s|; s/2181/%d/' zoo.cfg\nzkServer.sh start" %
            (self.dir, self.port), 1)
        ran = self.play(start)
        self.assertIn("Mode: standalone", ran.lines)
        use = self.block("zktool check")
        server = "zkcli -server localhost:%d" % self.port
        use = re.sub(r"^zkcli(?= +#| -o)", server, use, flags=re.M)
        # Not everybody has nc.
        use = re.sub(r"^echo srvr .*$", "", use, flags=re.M)
        self.assertEqual(use.count(server), 3, use)
        ran = self.play(use)
        self.assertIn("[zookeeper]", ran.lines)
        self.assertIn('{"command":"get","data":"","ok":true}', ran.lines)
        self.assertIn("Mode: standalone", ran.lines)
        self.assertIn("No problems.", ran.lines)
        self.assertIn("ZNode Details (count=5):", ran.lines)
        self.assertRegex(ran.out, "createSession 30000")
        self.play("zkServer.sh stop ./zoo.cfg")

    def test_three_servers(self):
        for n in "123":
            self.end_at_last("zk" + n)
        begin, done, then = self.block("for n in").partition("done\n")
        ran = self.play(begin + done)
        self.assertEqual(ran.out.count("STARTED"), 3, ran)
        status, shell = then.splitlines()
        modes = []

        def settled():
            ran = self.run_script("/bin/bash", "-c", status)
            modes[:] = [line for line in ran.lines if "Mode" in line]
            return modes
        self.wait_until("there is a leader", settled)
        self.assertIn(modes[0], ("Mode: leader", "Mode: follower"))
        self.assertIn("[zookeeper]", self.play(shell).lines)
        for n in "123":
            self.play("zkServer.sh stop ./zoo%s.cfg" % n)


if __name__ == "__main__":
    script_case.main()
