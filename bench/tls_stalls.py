#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""What handshakes that go nowhere cost a client that works.

Thousands of connections are opened to zkd's TLS port; a third says nothing,
a third one byte, a third half a ClientHello, and all stay so.  zkbench then
reads over TLS, with and without them, in turn.  With --flood the others make
whole handshakes instead, as fast as their processor time (at the lowest
priority) and the server allow.
"""

import argparse
import contextlib
import os
import resource
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), '../test/lib'))
import certs                                            # noqa: E402
from servers import (BenchError, Bench, Server,         # noqa: E402
                     free_port, zkd_launcher)

# Of the server and of this program, besides the stalled connections.
OTHER_FILES = 500
FLOODER = '''
import os, socket, ssl, sys
os.nice(19)
made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
made.load_verify_locations(sys.argv[1])
made.load_cert_chain(sys.argv[2])
n = 0
print('ready', flush=True)
while True:
    try:
        with socket.create_connection(('127.0.0.1', int(sys.argv[3]))) as s:
            with made.wrap_socket(s, server_hostname='localhost') as t:
                t.write(b'ruok')
                t.read()
    except OSError:
        pass
    n += 1
'''


def half_a_hello():
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(
        into, out, server_hostname='localhost')
    with contextlib.suppress(ssl.SSLWantReadError):
        made.do_handshake()
    hello = out.read()
    return hello[:len(hello) // 2]


def raise_limit(files):
    """For this process and the server that it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < files:
        raise BenchError('RLIMIT_NOFILE is %d at most, %d are needed'
                         % (hard, files))
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))


@contextlib.contextmanager
def stalled(port, n, gauge):
    """So many connections that stall; waits until the server has them."""
    first = (b'', b'\x16', half_a_hello())
    made = []
    try:
        for i in range(n):
            one = socket.create_connection(('127.0.0.1', port))
            if first[i % 3]:
                one.sendall(first[i % 3])
            made.append(one)
        await_value(gauge, n)
        yield
        if gauge() != n:
            raise BenchError('%d of %d connections are left' % (gauge(), n))
    finally:
        for one in made:
            one.close()
    await_value(gauge, 0)


@contextlib.contextmanager
def flooded(world, port, n):
    """So many processes that make whole handshakes."""
    made = [subprocess.Popen(
        [sys.executable, '-c', FLOODER, world.ca.cert,
         world.client.key_store(), str(port)], stdout=subprocess.PIPE)
            for _ in range(n)]
    try:
        for process in made:
            process.stdout.readline()
        yield
    finally:
        for process in made:
            process.kill()
            process.wait()
            process.stdout.close()


def await_value(gauge, value):
    deadline = time.monotonic() + 60
    while gauge() != value:
        if time.monotonic() > deadline:
            raise BenchError('%d handshakes under way, not %d'
                             % (gauge(), value))
        time.sleep(0.05)


def gauge_of(server):
    """How many handshakes are under way."""
    def ask():
        with socket.create_connection(('127.0.0.1', server.port)) as s:
            s.sendall(b'mntr')
            text = b''
            while True:
                data = s.recv(65536)
                if not data:
                    break
                text += data
        for line in text.decode().splitlines():
            if line.startswith('zk_outstanding_tls_handshake'):
                return int(line.split()[1])
        raise BenchError('mntr: %r' % text[:200])
    return ask


def report(name, quiet, busy):
    for what in ('p50_us', 'p99_us'):
        before = statistics.median(r['latency'][what] for r in quiet)
        after = statistics.median(r['latency'][what] for r in busy)
        print('%-10s %s %8.1f us -> %8.1f us  %+.1f %%' % (
            name, what[:3], before, after, (after / before - 1) * 100))
    rates = [statistics.median(r['per_second'] for r in rs)
             for rs in (quiet, busy)]
    print('%-10s rate %8.0f/s -> %8.0f/s' % (name, *rates))


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--zkd', default='src/zkd')
    p.add_argument('--zkbench', default='bench/zkbench')
    p.add_argument('--stalls', type=int, default=10000)
    p.add_argument('--flood', type=int, default=0, metavar='PROCESSES')
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--duration', type=float, default=3)
    p.add_argument('--work', default='.')
    o = p.parse_args()
    o.work = os.path.abspath(o.work)
    raise_limit(o.stalls + OTHER_FILES)
    bench = Bench(os.path.abspath(o.zkbench))
    with tempfile.TemporaryDirectory(prefix='zkd-certs.') as folder:
        world = certs.World(folder)
        port = free_port()
        settings = {'secureClientPort': port,
                    'secureClientPortAddress': '127.0.0.1',
                    '4lw.commands.whitelist': 'mntr,srvr,ruok',
                    # They shall stay as long as it takes.
                    'zkd.handshakeTimeoutMs': 3600000,
                    'netty.server.outstandingHandshake.limit':
                        o.stalls + OTHER_FILES}
        settings.update(certs.properties('ssl.', world.server, world.ca))
        with Server(zkd_launcher(os.path.abspath(o.zkd)), bench, o.work,
                    settings) as server:
            server.start()
            client = ['--tls', '--tls-trust', world.ca.trust_store(),
                      '--tls-key', world.client.key_store()]
            quiet, busy = [], []
            for _ in range(o.rounds):
                def load(client=client):
                    return bench.run('read', '-c', 4, '-p', 1, '-w', 1, '-d',
                                     o.duration, *client,
                                     '127.0.0.1:%d' % port)
                quiet.append(load())
                others = (flooded(world, port, o.flood) if o.flood else
                          stalled(port, o.stalls, gauge_of(server)))
                with others:
                    busy.append(load())
        report('flood' if o.flood else 'stalls', quiet, busy)


if __name__ == '__main__':
    try:
        main()
    except BenchError as error:
        sys.exit('tls_stalls: %s' % error)
