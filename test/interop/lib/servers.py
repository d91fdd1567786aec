# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Servers under test: start, wait until they serve, stop, kill.

Two kinds are known: 'zkd', the program of this project, and 'java', the
Apache server that Debian packages (3.8.0), which serves as the oracle.
Both get the same zoo.cfg and the same -D properties.

Environment:
  ZKD            path of zkd (default: ../../src/zkd of the build tree)
  ZKD_WRAP       words put before zkd's command line, e.g. "valgrind -q"
  ZK_JAVA        java program (default: java)
  ZK_JAVA_CP     class path of the Apache server
  ZK_TEST_KEEP   when set, the servers' folders are left in place
"""

import atexit
import contextlib
import ctypes
import glob
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import zkwire

HOST = '127.0.0.1'
JAVA_JAR = '/usr/share/java/zookeeper.jar'
JAVA_CP = JAVA_JAR + ':/usr/share/java/slf4j-simple.jar'
JAVA_MAIN = 'org.apache.zookeeper.server.quorum.QuorumPeerMain'
JAVA_FLAGS = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1',
              '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']

# Wide enough for a sanitizer build on a busy machine; a healthy server
# needs a small part of it.
START_DEADLINE = 40.0
STOP_DEADLINE = 20.0

SUPER = ('super', 'test')

DEFAULT_PROPERTIES = {
    'zookeeper.extendedTypesEnabled': 'true',
    'zookeeper.4lw.commands.whitelist': '*',
    'zookeeper.admin.enableServer': 'false',
    'zookeeper.DigestAuthenticationProvider.superDigest':
        zkwire.digest_id(*SUPER),
    'zookeeper.preAllocSize': '1024',
}

DEFAULT_CONFIG = {
    'tickTime': '2000',
    'maxClientCnxns': '0',
}

_running = []


def thread_states(pid):
    """The letters of /proc for each thread of a process."""
    states = []
    for path in glob.glob('/proc/%d/task/*/stat' % pid):
        with contextlib.suppress(OSError), open(path) as stat:
            states.append(stat.read().rpartition(')')[2].split()[0])
    return states


class ServerFailed(AssertionError):
    """A server did not start, stop or stay alive; says where its log is."""


def java_command(*flags):
    """java with the Apache server's class path, up to the main class."""
    return [os.environ.get('ZK_JAVA', 'java')] + list(flags) + [
        '-cp', os.environ.get('ZK_JAVA_CP', JAVA_CP)]


def java_available():
    """True when Debian's Apache server can be run here."""
    if shutil.which(os.environ.get('ZK_JAVA', 'java')) is None:
        return False
    paths = os.environ.get('ZK_JAVA_CP', JAVA_CP).split(':')
    return all(os.path.exists(path) for path in paths)


def zkd_path():
    """Where zkd is: $ZKD, else the build tree we are run from."""
    path = os.environ.get('ZKD')
    if path:
        return os.path.abspath(path)
    here = os.path.dirname(os.path.abspath(__file__))
    tries = [os.path.abspath('../../src/zkd'),
             os.path.abspath('src/zkd'),
             os.path.normpath(os.path.join(here, '../../../src/zkd'))]
    for path in tries:
        if os.access(path, os.X_OK):
            return path
    return tries[0]


def _die_with_parent():
    """Runs in the child: no server outlives an interrupted test run."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)   # PR_SET_PDEATHSIG


class Server:
    """One server process with its own folder and port.

    The port is kept by a bound socket that never listens: with
    SO_REUSEADDR on both sides the server may bind it too, and the kernel
    gives it to nobody else, also not while the server is restarted.
    """

    def __init__(self, kind, config=None, properties=None, folder=None):
        if kind not in ('java', 'zkd'):
            raise ValueError('unknown kind of server: %r' % kind)
        self.kind = kind
        self.newest = kind == 'zkd'     # behaves as 3.9, not as 3.8.0
        self.own_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix='zkd-interop.')
        self.process = None
        self.reservation = socket.socket()
        self.reservation.setsockopt(socket.SOL_SOCKET,
                                    socket.SO_REUSEADDR, 1)
        self.reservation.bind((HOST, 0))
        self.port = self.reservation.getsockname()[1]
        self.address = (HOST, self.port)
        self.properties = dict(DEFAULT_PROPERTIES)
        self.properties.update(properties or {})
        self.config = dict(DEFAULT_CONFIG)
        self.config.update(config or {})
        self.config['clientPort'] = str(self.port)
        self.config['clientPortAddress'] = HOST
        self.config['dataDir'] = os.path.join(self.folder, 'data')
        self.log_path = os.path.join(self.folder, 'server.log')
        os.makedirs(self.config['dataDir'], exist_ok=True)

    def command(self):
        config = os.path.join(self.folder, 'zoo.cfg')
        defines = ['-D%s=%s' % item for item in sorted(
            self.properties.items()) if item[1] is not None]
        if self.kind == 'java':
            return java_command(*(JAVA_FLAGS + defines)) + [JAVA_MAIN,
                                                           config]
        return shlex.split(os.environ.get('ZKD_WRAP', '')) + \
            [zkd_path()] + defines + [config]

    def start(self, wait=True):
        """Starts the server and waits until it serves."""
        if self.process is not None:
            raise RuntimeError('already started')
        with open(os.path.join(self.folder, 'zoo.cfg'), 'w') as out:
            for item in self.config.items():
                out.write('%s=%s\n' % item)
        command = self.command()
        with open(self.log_path, 'ab') as log:
            log.write(('--- %s\n' % ' '.join(command)).encode())
            log.flush()
            try:
                self.process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log,
                    stderr=log, cwd=self.folder, close_fds=True,
                    preexec_fn=_die_with_parent)
            except OSError as error:
                raise ServerFailed('cannot run %s: %s'
                                   % (command[0], error))
        _running.append(self)
        if wait:
            self.wait_serving()
        return self

    def wait_serving(self, seconds=START_DEADLINE):
        """Waits until srvr names a mode; fails when the process ends."""
        deadline = time.monotonic() + seconds
        answer = ''
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ServerFailed('%s ended with %d at start\n%s' % (
                    self.kind, self.process.returncode, self.log_tail()))
            try:
                answer = zkwire.four_letter_word(self.address, 'srvr', 2.0)
            except (OSError, zkwire.Timeout, zkwire.Closed) as error:
                answer = str(error)
            if 'Mode: ' in answer:
                return
            time.sleep(0.02)
        raise ServerFailed('%s does not serve after %g s: %s\n%s' % (
            self.kind, seconds, answer.strip(), self.log_tail()))

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def check_alive(self):
        """Fails with the log's end when the process is gone."""
        if not self.alive():
            raise ServerFailed('%s died (%s)\n%s' % (
                self.kind, self.process and self.process.returncode,
                self.log_tail()))

    def stop(self):
        """SIGTERM and wait.  zkd must then end with 0."""
        if self.process is None:
            return
        self.check_alive()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailed('%s ignores SIGTERM for %g s\n%s' % (
                self.kind, STOP_DEADLINE, self.log_tail()))
        self._gone()
        if self.kind == 'zkd' and code != 0:
            raise ServerFailed('zkd ended with %d after SIGTERM\n%s' % (
                code, self.log_tail()))

    def pause(self):
        """SIGSTOP; every thread stands still when this returns."""
        self.process.send_signal(signal.SIGSTOP)
        deadline = time.monotonic() + STOP_DEADLINE
        while any(state not in 'TZX'
                  for state in thread_states(self.process.pid)):
            if time.monotonic() > deadline:
                raise ServerFailed('%s does not stand still after %g s' % (
                    self.kind, STOP_DEADLINE))
            time.sleep(0.002)

    def resume(self):
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        """SIGKILL: a crash, as far as the disk can tell."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self._gone()

    def _gone(self):
        self.process = None
        if self in _running:
            _running.remove(self)

    def restart(self, crash=False):
        if crash:
            self.kill()
        else:
            self.stop()
        return self.start()

    def close(self):
        """Stops the server and removes its folder."""
        try:
            self.stop()
        finally:
            self.discard()

    def discard(self):
        """Gets rid of process, port and folder, whatever their state."""
        self.kill()
        self.reservation.close()
        if self.own_folder and not os.environ.get('ZK_TEST_KEEP'):
            shutil.rmtree(self.folder, ignore_errors=True)

    def log_tail(self, lines=40):
        try:
            with open(self.log_path, errors='replace') as log:
                tail = log.readlines()[-lines:]
        except OSError:
            tail = []
        return 'log %s:\n%s' % (self.log_path, ''.join(tail))

    def connect(self, **fields):
        """A zkwire.Conn with a session; fields as in connect_request()."""
        return zkwire.connect(self.address, **fields)


def _kill_all():
    for server in list(_running):
        server.kill()


atexit.register(_kill_all)
