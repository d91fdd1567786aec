# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Starts and stops the servers that compare.py measures.

Both get the same zoo.cfg.  A server is ended by its own pid only, and its
folder is removed unless it is to be kept.
"""

import json
import os
import shutil
import socket
import subprocess
import time

DEBIAN_CLASSPATH = ':'.join(
    ['/etc/zookeeper/conf', '/usr/share/java/zookeeper.jar']
    # For TLS.
    + ['/usr/share/java/netty-%s.jar' % part for part in (
        'buffer', 'codec', 'common', 'handler', 'resolver', 'transport',
        'transport-native-epoll', 'transport-native-unix-common')])
STOP_SECONDS = 60
START_SECONDS = 300


class BenchError(Exception):
    """A server or zkbench did not do what the measurement needs."""


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Bench:
    """Runs zkbench and reads its JSON."""

    def __init__(self, program):
        self.program = program

    def command(self, args):
        return [self.program, '--json'] + [str(a) for a in args]

    def run(self, *args):
        done = subprocess.run(self.command(args), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise BenchError('%s: exit %d: %s' % (
                ' '.join(self.command(args)), done.returncode,
                done.stderr.strip()))
        return json.loads(done.stdout)


class Launcher:
    """How one kind of server is started."""

    def __init__(self, name, command):
        self.name = name
        self.command = command      # A function of the folder: argv.


def java_launcher(java, heap, classpath):
    def command(folder):
        # Debian's own start: log set-up from /etc/zookeeper/conf, and the
        # JMX agent that zkServer.sh turns on when nothing is said.
        return [java, '-Xmx' + heap,
                '-Dzookeeper.log.dir=' + folder,
                '-Dzookeeper.root.logger=INFO,ROLLINGFILE',
                '-Dcom.sun.management.jmxremote',
                '-Dcom.sun.management.jmxremote.local.only=true',
                '-cp', classpath,
                'org.apache.zookeeper.server.quorum.QuorumPeerMain',
                folder + '/zoo.cfg']
    return Launcher('java', command)


def zkd_launcher(program):
    return Launcher('zkd', lambda folder: [program, folder + '/zoo.cfg'])


class Server:
    """A server on a fresh folder; use it in a 'with' statement."""

    def __init__(self, launcher, bench, work, settings=None, keep=False):
        self.launcher = launcher
        self.bench = bench
        self.keep = keep
        self.settings = settings or {}
        self.port = free_port()
        self.address = '127.0.0.1:%d' % self.port
        self.folder = os.path.join(work, '%s-%d-%d' % (
            launcher.name, os.getpid(), time.monotonic_ns()))
        self.process = None

    def __enter__(self):
        os.makedirs(self.folder + '/data')
        config = {
            'tickTime': 2000,
            'dataDir': self.folder + '/data',
            'clientPort': self.port,
            'clientPortAddress': '127.0.0.1',
            'maxClientCnxns': 0,
            'admin.serverPort': free_port(),
        }
        config.update(self.settings)
        with open(self.folder + '/zoo.cfg', 'w', encoding='ascii') as f:
            for key, value in config.items():
                f.write('%s=%s\n' % (key, value))
        return self

    def __exit__(self, kind, value, trace):
        self.stop()
        # After a failure the folder tells why.
        if not self.keep and kind is not BenchError:
            shutil.rmtree(self.folder, ignore_errors=True)
        return False

    @property
    def pid(self):
        return self.process.pid

    def start(self, path='/'):
        """Starts the server; returns the seconds from then to its first
        answer to exists('path')."""
        # The prober runs first, so that its own start costs the server
        # nothing and every millisecond is seen.
        with subprocess.Popen(
                self.bench.command(['first-answer', '--path', path,
                                    '--timeout', START_SECONDS,
                                    self.address]),
                stdout=subprocess.PIPE, text=True) as prober:
            time.sleep(0.05)
            with open(self.folder + '/output', 'ab') as log:
                started = time.monotonic_ns()
                try:
                    self.process = subprocess.Popen(
                        self.launcher.command(self.folder), cwd=self.folder,
                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                except OSError as e:
                    prober.kill()
                    raise BenchError('%s cannot be started: %s' % (
                        self.launcher.name, e)) from e
            self._await(prober)
            answer = json.loads(prober.stdout.read())
        return (answer['answered_at_ns'] - started) / 1e9

    def _await(self, prober):
        """Waits for the prober, or for the server to die early."""
        while True:
            try:
                if prober.wait(timeout=0.25) != 0:
                    raise BenchError('%s: no answer; see %s' % (
                        self.launcher.name, self.folder))
                return
            except subprocess.TimeoutExpired:
                if self.process.poll() is not None:
                    prober.kill()
                    raise BenchError('%s ended with %s; see %s/output' % (
                        self.launcher.name, self.process.returncode,
                        self.folder)) from None

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def snapshots(self):
        """Number of snapshot files written so far."""
        folder = self.folder + '/data/version-2'
        try:
            return sum(1 for n in os.listdir(folder)
                       if n.startswith('snapshot.'))
        except FileNotFoundError:
            return 0

    def load(self, *args):
        """Runs zkbench against this server, telling it the pid."""
        return self.bench.run('--pid', self.pid, *args, self.address)

    def memory(self):
        return self.bench.run('rss', '--pid', self.pid)
