#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The program zkd as whoever starts it sees it: arguments, exit codes, what
it says on stderr, signals.  ZKD names the program; 77 without it."""
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ZKD = os.environ.get("ZKD", "")
DEADLINE = 20.0
USAGE = "Usage: zkd [-Dname=value]... configfile\n"


def wait_until(what, check):
    """Calls check until it returns something true, which is returned."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        result = check()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError("timed out: " + what)


def ask(port, word):
    """The answer to a four-letter word, or None without a server."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.sendall(word)
            answer = b""
            while True:
                data = sock.recv(4096)
                if not data:
                    return answer
                answer += data
    except OSError:
        return None


class ZkdCase(unittest.TestCase):
    """A test with a folder, a port and a configuration of its own."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="zkd-main-")
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.data = os.path.join(self.dir, "data")
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = sock.getsockname()[1]
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith(("ZOO", "LOG4C", "ZKD_"))}

    def write_cfg(self, text=""):
        """zoo.cfg with dataDir, clientPort and 'text'; returns its path."""
        path = os.path.join(self.dir, "zoo.cfg")
        with open(path, "w", encoding="latin-1") as out:
            out.write("dataDir=%s\nclientPort=%d\ntickTime=500\n%s" %
                      (self.data, self.port, text))
        return path

    def write_member(self, text="", myid=1, members=3):
        """The same for server 1 of an ensemble; nobody listens on the
        others' ports."""
        socks = [socket.socket() for _ in range(2 * members)]
        for sock in socks:
            sock.bind(("127.0.0.1", 0))
        ports = [sock.getsockname()[1] for sock in socks]
        for sock in socks:
            sock.close()
        self.election_port = ports[1]
        os.makedirs(self.data, exist_ok=True)
        if myid is not None:
            with open(self.data + "/myid", "w", encoding="ascii") as out:
                out.write("%d\n" % myid)
        return self.write_cfg("initLimit=5\nsyncLimit=2\n" + text + "".join(
            "server.%d=127.0.0.1:%d:%d\n" % (at + 1, ports[2 * at],
                                             ports[2 * at + 1])
            for at in range(members)))

    def run_zkd(self, *words, **env):
        """Runs zkd to its end."""
        return subprocess.run(
            [ZKD, *words], cwd=self.dir, env={**self.env, **env},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, universal_newlines=True, timeout=60,
            check=False)

    def start(self, *words, preexec_fn=None, **env):
        """Starts a server and waits until it answers; its output goes to
        the files out and err."""
        with open(os.path.join(self.dir, "out"), "wb") as out, \
                open(os.path.join(self.dir, "err"), "wb") as err:
            server = subprocess.Popen(
                [ZKD, *words], cwd=self.dir, env={**self.env, **env},
                stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                preexec_fn=preexec_fn)
        self.addCleanup(self.kill, server)
        wait_until("the server answers", lambda: (
            server.poll() is not None or ask(self.port, b"srvr")))
        self.assertIsNone(server.poll(), self.read("out") + self.read("err"))
        return server

    @staticmethod
    def kill(server):
        if server.poll() is None:
            server.kill()
        server.wait()

    def read(self, name):
        with open(os.path.join(self.dir, name), encoding="utf-8",
                  errors="replace") as text:
            return text.read()

    def check_refused(self, ran, code, first_line, reason):
        """Ended with the code, Java's line on stderr, and the reason."""
        self.assertEqual(ran.returncode, code, ran)
        self.assertEqual(ran.stderr.splitlines()[:1], [first_line], ran)
        self.assertIn(reason, ran.stderr)


class Invocation(ZkdCase):
    def test_nothing_to_do(self):
        ran = self.run_zkd()
        self.assertEqual(ran.returncode, 2)
        self.assertIn(USAGE, ran.stderr)
        self.assertEqual(ran.stdout, "")

    def test_unknown_option(self):
        ran = self.run_zkd("--frobnicate")
        self.assertEqual(ran.returncode, 2)
        self.assertIn("unknown option --frobnicate", ran.stderr)

    def test_bad_arguments(self):
        for words, reason in (
                (("2181x", "data"), "port 2181x: not a number"),
                (("2181", "data", "0"), "tickTime=0: must be more than 0"),
                (("1", "d", "2", "3", "4"), "5 arguments instead of 2 to 4")):
            ran = self.run_zkd(*words)
            self.assertEqual(ran.returncode, 2, ran)
            self.assertIn(reason, ran.stderr)
            self.assertIn(USAGE, ran.stderr)

    def test_help(self):
        for word in ("--help", "-h"):
            ran = self.run_zkd(word)
            self.assertEqual((ran.returncode, ran.stderr), (0, ""))
            self.assertTrue(ran.stdout.startswith(USAGE))

    def test_version(self):
        ran = self.run_zkd("--version")
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assertRegex(ran.stdout, r"^zkd [0-9.]+\nApache ZooKeeper, "
                         r"version 3\.9\.\d+-zkd-[0-9.]+ "
                         r"\d{4}-\d\d-\d\d \d\d:\d\d UTC\n$")

    def test_called_java(self):
        """a link named java hands over to the launcher beside it"""
        home = os.path.join(self.dir, "home")
        os.makedirs(os.path.join(home, "bin"))
        with open(os.path.join(home, "java-launcher"), "w",
                  encoding="ascii") as script:
            script.write('#!/bin/sh\necho launched "$@"\n')
        os.chmod(script.name, 0o755)
        for name in ("java", "bin/java"):
            link = os.path.join(home, name)
            os.symlink(os.path.realpath(ZKD), link)
            ran = subprocess.run([link, "-cp", "a b"], env=self.env,
                                 stdout=subprocess.PIPE, timeout=60,
                                 universal_newlines=True, check=False)
            self.assertEqual((ran.returncode, ran.stdout),
                             (0, "launched -cp a b\n"), name)


class Refusals(ZkdCase):
    def test_missing_config(self):
        self.check_refused(self.run_zkd("none.cfg"), 2,
                           "Invalid config, exiting abnormally",
                           "none.cfg file is missing")

    def test_bad_config(self):
        ran = self.run_zkd(self.write_cfg("tickTime=abc\n"))
        self.check_refused(ran, 2, "Invalid config, exiting abnormally",
                           "zoo.cfg:4: tickTime=abc: not a number")
        # The log, on stdout, says it too.
        self.assertIn("tickTime=abc", ran.stdout)
        self.assertFalse(os.path.exists(self.data))

    def test_bad_property(self):
        self.check_refused(self.run_zkd("-Dzookeeper.snapCount=x",
                                        self.write_cfg()), 2,
                           "Invalid config, exiting abnormally",
                           "property zookeeper.snapCount=x")

    def test_unknown_digest(self):
        name = "DigestAuthenticationProvider.digestAlg=rot13\n"
        reason = ("property zookeeper.DigestAuthenticationProvider."
                  "digestAlg=rot13: there is no such algorithm")
        self.check_refused(self.run_zkd(self.write_cfg(name)), 2,
                           "Invalid config, exiting abnormally", reason)
        self.check_member(reason, name)

    def check_member(self, reason, more="", **member):
        self.check_refused(self.run_zkd(self.write_member(more, **member)),
                           2, "Invalid config, exiting abnormally", reason)
        self.assertFalse(os.path.exists(self.data + "/version-2"))

    def test_member_without_number(self):
        self.check_member("zoo.cfg: the myid file is missing: %s/myid"
                          % self.data, myid=None)

    def test_member_of_another_ensemble(self):
        self.check_member("zoo.cfg: My id 7 not in the peer list", myid=7)

    def test_protection_between_servers(self):
        self.check_member("zoo.cfg: sslQuorum=true: property zookeeper.ssl."
                          "quorum.keyStore.location is not set",
                          "sslQuorum=true\n")
        self.check_member("zoo.cfg: quorum.auth.enableSasl=true: SASL "
                          "between servers is not supported",
                          "quorum.auth.enableSasl=true\n")

    def test_election_port_in_use(self):
        cfg = self.write_member("electionPortBindRetry=1\n")
        with socket.create_server(("127.0.0.1", self.election_port)):
            ran = self.run_zkd(cfg)
        self.check_refused(ran, 14,
                           "Unable to bind to quorum port, exiting abnormally",
                           "127.0.0.1:%d" % self.election_port)

    def test_properties_between_servers(self):
        for name in ("cnxTimeout", "electionPortBindRetry",
                     "fastleader.minNotificationInterval"):
            self.check_refused(self.run_zkd(self.write_member(
                name + "=soon\n")), 2,
                "Invalid config, exiting abnormally",
                "zookeeper." + name)

    def test_no_port(self):
        cfg = self.write_cfg()
        with open(cfg, "w", encoding="ascii") as out:
            out.write("dataDir=%s\n" % self.data)
        self.check_refused(self.run_zkd(cfg), 2,
                           "Invalid config, exiting abnormally",
                           "sets no clientPort")

    def test_data_folder_that_is_a_file(self):
        cfg = self.write_cfg()
        with open(self.data, "w", encoding="ascii") as out:
            out.write("x")
        self.check_refused(self.run_zkd(cfg), 3,
                           "Unable to access datadir, exiting abnormally",
                           self.data)

    def test_data_folder_that_must_be_there(self):
        cfg = self.write_cfg("datadir.autocreate=false\n")
        self.check_refused(self.run_zkd(cfg), 3,
                           "Unable to access datadir, exiting abnormally",
                           self.data)

    def test_port_in_use_leaves_the_data_alone(self):
        with socket.create_server(("127.0.0.1", self.port)):
            ran = self.run_zkd(self.write_cfg(
                "clientPortAddress=127.0.0.1\n"))
        self.check_refused(ran, 1,
                           "Unexpected exception, exiting abnormally",
                           "127.0.0.1:%d" % self.port)
        self.assertFalse(os.path.exists(self.data + "/version-2"))


class Purge(ZkdCase):
    """Of a server that owns its folders, and of nobody else."""

    def put_snapshots(self, cfg):
        """Five that are whole, and no server; returns their names."""
        server = self.start(cfg)
        folder = self.data + "/version-2"
        wait_until("the first one is there",
                   lambda: os.path.exists(folder + "/snapshot.0"))
        server.terminate()
        self.assertEqual(server.wait(DEADLINE), 0, self.read("err"))
        for zxid in range(1, 5):
            shutil.copy(folder + "/snapshot.0", folder + "/snapshot.%x" % zxid)
        return self.snapshots()

    def snapshots(self):
        return sorted(name for name in os.listdir(self.data + "/version-2")
                      if name.startswith("snapshot."))

    def check_second(self, write):
        """Started by mistake, with a rule of its own, on the folder of one
        that serves."""
        cfg = write()
        names = self.put_snapshots(cfg)
        self.start(cfg)
        with socket.create_server(("127.0.0.1", 0)) as sock:
            self.port = sock.getsockname()[1]
        cfg = write("autopurge.purgeInterval=1\n")
        # It would have purged while it found that it may not serve.
        for _ in range(5):
            self.check_refused(self.run_zkd(cfg), 3, "Unable to access "
                               "datadir, exiting abnormally", self.data)
            self.assertEqual(self.snapshots(), names)

    def test_second_server(self):
        self.check_second(self.write_cfg)

    def test_second_member(self):
        self.check_second(self.write_member)

    def check_first(self, write):
        names = self.put_snapshots(write())
        self.start(write("autopurge.purgeInterval=1\n"))
        wait_until("three are left", lambda: self.snapshots() == names[-3:])

    def test_server(self):
        self.check_first(self.write_cfg)

    def test_member(self):
        self.check_first(self.write_member)


class Life(ZkdCase):
    def stop(self, server, how=signal.SIGTERM):
        server.send_signal(how)
        self.assertEqual(server.wait(DEADLINE), 0, self.read("err"))

    def test_signals(self):
        server = self.start(self.write_cfg())
        for how in (signal.SIGHUP, signal.SIGPIPE, signal.SIGUSR2):
            server.send_signal(how)
        self.assertEqual(self.read("err"), "")
        server.send_signal(signal.SIGUSR1)
        wait_until("the dump is written", lambda: "SyncThread" in
                   self.read("err"))
        self.assertIn("Mode: standalone",
                      ask(self.port, b"srvr").decode())
        self.stop(server)
        self.assertIn("Exiting normally", self.read("out"))

    def test_member_without_the_others(self):
        server = self.start(self.write_member("4lw.commands.whitelist=*\n"))
        for word in (b"srvr", b"mntr", b"conf", b"cons"):
            self.assertEqual(
                ask(self.port, word), b"This ZooKeeper instance is not "
                b"currently serving requests\n", word)
        self.assertEqual(ask(self.port, b"isro"), b"null")
        self.assertEqual(ask(self.port, b"ruok"), b"imok")
        self.stop(server)
        out = self.read("out")
        self.assertRegex(out, r"\[myid:1\] - INFO \[QuorumPeer\[myid=1\]"
                         r"\(plain=\[0:0:0:0:0:0:0:0\]:%d\)"
                         r"\(secure=disabled\):QuorumPeer@[0-9]+\] - LOOKING"
                         % self.port)
        self.assertIn("Exiting normally", out)

    def test_member_without_a_port(self):
        """It votes, and holds the data; a server alone would be of no use
        (test_no_port)."""
        cfg = self.write_member()
        with open(cfg, encoding="latin-1") as file:
            lines = [line for line in file if "clientPort" not in line]
        with open(cfg, "w", encoding="latin-1") as file:
            file.writelines(lines)
        with open(os.path.join(self.dir, "out"), "wb") as out:
            server = subprocess.Popen(
                [ZKD, cfg], cwd=self.dir, env=self.env, stdout=out,
                stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        self.addCleanup(self.kill, server)
        wait_until("it looks", lambda: (server.poll() is not None
                                        or " - LOOKING" in self.read("out")))
        self.assertIn("this member takes no clients", self.read("out"))
        self.assertIn("(plain=disabled)", self.read("out"))
        server.terminate()
        self.assertEqual(0, server.wait(30), self.read("out"))

    def test_member_that_serves_reads_alone(self):
        server = self.start("-Dreadonlymode.enabled=true",
                            self.write_member())
        wait_until("it serves reads", lambda: b"Mode: read-only" in (
            ask(self.port, b"srvr") or b""))
        self.assertEqual(ask(self.port, b"isro"), b"ro")
        self.stop(server)

    def test_ensemble_of_one(self):
        server = self.start(self.write_member("standaloneEnabled=false\n",
                                              members=1))
        wait_until("it leads", lambda: b"Mode: leader" in (
            ask(self.port, b"srvr") or b""))
        self.stop(server)

    def test_interrupt(self):
        server = self.start(self.write_cfg())
        self.stop(server, signal.SIGINT)

    def test_signals_that_a_parent_ignored(self):
        for name in (signal.SIGTERM, signal.SIGINT):
            old = signal.signal(name, signal.SIG_IGN)
            self.addCleanup(signal.signal, name, old)
        server = self.start(self.write_cfg())
        self.stop(server)

    def test_arguments_instead_of_a_file(self):
        server = self.start("-Dzookeeper.4lw.commands.whitelist=conf",
                            str(self.port), self.data, "500", "9")
        conf = ask(self.port, b"conf").decode().splitlines()
        self.assertIn("tickTime=500", conf)
        self.assertIn("maxClientCnxns=9", conf)
        self.assertIn("dataDir=%s/version-2" % self.data, conf)
        self.stop(server)

    def test_starts_again_over_its_data(self):
        for _ in range(3):
            self.stop(self.start(self.write_cfg()))

    def test_idle_memory(self):
        server = self.start(self.write_cfg())
        with open("/proc/%d/status" % server.pid, encoding="ascii") as text:
            kib = int(re.search(r"VmRSS:\s+(\d+) kB", text.read()).group(1))
        with open("/proc/%d/maps" % server.pid, encoding="latin-1") as maps:
            sanitized = re.search(r"lib[atu]b?san", maps.read())
        if not sanitized:
            self.assertLess(kib, 10 * 1024)
        self.stop(server)

    def test_failing_disk_ends_the_server(self):
        # Files may not grow past 100 kB: the first transaction fails.
        limit = (100 * 1024, 100 * 1024)
        server = self.start(
            self.write_cfg(), preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, limit))
        login = struct.pack(">iiqiqi16s?", 45, 0, 0, 4000, 0, 16, bytes(16),
                            False)
        with socket.create_connection(("127.0.0.1", self.port), 5) as sock:
            sock.sendall(login)
            self.assertEqual(server.wait(DEADLINE), 1)
        self.assertRegex(self.read("out"),
                         "Severe unrecoverable error, .* File too large")
        self.assertNotIn("Exiting normally", self.read("out"))

    def test_log_file_and_level(self):
        server = self.start("-Dzookeeper.log.dir=" + self.dir,
                            "-Dzookeeper.log.file=server.log",
                            "-Dzookeeper.root.logger=INFO,ROLLINGFILE",
                            self.write_cfg())
        self.stop(server)
        self.assertEqual(self.read("out"), "")
        self.assertIn("Server environment:zookeeper.version=3.9",
                      self.read("server.log"))
        server = self.start(self.write_cfg(), ZOO_LOG4J_PROP="ERROR,CONSOLE")
        self.stop(server)
        self.assertEqual(self.read("out"), "")


class FourLetterWord(ZkdCase):
    def ask_zkd(self, *words):
        return self.run_zkd("--four-letter-word", *words)

    def test_answer(self):
        server = self.start(self.write_cfg("4lw.commands.whitelist=ruok\n"))
        ran = self.ask_zkd("127.0.0.1:%d" % self.port, "ruok")
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr),
                         (0, "imok", ""))
        server.terminate()
        server.wait(DEADLINE)

    def test_nobody_there(self):
        ran = self.ask_zkd("127.0.0.1:%d" % self.port, "ruok")
        self.assertEqual((ran.returncode, ran.stdout), (1, ""))
        self.assertIn("127.0.0.1:%d: connect: Connection refused" % self.port,
                      ran.stderr)

    def test_no_answer(self):
        with socket.create_server(("127.0.0.1", self.port)):
            begin = time.monotonic()
            ran = self.ask_zkd("127.0.0.1:%d" % self.port, "ruok")
        self.assertEqual(ran.returncode, 1)
        self.assertIn("no answer within 5 s", ran.stderr)
        self.assertLess(time.monotonic() - begin, 15)

    def test_ipv6(self):
        try:
            listener = socket.create_server(("::1", self.port),
                                            family=socket.AF_INET6)
        except OSError:
            self.skipTest("no IPv6 here")
        with listener, subprocess.Popen(
                [ZKD, "--four-letter-word", "[::1]:%d" % self.port, "stat"],
                stdout=subprocess.PIPE) as asking:
            listener.settimeout(DEADLINE)
            sock, _ = listener.accept()
            with sock:
                self.assertEqual(sock.recv(16), b"stat")
                sock.sendall(b"answer\n")
            self.assertEqual(asking.communicate()[0], b"answer\n")
            self.assertEqual(asking.returncode, 0)

    def test_bad_place(self):
        for place in ("localhost", ":2181", "localhost:", "localhost:x"):
            ran = self.ask_zkd(place, "ruok")
            self.assertEqual(ran.returncode, 1, place)
            self.assertIn("not host:port", ran.stderr)
        self.assertEqual(self.ask_zkd("localhost:1").returncode, 2)


if __name__ == "__main__":
    if not os.access(ZKD, os.X_OK):
        print("ZKD does not name the program zkd", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)
