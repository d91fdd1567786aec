#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""zkServer.sh: its lines, exit codes and variables, over a fake server."""
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time

import script_case
from script_case import BIN, ScriptCase, alive

JMX = "ZooKeeper JMX enabled by default"
VERBS = "{start|start-foreground|stop|version|restart|status|print-cmd}"


class StartStop(ScriptCase):
    def test_no_verb_prints_usage_and_exits_0(self):
        ran = self.zk_server()
        self.assertEqual((ran.code, ran.out), (0, ""))
        self.assertEqual(ran.err_lines, [
            JMX, "Using config: " + self.cfg,
            "Usage: %s/zkServer.sh [--config <conf-dir>] %s" % (BIN, VERBS)])

    def test_life_of_a_server(self):
        ran = self.zk_server("start")
        self.assertEqual((ran.code, ran.out),
                         (0, "Starting zookeeper ... STARTED\n"), ran)
        self.assertEqual(ran.err_lines, [JMX, "Using config: " + self.cfg])
        pid = self.read_pid()
        self.assertTrue(alive(pid))
        with open(self.pid_file, encoding="ascii") as text:
            self.assertEqual(text.read(), str(pid))

        ran = self.zk_server("start")
        self.assertEqual((ran.code, ran.out), (
            1, "Starting zookeeper ... already running as process %d.\n"
            % pid))

        ran = self.zk_server("status")
        self.assertEqual((ran.code, ran.lines), (0, [
            "Client port found: %d. Client address: localhost. "
            "Client SSL: false." % self.port, "Mode: standalone"]), ran)

        ran = self.zk_server("stop")
        self.assertEqual((ran.code, ran.out),
                         (0, "Stopping zookeeper ... STOPPED\n"), ran)
        self.assertFalse(alive(pid))
        self.assertFalse(os.path.exists(self.pid_file))

        ran = self.zk_server("stop")
        self.assertEqual((ran.code, ran.out), (
            0, "Stopping zookeeper ... no zookeeper to stop (could not find "
            "file %s)\n" % self.pid_file))

        ran = self.zk_server("status")
        self.assertEqual((ran.code, ran.lines[1:]), (
            1, ["Error contacting service. It is probably not running."]))

    def test_started_means_listening(self):
        self.zk_server("start")
        with socket.create_connection(("127.0.0.1", self.port), 5):
            pass
        self.zk_server("stop")

    def test_server_that_ends_at_once_failed_to_start(self):
        began = time.monotonic()
        ran = self.zk_server("start", FAKE_ZKD="die")
        self.assertEqual((ran.code, ran.out),
                         (1, "Starting zookeeper ... FAILED TO START\n"))
        self.assertLess(time.monotonic() - began, 4.0)
        self.assertIn("zookeeper-tester-server-testhost.out", ran.err)
        with open(os.path.join(self.logs,
                               "zookeeper-tester-server-testhost.out"),
                  encoding="utf-8") as out:
            self.assertIn("Invalid config", out.read())

    def test_port_of_another_process_is_no_proof_of_life(self):
        with socket.create_server(("127.0.0.1", self.port)):
            ran = self.zk_server("start", FAKE_ZKD="linger")
        self.assertEqual((ran.code, ran.out),
                         (1, "Starting zookeeper ... FAILED TO START\n"))

    def test_live_server_that_does_not_listen_yet_counts_as_started(self):
        ran = self.zk_server("start", FAKE_ZKD="mute")
        self.assertEqual((ran.code, ran.out),
                         (0, "Starting zookeeper ... STARTED\n"))
        self.assertEqual(self.zk_server("stop").code, 0)

    def test_restart_runs_a_new_process(self):
        self.zk_server("start")
        before = self.read_pid()
        ran = self.zk_server("restart")
        self.assertEqual((ran.code, ran.lines), (0, [
            "Stopping zookeeper ... STOPPED",
            "Starting zookeeper ... STARTED"]), ran)
        self.assertNotEqual(self.read_pid(), before)
        self.assertFalse(alive(before))
        self.zk_server("stop")

    def test_pid_file_that_names_a_strange_process(self):
        os.mkdir(self.data)
        stranger = self.spawn("sleep", "600")
        for verb, line in (("stop", "Stopping zookeeper ... STOPPED\n"),
                           ("start", "Starting zookeeper ... STARTED\n")):
            with open(self.pid_file, "w", encoding="ascii") as out:
                out.write(str(stranger.pid))
            ran = self.zk_server(verb)
            self.assertEqual(ran.out, line, ran)
            self.assertIsNone(stranger.poll())
        self.zk_server("stop")
        self.assertIsNone(stranger.poll())

    def test_missing_config_or_data_dir(self):
        ran = self.zk_server("start", "none.cfg")
        self.assertEqual((ran.code, ran.out),
                         (1, "Starting zookeeper ... FAILED TO START\n"))
        self.assertIn("cannot read the configuration", ran.err)
        self.write_cfg("bare.cfg", dataDir=None)
        ran = self.zk_server("start", "bare.cfg")
        self.assertEqual(ran.code, 1)
        self.assertIn("sets no dataDir", ran.err)

    def test_pid_file_that_cannot_be_written(self):
        ran = self.zk_server("start", ZOOPIDFILE=self.cfg + "/pid")
        self.assertEqual((ran.code, ran.out),
                         (1, "Starting zookeeper ... FAILED TO WRITE PID\n"))
        self.assertFalse(os.path.exists(self.argv), "the server ran")

    def test_foreground_is_the_server_itself(self):
        for noexec in ("", "1"):
            with self.subTest(noexec=noexec):
                self.check_foreground(noexec)

    def check_foreground(self, noexec):
        server = self.spawn(os.path.join(BIN, "zkServer.sh"),
                            "start-foreground", stderr=subprocess.DEVNULL,
                            env={**self.env, "ZOO_NOEXEC": noexec})
        self.wait_until("the server listens", self.answers)
        ran = self.zk_server("status")
        self.assertEqual(ran.lines[-1:], ["Mode: standalone"], ran)
        with open("/proc/%d/cmdline" % server.pid, "rb") as words:
            is_script = b"zkServer.sh" in words.read()
        self.assertEqual(is_script, bool(noexec))
        pid = server.pid
        if is_script:
            with open("/proc/%d/task/%d/children" % (pid, pid),
                      encoding="ascii") as children:
                pid = int(children.read())
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(server.wait(script_case.DEADLINE), 0)

    def test_stop_ends_where_nobody_reaps_orphans(self):
        # As in a container whose first process does not: the ended server
        # stays a zombie.
        subreaper = 36
        libc = ctypes.CDLL(None, use_errno=True)
        self.assertEqual(libc.prctl(subreaper, 1, 0, 0, 0), 0)
        self.addCleanup(libc.prctl, subreaper, 0, 0, 0, 0)
        self.zk_server("start")
        pid = self.read_pid()
        self.addCleanup(os.waitpid, pid, 0)
        ran = self.zk_server("stop")
        self.assertEqual(ran.out, "Stopping zookeeper ... STOPPED\n", ran)
        self.assertTrue(os.path.exists("/proc/%d" % pid), "was reaped")


class Settings(ScriptCase):
    def config_line(self, ran):
        return [line for line in ran.err_lines if line.startswith("Using")]

    def test_which_configuration(self):
        sub = os.path.join(self.dir, "sub")
        os.mkdir(sub)
        cases = [
            (["stop"], {}, self.cfg),
            (["stop"], {"ZOOCFG": "b.cfg"}, self.conf + "/b.cfg"),
            (["stop"], {"ZOOCFG": "/x/b.cfg"}, "/x/b.cfg"),
            (["stop", "c.cfg"], {}, self.conf + "/c.cfg"),
            (["stop", "c.cfg"], {"ZOOCFG": "b.cfg"}, self.conf + "/c.cfg"),
            (["stop", "./c.cfg"], {}, "./c.cfg"),
            (["stop", sub + "/c.cfg"], {}, sub + "/c.cfg"),
            (["--config", sub, "stop"], {}, sub + "/zoo.cfg"),
            (["--config", sub, "stop", "d.cfg"], {}, sub + "/d.cfg"),
        ]
        for words, env, path in cases:
            with self.subTest(words=words, env=env):
                ran = self.zk_server(*words, **env)
                self.assertEqual(self.config_line(ran),
                                 ["Using config: " + path])

    def test_folders_beside_the_script(self):
        top = os.path.join(self.dir, "zookeeper-3.4.7")
        shutil.copytree(BIN, top + "/bin")
        shutil.copytree(self.conf, top + "/conf")
        del self.env["ZOOCFGDIR"], self.env["ZOO_LOG_DIR"]
        ran = self.run_script(top + "/bin/zkServer.sh", "start")
        self.assertEqual(ran.err_lines, [
            JMX, "Using config: %s/bin/../conf/zoo.cfg" % top])
        self.assertEqual(ran.out, "Starting zookeeper ... STARTED\n")
        self.assertEqual(os.listdir(top + "/logs"),
                         ["zookeeper-tester-server-testhost.out"])
        ran = self.run_script(top + "/bin/zkServer.sh", "stop")
        self.assertEqual(ran.out, "Stopping zookeeper ... STOPPED\n")

    def test_link_to_the_script(self):
        link = os.path.join(self.dir, "zkServer.sh")
        os.symlink(os.path.join(BIN, "zkServer.sh"), link)
        ran = self.run_script(link, "version")
        self.assertEqual(ran.code, 0, ran)

    def test_jmx_lines(self):
        ran = self.zk_server("stop", JMXDISABLE="true")
        self.assertEqual(ran.err_lines[0], "JMX disabled by user request")
        ran = self.zk_server("stop", JMXDISABLE="false", JMXPORT="9000",
                             JMXHOSTNAME="h")
        self.assertEqual(ran.err_lines[:6], [
            JMX,
            "ZooKeeper remote JMX Port set to 9000",
            "ZooKeeper remote JMX authenticate set to false",
            "ZooKeeper remote JMX ssl set to false",
            "ZooKeeper remote JMX log4j set to true",
            "ZooKeeper remote JMX Hostname set to h"])

    def test_properties_in_java_flags_are_handed_over(self):
        with open(self.conf + "/java.env", "w", encoding="utf-8") as out:
            out.write('export JVMFLAGS="-Xmx9g -Djute.maxbuffer=4000000 '
                      '-Dstar=* $JVMFLAGS"\n')
        self.zk_server("start", JVMFLAGS="-Dlast=1",
                       SERVER_JVMFLAGS="-Dfirst -verbose:gc",
                       ZOO_LOG4J_PROP="WARN,ROLLINGFILE")
        self.assertEqual(self.handed_words(), [
            "-Dzookeeper.log.dir=" + self.logs,
            "-Dzookeeper.log.file=zookeeper-tester-server-testhost.log",
            "-Dzookeeper.root.logger=WARN,ROLLINGFILE",
            "-Dfirst=", "-Djute.maxbuffer=4000000", "-Dstar=*", "-Dlast=1",
            self.cfg])
        with open(self.logs + "/zookeeper-tester-server-testhost.out",
                  encoding="utf-8") as out:
            self.assertIn("ignored: -verbose:gc -Xmx9g", out.read())
        self.zk_server("stop")

    def test_zookeeper_env_file(self):
        pid_file = os.path.join(self.dir, "run", "zk.pid")
        with open(self.conf + "/zookeeper-env.sh", "w",
                  encoding="utf-8") as out:
            out.write("ZOOPIDFILE='%s'\n" % pid_file)
        self.zk_server("start")
        self.assertTrue(os.path.exists(pid_file))
        self.assertFalse(os.path.exists(self.pid_file))
        self.pid_file = pid_file
        self.assertEqual(self.zk_server("stop").out,
                         "Stopping zookeeper ... STOPPED\n")

    def test_autocreate_disabled(self):
        why = "fix the path or run initialize"
        ran = self.zk_server("start", ZOO_DATADIR_AUTOCREATE_DISABLE="1")
        self.assertEqual((ran.code, ran.out), (
            1, "ZooKeeper data directory is missing at %s %s\n"
            % (self.data, why)))
        os.makedirs(self.data + "/version-2")
        log_dir = self.dir + "/txn"
        self.write_cfg("zoo.cfg", clientPort=self.port, dataLogDir=log_dir)
        ran = self.zk_server("start", ZOO_DATADIR_AUTOCREATE_DISABLE="1")
        self.assertEqual((ran.code, ran.out), (
            1, "ZooKeeper txnlog directory is missing at %s %s\n"
            % (log_dir, why)))
        os.makedirs(log_dir + "/version-2")
        self.zk_server("start", ZOO_DATADIR_AUTOCREATE_DISABLE="1")
        self.assertIn("-Dzookeeper.datadir.autocreate=false",
                      self.handed_words())
        self.zk_server("stop")

    def test_verbs_that_print(self):
        ran = self.zk_server("version")
        self.assertEqual((ran.code, ran.out), (
            0, "Apache ZooKeeper, version 3.9.4-zkd-0.1.0 "
            "2026-01-01 00:00 UTC\n"))
        ran = self.zk_server("print-cmd")
        self.assertEqual(ran.out, (
            '"%s" "-Dzookeeper.log.dir=%s" "-Dzookeeper.log.file='
            'zookeeper-tester-server-testhost.log" "%s" > '
            '"%s/zookeeper-tester-server-testhost.out" 2>&1 < /dev/null\n'
            % (self.zkd, self.logs, self.cfg, self.logs)))
        ran = self.zk_server("print-classpath", CLASSPATH="/a:/b")
        self.assertEqual(ran.out, "CLASSPATH=/a:/b\n")
        ran = self.zk_server("upgrade")
        self.assertEqual((ran.code, ran.out), (0, ""))
        self.assertIn("upgrade is not supported", ran.err)

    def test_program_that_is_missing(self):
        ran = self.zk_server("start", ZKD="/none/zkd")
        self.assertEqual(ran.code, 1)
        self.assertIn("ZKD=/none/zkd is not a program", ran.err)


class Status(ScriptCase):
    """Where status looks for the port to ask."""

    ASKED = "Client port found: %s. Client address: %s. Client SSL: %s."
    STATIC = ("Client port not found in static config file. Looking in "
              "dynamic config file.")
    SECURE = ("Client port not found. Looking for secureClientPort in the "
              "static config.")
    NO_MYID = ("myid could not be determined, will not able to locate "
               "clientPort in the server configs.")
    ERROR = "Error contacting service. It is probably not running."

    def status(self, myid=None, **keys):
        self.write_cfg("zoo.cfg", **keys)
        os.makedirs(self.data, exist_ok=True)
        if myid is not None:
            with open(self.data + "/myid", "w", encoding="ascii") as out:
                out.write("%s\n" % myid)
        ran = self.zk_server("status")
        self.assertEqual(ran.code, 1)
        return ran.lines

    def test_client_port_address(self):
        self.assertEqual(
            self.status(clientPort=1, clientPortAddress="127.0.0.9"),
            [self.ASKED % (1, "127.0.0.9", "false"), self.ERROR])

    def test_server_line(self):
        cases = [("1;2182", "2182", "localhost"),
                 (":2:3:participant;0.0.0.0:2183", "2183", "0.0.0.0"),
                 (":2:3;[127::1]:2184", "2184", "127::1"),
                 (":2:3;2185;9999", "2185", "localhost")]
        for text, port, host in cases:
            with self.subTest(text=text):
                self.assertEqual(
                    self.status(7, server__6="h:2:3;1", server__7="h" + text),
                    [self.ASKED % (port, host, "false"), self.ERROR])

    def test_dynamic_file(self):
        path = self.conf + "/zoo.cfg.dynamic.100000000"
        with open(path, "w", encoding="ascii") as out:
            out.write("server.7=h:2:3:participant;127.0.0.1:2186\n"
                      "version=100000000\n")
        self.assertEqual(
            self.status(7, dynamicConfigFile=path),
            [self.STATIC, self.ASKED % (2186, "127.0.0.1", "false"),
             self.ERROR])

    def test_secure_port(self):
        lines = self.status(secureClientPort=2281)
        self.assertEqual(lines[:3], [
            self.NO_MYID, self.SECURE,
            self.ASKED % (2281, "localhost", "true")])
        self.assertEqual(lines[-1], self.ERROR)

    def test_no_port_at_all(self):
        self.assertEqual(self.status(7, server__7="h:2:3"), [
            self.STATIC, "Client port not found in the server configs",
            self.SECURE,
            "Unable to find either secure or unsecure client port in any "
            "configs. Terminating."])

    def test_client_properties_are_handed_over(self):
        self.write_cfg("zoo.cfg", secureClientPort=2281)
        self.zk_server("status", CLIENT_JVMFLAGS="-Dtrust=store -Xmx1m")
        self.assertEqual(self.handed_words(), [
            "-Dtrust=store", "-Dzookeeper.client.secure=true",
            "--four-letter-word", "localhost:2281", "srvr"])


class Properties(ScriptCase):
    """Values come out of zoo.cfg as java.util.Properties reads them."""

    def value(self, text, key="dataDir"):
        with open(self.cfg, "wb") as out:
            out.write(text.encode("utf-8"))
        ran = self.run_script(
            "/bin/bash", "-c", 'ZOOBINDIR="$1"; set -- "$2" "$3"; '
            '. "$ZOOBINDIR/zkEnv.sh"; zk_property "$1" "$2"',
            "bash", BIN, key, self.cfg)
        self.assertEqual((ran.code, ran.err), (0, ""), ran)
        return ran.out

    def test_forms(self):
        cases = [
            ("dataDir=/a", "/a\n"),
            ("  dataDir = /a b \t\r\n", "/a b\n"),
            ("dataDir:/a\n", "/a\n"),
            ("dataDir /a\n", "/a\n"),
            ("dataDir\t=\t/a\n", "/a\n"),
            ("dataDir=/a\ndataDir=/b\n", "/b\n"),
            ("#dataDir=/a\n", ""),
            ("!dataDir=/a\n", ""),
            ("dataDirs=/a\n", ""),
            ("dataDir=\n", ""),
            ("dataDir=/a\\\n   /b\n", "/a/b\n"),
            ("dataDir=/a\\\\\n/b\n", "/a\\\n"),
            ("x=1\\\ndataDir=/a\n", ""),
            ("# x \\\ndataDir=/a\n", "/a\n"),
            ("dataDir=/a=b:c\n", "/a=b:c\n"),
            ("data\\Dir=/a\\:b\n", "/a:b\n"),
            ("dataDir=/a\\tb\\u0063\\u00e4\n", "/a\tbc\u00e4\n"),
            ("dataDir=/\u00e4\n", "/\u00e4\n"),
        ]
        for text, value in cases:
            with self.subTest(text=text):
                self.assertEqual(self.value(text), value)

    def test_key_with_a_dot_is_no_pattern(self):
        self.assertEqual(self.value("serverX1=a\nserver.1=b\n", "server.1"),
                         "b\n")


if __name__ == "__main__":
    script_case.main()
