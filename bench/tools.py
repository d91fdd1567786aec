#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""How fast zktool prints a snapshot and a log of 1,000,000, beside Apache's
tools 3.8.0 on the same files; both print to /dev/null.

    bench/tools.py --zktool src/zktool [--nodes N] [--rounds N]
"""

import argparse
import os
import statistics
import struct
import subprocess
import tempfile
import time
import zlib

JARS = ':'.join('/usr/share/java/%s.jar' % jar for jar in (
    'zookeeper', 'commons-cli', 'slf4j-simple'))
PACKAGE = 'org.apache.zookeeper.server.'
CHILDREN = 1000
DATA = bytes(100)


def string(data):
    return struct.pack('>i', len(data)) + data


def stat(zxid, children):
    ms = 1700000000000 + zxid * 3
    return struct.pack('>qqqqqiiiqq', 1, zxid, zxid, ms, ms, 0, children, 0,
                       0, zxid)


def write_snapshot(path, nodes):
    """Folders of CHILDREN znodes with DATA; all seals right."""
    paths = [b'', b'/zookeeper', b'/zookeeper/quota']
    folders = max(1, nodes // (CHILDREN + 1))
    with open(path, 'wb') as out:
        adler = 1

        def put(data):
            nonlocal adler
            adler = zlib.adler32(data, adler)
            out.write(data)
        put(struct.pack('>iiq', 0x5a4b534e, 2, -1))
        put(struct.pack('>iiqi', 0, 1, 1, 1) + struct.pack('>i', 31)
            + string(b'world') + string(b'anyone'))
        for name in paths:
            put(string(name) + string(b'') + stat(0, 0))
        zxid = 1
        for folder in range(folders):
            base = b'/folder-%06d' % folder
            parts = [string(base) + string(b'') + stat(zxid, CHILDREN)]
            for child in range(CHILDREN):
                zxid += 1
                parts.append(string(base + b'/node-%010d' % child)
                             + string(DATA) + stat(zxid, 0))
            zxid += 1
            put(b''.join(parts))
        put(string(b'/'))
        put(struct.pack('>q', adler) + string(b'/'))


def write_log(path, txns):
    with open(path, 'wb') as out:
        out.write(struct.pack('>iiq', 0x5a4b4c47, 2, 0))
        for zxid in range(1, txns + 1):
            txn = struct.pack('>qiqqi', 0x100000000000000, zxid, zxid,
                              1700000000000 + zxid * 3, 5)
            txn += string(b'/folder/node-%07d' % (zxid % 5000)) \
                + string(b'x' * 100) + struct.pack('>i', zxid)
            out.write(struct.pack('>qi', zlib.adler32(txn), len(txn)) + txn
                      + b'B')


def seconds(command):
    start = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - start


def compare(what, ours, theirs, rounds):
    times = ([], [])
    for _ in range(rounds):
        times[0].append(seconds(ours))
        times[1].append(seconds(theirs))
    mine, other = (statistics.median(t) for t in times)
    print('%-24s zktool %7.2f s   Java %7.2f s   %5.1f x'
          % (what, mine, other, other / mine), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--zktool', default='src/zktool')
    parser.add_argument('--nodes', type=int, default=1000000)
    parser.add_argument('--rounds', type=int, default=3)
    args = parser.parse_args()
    java = ['java', '-Xmx1500m', '-Dfile.encoding=UTF-8',
            '-Dorg.slf4j.simpleLogger.defaultLogLevel=error', '-cp', JARS]
    with tempfile.TemporaryDirectory(dir=os.getcwd()) as folder:
        snapshot = os.path.join(folder, 'snapshot.%x' % args.nodes)
        log = os.path.join(folder, 'log.1')
        write_snapshot(snapshot, args.nodes)
        write_log(log, args.nodes)
        for words in ([], ['-d']):
            compare(' '.join(['snapshot'] + words),
                    [args.zktool, 'snapshot'] + words + [snapshot],
                    java + [PACKAGE + 'SnapshotFormatter'] + words
                    + [snapshot], args.rounds)
        compare('log', [args.zktool, 'log', log],
                java + [PACKAGE + 'persistence.TxnLogToolkit', log],
                args.rounds)


if __name__ == '__main__':
    main()
