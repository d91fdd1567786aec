# SPDX-License-Identifier: Apache-2.0
"""What the tests of the scripts share: folders, ports, running a script."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BIN = os.path.join(TOP, "bin")
LAUNCHER = os.path.join(TOP, "compat", "java")
FAKE_ZKD = os.path.join(HERE, "fake_zkd.py")
DEBIAN_BIN = "/usr/share/zookeeper/bin"
DEBIAN_ENVIRONMENT = "/etc/zookeeper/conf/environment"
DEADLINE = 30.0

# Variables of a user's shell that the scripts would heed.
HEEDED = ("ZOO", "ZK", "JVM", "SERVER_JVM", "CLIENT_JVM", "JMX", "JAVA",
          "CLASSPATH", "LOG4C", "FAKE_ZKD")


def real_program(name):
    """The built program of which ZKD or ZKTOOL has the path, or None."""
    path = os.environ.get(name, "")
    return path if os.access(path, os.X_OK) else None


def real_zkd():
    return real_program("ZKD")


def free_port():
    """A TCP port outside the range the kernel gives to clients."""
    for port in range(20000 + os.getpid() % 9000, 32000):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


def alive(pid):
    """Whether the process runs; a zombie does not."""
    try:
        with open("/proc/%d/stat" % pid, encoding="latin-1") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Result:
    """Exit code and output of a script; lines of stdout and stderr."""

    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr
        self.lines = done.stdout.splitlines()
        self.err_lines = done.stderr.splitlines()

    def __repr__(self):
        return "exit %d\nstdout:\n%s\nstderr:\n%s" % (
            self.code, self.out, self.err)


class ScriptCase(unittest.TestCase):
    """A test with a folder, a configuration and an environment of its own."""

    zkd = FAKE_ZKD
    zktool = FAKE_ZKD

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="zkd-script-")
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.addCleanup(self.end_servers)
        self.conf = os.path.join(self.dir, "conf")
        self.data = os.path.join(self.dir, "data")
        self.logs = os.path.join(self.dir, "logs")
        self.argv = os.path.join(self.dir, "argv")
        self.pid_file = os.path.join(self.data, "zookeeper_server.pid")
        self.port = free_port()
        os.mkdir(self.conf)
        self.cfg = self.write_cfg("zoo.cfg", clientPort=self.port)
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith(HEEDED)}
        self.env.update(ZKD=self.zkd, ZKTOOL=self.zktool,
                        ZOOCFGDIR=self.conf, ZOO_LOG_DIR=self.logs,
                        FAKE_ZKD_ARGV=self.argv,
                        USER="tester", HOSTNAME="testhost")

    def write_cfg(self, name, **keys):
        """A configuration in the test's conf folder; returns its path."""
        path = os.path.join(self.conf, name)
        keys = {"tickTime": 2000, "dataDir": self.data,
                "admin.enableServer": "false", **keys}
        with open(path, "w", encoding="utf-8") as out:
            for key, value in keys.items():
                if value is not None:
                    out.write("%s=%s\n" % (key.replace("__", "."), value))
        return path

    def run_script(self, script, *words, **env):
        """Runs a script of bin/, or one given by its path."""
        if "/" not in script:
            script = os.path.join(BIN, script)
        done = subprocess.run([script, *words], env={**self.env, **env},
                              cwd=self.dir, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              universal_newlines=True, timeout=120,
                              check=False)
        return Result(done)

    def spawn(self, *words, **popen):
        """Starts a program that the end of the test kills if need be."""
        program = subprocess.Popen(words, cwd=self.dir,
                                   stdin=subprocess.DEVNULL,
                                   start_new_session=True,
                                   **{"env": self.env, **popen})
        self.addCleanup(self.end_program, program)
        return program

    def end_program(self, program):
        try:
            os.killpg(program.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        program.wait()
        if program.stdout:
            program.stdout.close()

    def answers(self):
        """Whether somebody listens on the test's port."""
        try:
            socket.create_connection(("127.0.0.1", self.port), 5).close()
            return True
        except OSError:
            return False

    def zk_server(self, *words, **env):
        return self.run_script("zkServer.sh", *words, **env)

    def read_pid(self):
        with open(self.pid_file, encoding="ascii") as pid:
            return int(pid.read())

    def handed_words(self):
        """The arguments that the fake server got."""
        with open(self.argv, encoding="utf-8") as words:
            return words.read().splitlines()

    def wait_until(self, what, condition):
        """Until condition() is true, or the test fails."""
        end = time.monotonic() + DEADLINE
        while not condition():
            if time.monotonic() > end:
                self.fail("timed out: " + what)
            select_tick()

    def end_servers(self):
        """Ends what a failed test left running."""
        try:
            pid = self.read_pid()
        except (OSError, ValueError):
            return
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


@unittest.skipUnless(os.access(DEBIAN_BIN + "/zkServer.sh", os.X_OK) and
                     os.access(DEBIAN_ENVIRONMENT, os.R_OK),
                     "needs Debian's package zookeeper")
class DebianCase(ScriptCase):
    """A test that also runs the scripts of Debian's package zookeeper.

    They find their environment file beside themselves, so links to them
    stand beside a copy of it with the test's folders.
    """

    java = "/usr/bin/java"

    def setUp(self):
        super().setUp()
        self.bin = os.path.join(self.dir, "bin")
        os.mkdir(self.bin)
        for script in ("zkServer.sh", "zkCleanup.sh", "zkCli.sh"):
            os.symlink(os.path.join(DEBIAN_BIN, script),
                       os.path.join(self.bin, script))
        with open(DEBIAN_ENVIRONMENT, encoding="utf-8") as text:
            lines = text.read()
        lines += "\nJAVA=%s\nZOOCFGDIR=%s\nZOOCFG=%s\nZOO_LOG_DIR=%s\n" % (
            self.java, self.conf, self.cfg, self.logs)
        with open(self.bin + "/zkEnv.sh", "w", encoding="utf-8") as out:
            out.write(lines)

    def debian(self, script, *words):
        return self.run_script(os.path.join(self.bin, script), *words)


def select_tick():
    """A turn of a loop that waits for a condition."""
    signal.sigtimedwait([signal.SIGUSR2], 0.02)


def main():
    """unittest.main, with automake's 77 when a test was skipped: what did
    not run must not count as passed."""
    result = unittest.main(module="__main__", exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.skipped else 0)
