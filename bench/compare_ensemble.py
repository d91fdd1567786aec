#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Measures three zkd servers against three of Apache's Java server, in turn,
on the same machine and disk: throughput and latency through all members, and
the time from the end of the leader to the first write that is acknowledged
by one that is left.  See bench/README.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from compare import (HIGHER, LOWER, describe, log, markdown,  # noqa: E402
                     short, summarise)
from ensemble_client import Refused, Session, mode      # noqa: E402
from servers import (BenchError, Bench, DEBIAN_CLASSPATH,  # noqa: E402
                     free_port, java_launcher, zkd_launcher)

MEASURES = {
    'reads.rate': ('Reads, 24 x 16 pipelined', '/s', HIGHER, 'throughput'),
    'reads.p99': ('Reads, 24 x 16: p99', 'us', LOWER, 'latency'),
    'writes.rate': ('Writes, 24 x 16 pipelined', '/s', HIGHER, 'throughput'),
    'writes.p99': ('Writes, 24 x 16: p99', 'us', LOWER, 'latency'),
    'write1.rate': ('Writes, 1 x 1', '/s', HIGHER, 'throughput'),
    'write1.p99': ('Writes, 1 x 1: p99', 'us', LOWER, 'latency'),
    'kill.ms': ('Leader killed: until the next write', 'ms', LOWER,
                'failover'),
    'stop.ms': ('Leader stopped: until the next write', 'ms', LOWER,
                'failover'),
    'memory.rss': ('Memory of the three after the load', 'MiB', LOWER,
                   'footprint'),
}
CELLS = {
    'reads': ['read', '-c', 24, '-p', 16],
    'writes': ['write', '-c', 24, '-p', 16],
    'write1': ['write', '-c', 1, '-p', 1],
}
GROUPS = list(CELLS) + ['kill', 'stop']
MEMBERS = 3
READY_SECONDS = 60
# How often a cell is tried in which the servers do not answer.
ATTEMPTS = 3


class Member:
    """One server of an ensemble."""

    def __init__(self, number, launcher, folder):
        self.number = number
        self.launcher = launcher
        self.folder = folder
        self.ports = [free_port() for _ in range(3)]
        self.process = None

    @property
    def client_port(self):
        return self.ports[0]

    def start(self):
        with open(self.folder + '/output', 'ab') as output:
            self.process = subprocess.Popen(
                self.launcher.command(self.folder), cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait(timeout=60)


class Ensemble:
    """Three members on fresh folders; use it in a 'with' statement."""

    def __init__(self, launcher, bench, work, keep):
        self.launcher = launcher
        self.bench = bench
        self.keep = keep
        self.folder = os.path.join(work, 'ensemble-%s-%d-%d' % (
            launcher.name, os.getpid(), time.monotonic_ns()))
        self.members = []

    def __enter__(self):
        for number in range(1, MEMBERS + 1):
            folder = '%s/%d' % (self.folder, number)
            os.makedirs(folder + '/data')
            with open(folder + '/data/myid', 'w', encoding='ascii') as f:
                f.write('%d\n' % number)
            self.members.append(Member(number, self.launcher, folder))
        for member in self.members:
            self.configure(member)
        for member in self.members:
            member.start()
        self.await_ready()
        return self

    def __exit__(self, kind, value, trace):
        for member in self.members:
            if member.process is not None and member.process.poll() is None:
                member.process.kill()
                member.process.wait()
        if not self.keep and kind is not BenchError:
            shutil.rmtree(self.folder, ignore_errors=True)
        return False

    def configure(self, member):
        lines = ['tickTime=2000', 'initLimit=10', 'syncLimit=5',
                 'dataDir=%s/data' % member.folder,
                 'clientPort=%d' % member.client_port,
                 'clientPortAddress=127.0.0.1', 'maxClientCnxns=0',
                 'admin.enableServer=false']
        lines += ['server.%d=127.0.0.1:%d:%d' % (m.number, m.ports[1],
                                                 m.ports[2])
                  for m in self.members]
        with open(member.folder + '/zoo.cfg', 'w', encoding='ascii') as f:
            f.write('\n'.join(lines) + '\n')

    def await_ready(self):
        """Waits for one leader and followers otherwise; returns the leader
        and the others."""
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            modes = [mode(m.client_port) for m in self.members]
            if sorted(map(str, modes)) == ['follower'] * 2 + ['leader']:
                leader = self.members[modes.index('leader')]
                return leader, [m for m in self.members if m is not leader]
            time.sleep(0.05)
        raise BenchError('%s: no ensemble after %d s: %s; see %s' % (
            self.launcher.name, READY_SECONDS, modes, self.folder))

    def load(self, *args):
        return self.bench.run(*args, ','.join(
            '127.0.0.1:%d' % m.client_port for m in self.members))

    def rss_mib(self):
        return sum(self.bench.run('rss', '--pid', m.process.pid)['rss_kb']
                   for m in self.members) / 1024

    def failover_ms(self, how):
        """Ends the leader; milliseconds to the next acknowledged write."""
        leader, others = self.await_ready()
        Session(others[0].client_port, 5).create('/failover-')
        # Followers are in sync, not just connected.
        time.sleep(0.5)
        begin = time.monotonic()
        leader.process.send_signal(how)
        elapsed = self.first_write(others, begin)
        leader.process.wait(timeout=60)
        leader.start()
        self.await_ready()
        return elapsed

    def first_write(self, members, begin):
        while time.monotonic() < begin + READY_SECONDS:
            for member in members:
                try:
                    session = Session(member.client_port, 1)
                    session.create('/failover-')
                except Refused:
                    time.sleep(0.0005)
                    continue
                elapsed = (time.monotonic() - begin) * 1000
                session.close()
                return elapsed
        raise BenchError('%s: no write %d s after the leader ended; see %s'
                         % (self.launcher.name, READY_SECONDS, self.folder))


class Comparison:
    """All rounds; 'values[key][server]' is a list with one value a round."""

    def __init__(self, options, launchers):
        self.o = options
        self.launchers = launchers
        self.bench = Bench(options.zkbench)
        self.values = {}
        self.raw = []
        self.stalls = {}

    def note(self, name, key, value):
        self.values.setdefault(key, {}).setdefault(name, []).append(value)

    def load(self, ensemble, name, cell):
        """A cell's result.

        Java 3.8.0 may fall asleep over a request (ZOOKEEPER-4537): that is
        counted, and the cell measured again.
        """
        for attempt in range(ATTEMPTS):
            try:
                return ensemble.load(*CELLS[cell], '-d', self.o.duration,
                                     '-w', self.o.warm_up)
            except BenchError as e:
                if 'no reply' not in str(e) or attempt == ATTEMPTS - 1:
                    raise
                log('  %-5s %-8s %s' % (name, cell, e))
                self.stalls[name] = self.stalls.get(name, 0) + 1

    def cells(self, ensemble, name):
        if self.o.warm_server > 0:
            ensemble.load('mixed', '-r', 50, '-w', 0, '-c', 24,
                          '-d', self.o.warm_server)
        for cell in CELLS:
            if cell not in self.o.only:
                continue
            result = self.load(ensemble, name, cell)
            log('  %-5s %-8s %s' % (name, cell, short(result)))
            self.raw.append({'server': name, 'cell': cell, 'result': result})
            self.note(name, cell + '.rate', result['per_second'])
            self.note(name, cell + '.p99', result['latency']['p99_us'])
        self.note(name, 'memory.rss', ensemble.rss_mib())

    def failovers(self, ensemble, name):
        if self.o.nodes > 0:
            ensemble.load('fill', '-n', self.o.nodes, '-s', self.o.node_size)
        for key, how in (('kill', signal.SIGKILL), ('stop', signal.SIGTERM)):
            if key not in self.o.only:
                continue
            times = [ensemble.failover_ms(how)
                     for _ in range(self.o.failovers)]
            log('  %-5s %-8s %s ms' % (name, key, ' '.join(
                '%.0f' % t for t in times)))
            self.raw.append({'server': name, 'cell': key, 'ms': times})
            self.note(name, key + '.ms', statistics.median(times))

    def run(self):
        for number in range(self.o.rounds):
            log('round %d of %d' % (number + 1, self.o.rounds))
            for launcher in self.launchers[::-1 if number % 2 else 1]:
                with Ensemble(launcher, self.bench, self.o.work,
                              self.o.keep) as ensemble:
                    if any(c in self.o.only for c in CELLS):
                        self.cells(ensemble, launcher.name)
                    self.failovers(ensemble, launcher.name)


def parse_options():
    p = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--zkd', default='src/zkd', help='the server [%(default)s]')
    p.add_argument('--zkbench', default='bench/zkbench',
                   help='the load generator [%(default)s]')
    p.add_argument('--java', default='java')
    p.add_argument('--heap', default='1000m', help='of Java [%(default)s]')
    p.add_argument('--classpath', default=DEBIAN_CLASSPATH,
                   help='of Java [%(default)s]')
    p.add_argument('--only', default=','.join(GROUPS),
                   help='some of: ' + ','.join(GROUPS) + ' [all]')
    p.add_argument('--server', choices=['java', 'zkd'],
                   help='measure this one alone')
    p.add_argument('--rounds', type=int, default=3, help='[%(default)s]')
    p.add_argument('--duration', type=float, default=5,
                   help='seconds a cell [%(default)s]')
    p.add_argument('--warm-up', type=float, default=2,
                   help='seconds before each cell [%(default)s]')
    p.add_argument('--warm-server', type=float, default=8,
                   help='seconds of mixed load on new servers [%(default)s]')
    p.add_argument('--failovers', type=int, default=5,
                   help='of each kind in a round [%(default)s]')
    p.add_argument('--nodes', type=int, default=0,
                   help='znodes in the tree for fail-overs [%(default)s]')
    p.add_argument('--node-size', type=int, default=1000,
                   help='bytes of each of them [%(default)s]')
    p.add_argument('--work', default='.',
                   help='folder on the disk to use [%(default)s]')
    p.add_argument('--keep', action='store_true',
                   help='leave the servers\' folders')
    p.add_argument('--out', default='.', help='folder for ensemble.json and '
                   'ensemble.md [%(default)s]')
    o = p.parse_args()
    o.only = o.only.split(',')
    for name in o.only:
        if name not in GROUPS:
            p.error('--only: there is no "%s"' % name)
    try:
        # Now, not when all has been measured.
        os.makedirs(o.out, exist_ok=True)
    except OSError as e:
        p.error('--out: %s' % e)
    o.work = os.path.abspath(o.work)
    o.zkd = os.path.abspath(o.zkd)
    o.zkbench = os.path.abspath(o.zkbench)
    o.spin, o.snapshot_nodes, o.snap_count = False, 0, 0
    return o


def main():
    o = parse_options()
    launchers = [java_launcher(o.java, o.heap, o.classpath),
                 zkd_launcher(o.zkd)]
    if o.server:
        launchers = [x for x in launchers if x.name == o.server]
    about = describe(o)
    about['Trees'] = '%s znodes of %d bytes for the fail-overs' % (
        '{:,}'.format(o.nodes), o.node_size)
    about['Ensemble'] = 'three servers and the load generator on one machine'
    comparison = Comparison(o, launchers)
    failure = None
    try:
        comparison.run()
    except (BenchError, KeyboardInterrupt) as e:
        failure = str(e) or 'interrupted'
        about['Incomplete'] = failure
    for name, times in comparison.stalls.items():
        about['Stood still (%s)' % name] = (
            '%d times no reply for 30 s; that cell was measured again' % times)
    rows = summarise(comparison.values, {}, MEASURES)
    text = markdown(rows, about, False,
                    'Three zkd servers against three Java servers')
    print(text)
    with open(os.path.join(o.out, 'ensemble.json'), 'w',
              encoding='utf-8') as f:
        json.dump({'about': about, 'rows': rows,
                   'values': comparison.values, 'raw': comparison.raw}, f,
                  indent=1)
        f.write('\n')
    with open(os.path.join(o.out, 'ensemble.md'), 'w',
              encoding='utf-8') as f:
        f.write(text)
    if failure:
        log('compare_ensemble: ' + failure)
        return 1
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit('compare_ensemble: %s' % error)
