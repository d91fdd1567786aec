#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Measures zkd against Apache's Java server, in turn, on the same disk.

Every round gives each server a fresh folder and runs the same cells; which
server comes first changes from round to round.  The table shows the median
of the rounds, and the spread of the ratio over the rounds.  See bench/README.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), '../test/lib'))
import certs                                            # noqa: E402
import plot                                             # noqa: E402
from servers import (BenchError, Bench, DEBIAN_CLASSPATH,   # noqa: E402
                     Server, free_port, java_launcher, zkd_launcher)

HIGHER, LOWER = 'higher', 'lower'

# key: (title, unit, which is better, group of the plot)
MEASURES = {
    'reads.rate': ('Reads, 16 x 16 pipelined', '/s', HIGHER, 'throughput'),
    'reads.p99': ('Reads, 16 x 16: p99', 'us', LOWER, 'latency'),
    'writes.rate': ('Writes, 16 x 16 pipelined', '/s', HIGHER, 'throughput'),
    'writes.p99': ('Writes, 16 x 16: p99', 'us', LOWER, 'latency'),
    'mixed.rate': ('90 % reads, 16 x 16', '/s', HIGHER, 'throughput'),
    'mixed.p99': ('90 % reads, 16 x 16: p99', 'us', LOWER, 'latency'),
    'read1.rate': ('Reads, 1 x 1', '/s', HIGHER, 'throughput'),
    'read1.p99': ('Reads, 1 x 1: p99', 'us', LOWER, 'latency'),
    'write1.rate': ('Writes, 1 x 1', '/s', HIGHER, 'throughput'),
    'write1.p99': ('Writes, 1 x 1: p99', 'us', LOWER, 'latency'),
    'reads1000.rate': ('Reads, 1000 x 1', '/s', HIGHER, 'throughput'),
    'reads1000.p99': ('Reads, 1000 x 1: p99', 'us', LOWER, 'latency'),
    'writes1000.rate': ('Writes, 1000 x 1', '/s', HIGHER, 'throughput'),
    'writes1000.p99': ('Writes, 1000 x 1: p99', 'us', LOWER, 'latency'),
    'tls.rate': ('Reads over TLS, 16 x 16', '/s', HIGHER, 'throughput'),
    'tls.p99': ('Reads over TLS, 16 x 16: p99', 'us', LOWER, 'latency'),
    'snapshot.quiet_p999': ('Writes, no snapshot: p99.9', 'us', LOWER,
                            'latency'),
    'snapshot.busy_p999': ('Writes while snapshots run: p99.9', 'us', LOWER,
                           'latency'),
    'snapshot.slowdown': ('p99.9 with / without snapshots', 'x', LOWER,
                          'latency'),
    'snapshot.rate': ('Writes while snapshots run', '/s', HIGHER,
                      'throughput'),
    'memory.rss': ('Memory with the filled tree', 'MiB', LOWER, 'footprint'),
    'memory.fill': ('Filling that tree', '/s', HIGHER, 'throughput'),
    'restart.seconds': ('Restart with it to first answer', 's', LOWER,
                        'footprint'),
    'restart.rss': ('Memory after that restart', 'MiB', LOWER, 'footprint'),
    'start.seconds': ('First start to first answer', 's', LOWER,
                      'footprint'),
    'start.rss': ('Memory when idle', 'MiB', LOWER, 'footprint'),
}

# Throughput cells: name, arguments of zkbench.
CELLS = {
    'reads': ['read', '-c', 16, '-p', 16],
    'writes': ['write', '-c', 16, '-p', 16],
    'mixed': ['mixed', '-c', 16, '-p', 16],
    'read1': ['read', '-c', 1, '-p', 1],
    'write1': ['write', '-c', 1, '-p', 1],
    'reads1000': ['read', '-c', 1000, '-p', 1],
    'writes1000': ['write', '-c', 1000, '-p', 1],
}
GROUPS = list(CELLS) + ['tls', 'snapshot', 'memory', 'start']
IDLE_SECONDS = 3        # From first answer to the look at idle memory.


def log(text):
    print(text, file=sys.stderr, flush=True)


class Comparison:
    """All rounds; 'values[key][server]' is a list with one value a round."""

    def __init__(self, options, launchers):
        self.o = options
        self.launchers = launchers
        self.bench = Bench(options.zkbench)
        self.values = {}
        self.raw = []

    def note(self, server, key, value):
        self.values.setdefault(key, {}).setdefault(
            server.launcher.name, []).append(value)

    def keep_raw(self, server, cell, result):
        self.raw.append({'server': server.launcher.name, 'cell': cell,
                         'result': result})
        log('  %-5s %-12s %s' % (server.launcher.name, cell, short(result)))

    def server(self, launcher, **settings):
        return Server(launcher, self.bench, self.o.work, settings,
                      self.o.keep)

    def timed(self, duration=None):
        args = ['-d', duration or self.o.duration, '-w', self.o.warm_up]
        return args + (['--spin'] if self.o.spin else [])

    def run_cells(self, launcher, cells):
        with self.server(launcher) as server:
            server.start()
            # Java's compiler needs load to find what is hot.
            if self.o.warm_server > 0:
                server.load('mixed', '-r', 50, '-w', 0,
                            '-d', self.o.warm_server)
            for cell in cells:
                result = server.load(*CELLS[cell], *self.timed())
                self.keep_raw(server, cell, result)
                self.note(server, cell + '.rate', result['per_second'])
                self.note(server, cell + '.p99',
                          result['latency']['p99_us'])

    def run_tls(self, launcher):
        with tempfile.TemporaryDirectory(prefix='zkd-certs.') as folder:
            world = certs.World(folder)
            port = free_port()
            settings = certs.properties('ssl.', world.server, world.ca)
            settings.update({
                'secureClientPort': port,
                'secureClientPortAddress': '127.0.0.1',
                'serverCnxnFactory': 'org.apache.zookeeper.server.'
                                     'NettyServerCnxnFactory'})
            client = ['--pid', None, '--tls',
                      '--tls-trust', world.ca.trust_store(),
                      '--tls-key', world.client.key_store()]
            address = '127.0.0.1:%d' % port
            with self.server(launcher, **settings) as server:
                server.start()
                client[1] = server.pid
                if self.o.warm_server > 0:
                    self.bench.run('mixed', '-r', 50, '-w', 0, '-d',
                                   self.o.warm_server, *client, address)
                result = self.bench.run(*CELLS['reads'], *self.timed(),
                                        *client, address)
                self.keep_raw(server, 'tls', result)
                self.note(server, 'tls.rate', result['per_second'])
                self.note(server, 'tls.p99', result['latency']['p99_us'])

    def write_burst(self, launcher, snap_count):
        """p99.9 of writes to a filled tree, and snapshots meanwhile."""
        nodes = self.o.snapshot_nodes
        with self.server(launcher, snapCount=snap_count) as server:
            server.start()
            server.load('fill', '-n', nodes)
            before = server.snapshots()
            result = server.load('write', '-c', 16, '-p', 16, '--filled',
                                 nodes, *self.timed())
            result['snapshots'] = server.snapshots() - before
            self.keep_raw(server, 'snapCount=%d' % snap_count, result)
            return server, result

    def run_snapshot(self, launcher):
        _, quiet = self.write_burst(launcher, 1000000000)
        server, busy = self.write_burst(launcher, self.o.snap_count)
        if quiet['snapshots'] != 0 or busy['snapshots'] == 0:
            raise BenchError(
                '%s: %d snapshots with a large snapCount (0 expected), %d '
                'with %d (some expected)' % (
                    launcher.name, quiet['snapshots'], busy['snapshots'],
                    self.o.snap_count))
        quiet_p999 = quiet['latency']['p999_us']
        busy_p999 = busy['latency']['p999_us']
        self.note(server, 'snapshot.quiet_p999', quiet_p999)
        self.note(server, 'snapshot.busy_p999', busy_p999)
        self.note(server, 'snapshot.slowdown', busy_p999 / quiet_p999)
        self.note(server, 'snapshot.rate', busy['per_second'])

    def run_memory(self, launcher):
        nodes = self.o.nodes
        with self.server(launcher) as server:
            server.start()
            result = server.load('fill', '-n', nodes)
            self.keep_raw(server, 'fill', result)
            self.note(server, 'memory.fill', result['per_second'])
            self.note(server, 'memory.rss', result['server_rss_kb'] / 1024)
            server.stop()
            seconds = server.start('/zkbench/n%010d' % (nodes - 1))
            memory = server.memory()
            memory['seconds'] = seconds
            self.keep_raw(server, 'restart', memory)
            self.note(server, 'restart.seconds', seconds)
            self.note(server, 'restart.rss', memory['rss_kb'] / 1024)

    def run_start(self, launcher):
        with self.server(launcher) as server:
            seconds = server.start()
            time.sleep(IDLE_SECONDS)
            memory = server.memory()
            memory['seconds'] = seconds
            self.keep_raw(server, 'start', memory)
            self.note(server, 'start.seconds', seconds)
            self.note(server, 'start.rss', memory['rss_kb'] / 1024)

    def run(self):
        cells = [c for c in CELLS if c in self.o.only]
        steps = []
        if cells:
            steps.append(lambda launcher: self.run_cells(launcher, cells))
        for name in ('tls', 'snapshot', 'memory', 'start'):
            if name in self.o.only:
                steps.append(getattr(self, 'run_' + name))
        for number in range(self.o.rounds):
            log('round %d of %d' % (number + 1, self.o.rounds))
            order = self.launchers[::-1] if number % 2 else self.launchers
            for step in steps:
                for launcher in order:
                    step(launcher)


def short(result):
    """One line of a raw result for the progress log."""
    if 'per_second' in result:
        text = '%9.0f/s  p50 %.0f  p99 %.0f  p99.9 %.0f us' % (
            result['per_second'], result['latency']['p50_us'],
            result['latency']['p99_us'], result['latency']['p999_us'])
        if 'snapshots' in result:
            text += ', %d snapshots' % result['snapshots']
        return text
    return '%.3f s, %.1f MiB' % (result['seconds'],
                                 result['rss_kb'] / 1024)


def summarise(values, targets, measures=None):
    """A row for each measure: medians, and zkd's advantage (> 1: better)."""
    rows = []
    for key, (title, unit, better, group) in (measures
                                              or MEASURES).items():
        per_server = values.get(key, {})
        row = {'key': key, 'title': title, 'unit': unit, 'group': group,
               'better': better, 'target': targets.get(key)}
        for name, numbers in per_server.items():
            row[name] = statistics.median(numbers)
        if 'java' in per_server and 'zkd' in per_server:
            ratios = [z / j if better == HIGHER else j / z
                      for j, z in zip(per_server['java'], per_server['zkd'])]
            row['ratio'] = statistics.median(ratios)
            row['ratio_low'] = min(ratios)
            row['ratio_high'] = max(ratios)
        if per_server:
            rows.append(row)
    return rows


def number(value, unit):
    if value is None:
        return ''
    if unit == '/s':
        return '{:,.0f}/s'.format(value)
    if unit == 'us':
        return '{:,.0f} us'.format(value)
    if unit == 'MiB':
        return '{:,.1f} MiB'.format(value)
    if unit == 'ms':
        return '{:,.1f} ms'.format(value)
    if unit == 's':
        return '{:.3f} s'.format(value)
    return '{:.2f} x'.format(value)


def markdown(rows, about, with_targets,
             title='zkd against Apache ZooKeeper (Java)'):
    head = ['Measure', 'Java', 'zkd', 'zkd is better by', 'lowest to highest']
    if with_targets:
        head += ['target', 'met']
    lines = ['# ' + title, '']
    lines += ['- %s: %s' % item for item in about.items()]
    lines += ['', '| ' + ' | '.join(head) + ' |',
              '|---' + '|---:' * (len(head) - 1) + '|']
    for row in rows:
        cells = [row['title'], number(row.get('java'), row['unit']),
                 number(row.get('zkd'), row['unit'])]
        if 'ratio' in row:
            cells += ['**%.2f x**' % row['ratio'],
                      '%.2f to %.2f' % (row['ratio_low'], row['ratio_high'])]
        else:
            cells += ['', '']
        if with_targets:
            target = row['target']
            cells += ['' if target is None else '%.2f x' % target,
                      '' if target is None or 'ratio' not in row
                      else 'yes' if row['ratio'] >= target else '**no**']
        lines.append('| ' + ' | '.join(cells) + ' |')
    lines += ['', 'Medians of the rounds. "Better by" is zkd/Java for rates '
              'and Java/zkd for times and', 'memory, taken round by round: '
              'above 1 zkd is ahead.', '']
    return '\n'.join(lines)


def fdatasync_us(folder):
    """Median time of a small append with fdatasync, in microseconds."""
    path = os.path.join(folder, 'fdatasync-%d' % os.getpid())
    times = []
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.posix_fallocate(fd, 0, 1 << 20)
        os.fdatasync(fd)
        for _ in range(200):
            os.write(fd, b'x' * 512)
            start = time.perf_counter_ns()
            os.fdatasync(fd)
            times.append((time.perf_counter_ns() - start) / 1000)
    finally:
        os.close(fd)
        os.unlink(path)
    return statistics.median(times)


def first_line(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True,
                              check=False, timeout=20)
        return done.stdout.splitlines()[0] if done.returncode == 0 else ''
    except (OSError, IndexError, subprocess.TimeoutExpired):
        return ''


def cpu_model():
    with open('/proc/cpuinfo', encoding='utf-8') as f:
        for line in f:
            if line.startswith('model name'):
                return line.split(':', 1)[1].strip()
    return platform.machine()


def describe(o):
    """What the figures depend on."""
    fs_type = first_line('stat', '-f', '-c', '%T', o.work)
    load = os.getloadavg()[0]
    if load > 0.5:
        log('this machine is busy (load %.2f): the figures will be rough'
            % load)
    if fs_type == 'tmpfs':
        log('%s is in memory: fsync costs nothing there; use --work' % o.work)
    package = first_line('dpkg-query', '-W', '-f', '${Version}', 'zookeeper')
    about = {
        'Machine': '%d x %s, Linux %s, load %.2f at the start' % (
            os.cpu_count(), cpu_model(), platform.release(), load),
        'Disk': '%s, fdatasync of a small append %.0f us (median)' % (
            fs_type, fdatasync_us(o.work)),
        'Java': '%s, -Xmx%s (Apache\'s default heap), ZooKeeper %s' % (
            first_line(o.java, '-version'), o.heap,
            package or 'of unknown version'),
        'Method': '%d rounds in turn, %g s a cell after %g s of warm-up, '
                  '%g s of mixed load before the first; fsync on; one load '
                  'generator thread on the same machine%s' % (
                      o.rounds, o.duration, o.warm_up, o.warm_server,
                      ', busy-polling' if o.spin else ''),
        'Trees': '%s znodes of 100 bytes for memory and restart, %s with '
                 'snapCount=%d for snapshots' % (
                     '{:,}'.format(o.nodes),
                     '{:,}'.format(o.snapshot_nodes), o.snap_count),
    }
    return about


def read_targets(path):
    """Lines "KEY NUMBER" (see MEASURES); '#' starts a comment."""
    targets = {}
    with open(path, encoding='utf-8') as f:
        for line in f:
            words = line.split('#')[0].split()
            if not words:
                continue
            if len(words) != 2 or words[0] not in MEASURES:
                raise BenchError('%s: "%s" is not a measure and a number; '
                                 'measures: %s' % (path, line.strip(),
                                                   ' '.join(MEASURES)))
            targets[words[0]] = float(words[1])
    return targets


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
    p.add_argument('--only', default=','.join(g for g in GROUPS
                                              if g != 'mixed'),
                   help='some of: ' + ','.join(GROUPS) + ' [all but mixed]')
    p.add_argument('--server', choices=['java', 'zkd'],
                   help='measure this one alone')
    p.add_argument('--rounds', type=int, default=3, help='[%(default)s]')
    p.add_argument('--duration', type=float, default=5,
                   help='seconds a cell [%(default)s]')
    p.add_argument('--warm-up', type=float, default=2,
                   help='seconds before each cell [%(default)s]')
    p.add_argument('--warm-server', type=float, default=8,
                   help='seconds of mixed load on a new server [%(default)s]')
    p.add_argument('--nodes', type=int, default=1000000,
                   help='znodes for memory and restart [%(default)s]')
    p.add_argument('--snapshot-nodes', type=int, default=200000,
                   help='znodes in the tree of snapshot [%(default)s]')
    p.add_argument('--snap-count', type=int, default=20000,
                   help='snapCount that keeps snapshots going [%(default)s]')
    p.add_argument('--spin', action='store_true',
                   help='zkbench busy-polls, for both servers')
    p.add_argument('--targets', help='file of lines "KEY RATIO" to hold the '
                   'results against; exit status 3 if one is missed')
    p.add_argument('--work', default='.',
                   help='folder on the disk to use [%(default)s]')
    p.add_argument('--keep', action='store_true',
                   help='leave the servers\' folders')
    p.add_argument('--out', default='.', help='folder for results.json, '
                   'results.md and results.svg [%(default)s]')
    o = p.parse_args()
    o.only = o.only.split(',')
    for name in o.only:
        if name not in GROUPS:
            p.error('--only: there is no "%s"' % name)
    if o.rounds < 1:
        p.error('--rounds must be at least 1')
    try:
        # Now, not when all has been measured.
        os.makedirs(o.out, exist_ok=True)
    except OSError as e:
        p.error('--out: %s' % e)
    o.work = os.path.abspath(o.work)
    for what in ('zkd', 'zkbench'):
        program = shutil.which(getattr(o, what))
        if program is None and not (what == 'zkd' and o.server == 'java'):
            p.error('--%s: no program %s' % (what, getattr(o, what)))
        setattr(o, what, os.path.abspath(program) if program else None)
    return o


def main():
    o = parse_options()
    targets = read_targets(o.targets) if o.targets else {}
    launchers = [java_launcher(o.java, o.heap, o.classpath),
                 zkd_launcher(o.zkd)]
    if o.server:
        launchers = [x for x in launchers if x.name == o.server]
    about = describe(o)
    comparison = Comparison(o, launchers)
    failure = None
    try:
        comparison.run()
    except (BenchError, KeyboardInterrupt) as e:
        failure = str(e) or 'interrupted'
        about['Incomplete'] = failure
    rows = summarise(comparison.values, targets)
    text = markdown(rows, about, bool(targets))
    print(text)
    results = {'about': about, 'rows': rows, 'values': comparison.values,
               'raw': comparison.raw}
    out = os.path.join(o.out, 'results')
    with open(out + '.json', 'w', encoding='utf-8') as f:
        json.dump(results, f, indent=1)
        f.write('\n')
    with open(out + '.md', 'w', encoding='utf-8') as f:
        f.write(text)
    if any('ratio' in row for row in rows):
        plot.write(results, out + '.svg')
    if failure:
        log('compare: ' + failure)
        return 1
    missed = [row['title'] for row in rows if row['target'] is not None
              and row.get('ratio', 0) < row['target']]
    if missed:
        log('compare: below target: ' + '; '.join(missed))
        return 3
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit('compare: %s' % error)
