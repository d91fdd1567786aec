#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Clients over TLS: sessions, and who they are.  The clients are Python's ssl,
openssl s_client, kazoo and Apache's zkCli.sh; Debian's build of the C client
has no TLS in it.
"""

import logging
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), 'lib'))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness                          # noqa: E402
import servers                          # noqa: E402
import shells                           # noqa: E402
import test_golden_frames               # noqa: E402
import test_poison                      # noqa: E402
import tlsclient                        # noqa: E402
import zkwire as zk                     # noqa: E402
from tlsclient import certs             # noqa: E402

try:
    from kazoo.client import KazooClient
    from kazoo.security import make_acl
    HAVE_KAZOO = True
except ImportError:
    HAVE_KAZOO = False

PATIENCE = tlsclient.PATIENCE
NETTY = ['/usr/share/java/netty-%s.jar' % part for part in (
    'all', 'buffer', 'codec', 'common', 'handler', 'resolver', 'transport',
    'transport-native-epoll', 'transport-native-unix-common')]
world = None


def setUpModule():
    global world
    world = tlsclient.set_up_module()


def whoami(conn):
    """The ids of a connection as (scheme, name) in order."""
    return conn.call(zk.who_am_i()).body['ids']


class Sessions(tlsclient.SecureCase):
    """Who comes with a certificate, and who without."""

    store = {'ssl.clientAuth': 'want'}

    @classmethod
    def setUpClass(cls):
        cls.boss = world.ca.issue('boss')
        cls.store = dict(
            cls.store, **{'X509AuthenticationProvider.superUser':
                          cls.boss.subject})
        super().setUpClass()

    def test_session(self):
        """nodes, events and errors, by either version of TLS"""
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            ctx = tlsclient.context(world.ca, version=version)
            conn = self.connect_tls(ctx=ctx)
            self.assertNotEqual(conn.session, 0)
            path = self.fresh(conn, b'one')
            self.assertEqual(self.expect(conn, zk.get_data(path, True),
                                         0).body['data'], b'one')
            self.expect(conn, zk.set_data(path, b'two'), 0)
            self.assertEqual([(e.type, e.path) for e in conn.drain()],
                             [(3, path)])
            self.expect(conn, zk.get_data(path + '/none'), -101)

    def test_session_moves_between_the_ports(self):
        """a session begun on one port goes on at the other"""
        plain = self.connect()
        again = self.connect_tls(session=plain.session,
                                 passwd=plain.passwd)
        self.assertEqual(again.session, plain.session)
        self.assert_closes(plain)

    def test_first_request_with_the_last_handshake_message(self):
        """bytes that OpenSSL has read already are not forgotten"""
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                self._first_request(version)

    def _first_request(self, version):
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        made = tlsclient.context(world.ca, version=version).wrap_bio(
            into, out, server_hostname=tlsclient.NAME)
        tcp = self.tcp()
        while True:
            try:
                made.do_handshake()
                break
            except ssl.SSLWantReadError:
                tcp.sendall(out.read())
                into.write(tcp.recv(65536))
        request = zk.connect_request()
        made.write(struct.pack('>i', len(request)) + request)
        made.write(zk.ping().frame(-2))
        tcp.sendall(out.read())
        got = b''
        while len(got) < 41 + 20:
            try:
                got += made.read(4096)
            except ssl.SSLWantReadError:
                data = tcp.recv(65536)
                self.assertTrue(data, 'closed')
                into.write(data)
        self.assertEqual(struct.unpack('>i', got[:4])[0], 37)
        self.assertEqual(struct.unpack('>ii', got[41:49]), (16, -2))

    def test_identity(self):
        """x509 behind ip; super for the one that is named; neither without
        a certificate"""
        self.assertEqual(whoami(self.connect_tls()), [('ip', '127.0.0.1')])
        self.assertEqual(
            whoami(self.connect_tls(world.client)),
            [('ip', '127.0.0.1'), ('x509', world.client.subject)])
        # Nobody knows the scheme super by a name.
        self.assertEqual(
            whoami(self.connect_tls(self.boss)),
            [('ip', '127.0.0.1'), ('super', ''),
             ('x509', self.boss.subject)])

    def test_acls(self):
        """an ACL of the scheme x509 is for the one it names"""
        mine = [zk.ACL(zk.ALL, 'x509', world.client.subject)]
        owner = self.connect_tls(world.client)
        path = self.fresh(owner)
        self.expect(owner, zk.create(path + '/x', b'', mine), 0)
        # Who says "auth" means its own certificate.
        self.expect(owner, zk.create(path + '/a', b'',
                                     [zk.ACL(zk.ALL, 'auth', '')]), 0)
        self.assertEqual(self.expect(owner, zk.get_acl(path + '/a'),
                                     0).body['acl'], mine)
        strangers = [self.connect_tls(), self.connect(),
                     self.connect_tls(world.chained)]
        for child in ('/x', '/a'):
            self.expect(owner, zk.get_data(path + child), 0)
            for other in strangers:
                self.expect(other, zk.get_data(path + child), -102)
            self.expect(self.connect_tls(self.boss),
                        zk.set_data(path + child, b'1'), 0)
        self.expect(owner, zk.create(path + '/bad', b'',
                                     [zk.ACL(31, 'x509', 'no name')]), -114)

    def test_identity_in_a_resumed_session(self):
        """a resumed TLS session still says who it is"""
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                ctx = tlsclient.context(world.ca, world.client, version)
                first = self.connect_tls(ctx=ctx)
                whoami(first)           # TLS 1.3: tickets come with data.
                ticket = first.socket.session
                again = self.open_tls(ctx=ctx, session=ticket)
                self.assertTrue(again.socket.session_reused)
                again.handshake()
                self.assertEqual(whoami(again), whoami(first))

    def test_words(self):
        """four-letter words inside of TLS, about the secure port"""
        self.assertEqual(self.word('ruok'), 'imok')
        conn = self.connect_tls()
        plain = self.connect()
        ours = '/127.0.0.1:%d[' % conn.socket.getsockname()[1]
        others = '/127.0.0.1:%d[' % plain.socket.getsockname()[1]
        for word in ('cons', 'stat'):
            text = self.word(word)
            self.assertIn(ours, text)
            self.assertNotIn(others, text)
            text = zk.four_letter_word(self.server.address, word)
            self.assertNotIn(ours, text)
            self.assertIn(others, text)
        conf = zk.four_letter_word(self.server.address, 'conf')
        self.assertIn('clientPort=%d\nsecureClientPort=%d\n' % (
            self.server.port, self.server.secure[1]), conf)
        self.assertEqual(self.word('conf'), conf)
        self.assertGreaterEqual(self.server.metric('num_alive_connections'),
                                3)
        self.assertEqual(self.server.metric('non_mtls_remote_conn_count'), 0)
        self.assertGreater(self.server.metric('non_mtls_local_conn_count'),
                           0)

    def test_word_by_zkd(self):
        """zkd asks for a word by TLS, as zkServer.sh status does"""
        options = ['-D%s=%s' % item for item in certs.properties(
            'zookeeper.ssl.', world.client, world.ca).items()]
        def ask(*more):
            return subprocess.run(
                [servers.zkd_path(), '-Dzookeeper.client.secure=true',
                 *options, *more, '--four-letter-word',
                 'localhost:%d' % self.server.secure[1], 'srvr'],
                text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                timeout=PATIENCE)
        done = ask()
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertIn('Mode: standalone', done.stdout)
        done = ask('-Dzookeeper.ssl.trustStore.location='
                   + world.other_ca.trust_store())
        self.assertEqual((done.returncode, done.stdout), (1, ''))
        self.assertNotEqual(done.stderr, '')

    def test_key_update(self):
        """a client changes its keys, and asks for new ones"""
        process = subprocess.Popen(
            ['openssl', 's_client', '-msg', '-tls1_3', '-connect',
             'localhost:%d' % self.server.secure[1], '-CAfile',
             world.ca.cert], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        lines = Lines(self, process)
        lines.wait_for('NewSessionTicket')
        process.stdin.write(b'K\n')
        process.stdin.flush()
        lines.wait_for('KEYUPDATE')
        process.stdin.write(b'ruok')
        process.stdin.flush()
        process.wait(PATIENCE)
        lines.thread.join(PATIENCE)
        self.assertIn('imok', lines.text())
        self.assertRegex(lines.text(), '<<< .*, KeyUpdate')

    def test_renegotiation(self):
        """is refused, and nobody else notices"""
        bystander = self.connect_tls()
        process = subprocess.Popen(
            ['openssl', 's_client', '-tls1_2', '-connect',
             'localhost:%d' % self.server.secure[1], '-CAfile',
             world.ca.cert], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        lines = Lines(self, process)
        lines.wait_for('Verify return code')
        process.stdin.write(b'R\n')
        process.stdin.flush()
        lines.wait_for('RENEGOTIATING')
        process.wait(PATIENCE)
        self.assertIn('no renegotiation', lines.text())
        self.expect(bystander, zk.ping(), 0)


class Lines:
    """What a process says, while it says it."""

    def __init__(self, case, process):
        self.process = process
        self.got = b''
        self.mark = 0
        self.changed = threading.Condition()
        case.addCleanup(self.end)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while True:
            data = os.read(self.process.stdout.fileno(), 65536)
            with self.changed:
                self.got += data
                self.changed.notify_all()
            if not data:
                return

    def text(self):
        with self.changed:
            return self.got.decode(errors='replace')

    def wait_for(self, text):
        """The next time that this is said."""
        def said():
            return self.got.find(text.encode(), self.mark) >= 0
        with self.changed:
            if not self.changed.wait_for(said, PATIENCE):
                raise AssertionError('%r was not said:\n%s' % (
                    text, self.got.decode(errors='replace')))
            self.mark = self.got.find(text.encode(), self.mark) + len(text)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.thread.join(PATIENCE)
        self.process.stdin.close()
        self.process.stdout.close()


class Bulk(tlsclient.SecureCase):
    """Many bytes, in both directions."""

    properties = {'jute.maxbuffer': str(8 << 20)}

    def test_large_request_and_reply(self):
        """requests and replies of many records"""
        conn = self.connect_tls(world.client)
        path = self.fresh(conn)
        for size in (16000, 16384, 16385, 100000, 1 << 20, (8 << 20) - 200):
            data = os.urandom(1 << 10) * (size >> 10) + b'x' * (size & 1023)
            self.expect(conn, zk.set_data(path, data), 0)
            self.assertEqual(self.expect(conn, zk.get_data(path),
                                         0).body['data'], data)

    def test_pipeline(self):
        """thousands of requests at once are answered in order"""
        conn = self.connect_tls(world.client)
        path = self.fresh(conn, b'x' * 100)
        for _ in range(3):
            conn.post(*[zk.get_data(path) for _ in range(5000)])
            for _ in range(5000):
                self.assertEqual(conn.next_reply().err, 0)

    def test_record_for_each_byte(self):
        """a request in a record for each of its bytes"""
        conn = self.open_tls(world.client)
        request = zk.connect_request()
        for byte in struct.pack('>i', len(request)) + request:
            conn.send_raw(bytes([byte]))
        self.assertNotEqual(conn.handshake_reply().session, 0)

    def test_slow_reader(self):
        """what waits for one that does not read is bounded and all there"""
        conn = self.connect_tls(world.client, timeout=20000)
        data = os.urandom(1 << 20)
        path = self.fresh(conn, data)
        conn.post(*[zk.get_data(path) for _ in range(100)])
        other = self.connect_tls(world.client)
        for _ in range(200):
            self.expect(other, zk.get_data(path + '/none'), -101)
        for _ in range(100):
            self.assertEqual(conn.next_reply().body['data'], data)
        self.expect(conn, zk.ping(), 0)

    def test_no_reader_at_all(self):
        """one that never reads goes when it leaves, and harms nobody"""
        conn = self.connect_tls(world.client)
        path = self.fresh(conn, os.urandom(1 << 20))
        conn.post(*[zk.get_data(path) for _ in range(30)])
        before = self.server.metric('num_alive_connections')
        conn.socket.close()
        self.server.await_metric('num_alive_connections', before - 1)


class UnifiedCase(tlsclient.SecureCase):
    """The plain port takes TLS, too; there is no other."""

    store = {'secureClientPort': None, 'secureClientPortAddress': None,
             'client.portUnification': 'true', 'ssl.clientAuth': 'want'}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.secure = cls.server.address


class Unified(UnifiedCase):
    """Clients of either kind."""

    def test_both(self):
        plain, secure = self.connect(), self.connect_tls(world.client)
        path = self.fresh(plain)
        self.expect(secure, zk.set_data(path, b'1'), 0)
        self.assertEqual(whoami(plain), [('ip', '127.0.0.1')])
        self.assertEqual(whoami(secure)[1],
                         ('x509', world.client.subject))
        self.assertEqual(self.word('ruok'), 'imok')
        self.assertEqual(
            zk.four_letter_word(self.server.address, 'ruok'), 'imok')
        conf = zk.four_letter_word(self.server.address, 'conf')
        self.assertIn('secureClientPort=-1\n', conf)

    def test_first_bytes_one_by_one(self):
        made = self.tcp()
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b'ruok':
            made.sendall(bytes([byte]))
        self.assertEqual(self.assert_tcp_closes(made), b'imok')


class UnifiedSilence(UnifiedCase):
    """Nobody is served here: on a busy machine that might take as long."""

    properties = {'zookeeper.zkd.handshakeTimeoutMs': '1000'}

    def test_silence(self):
        """who says nothing is closed in time, and not before"""
        begin = time.monotonic()
        made = self.tcp()
        self.assertEqual(self.assert_tcp_closes(made), b'')
        self.assertGreater(time.monotonic() - begin, 0.9)
        self.server.await_log('nothing has come after 1000 ms')


class GoldenOverTls(test_golden_frames.GoldenFrames):
    """The frames are the same inside of TLS."""

    def setUp(self):
        self.server = tlsclient.SecureServer(
            world, store={'ssl.clientAuth': 'none'})
        self.addCleanup(self.server.close)
        self.server.start()
        self.newest = self.server.newest
        self.frames = test_golden_frames.Frames(self.newest)

    def open(self):
        conn = self.server.open_tls()
        self.addCleanup(conn.close)
        return conn


class PoisonOverTls(tlsclient.SecureCase):
    """Bytes that hurt, a sample."""

    home = '/'
    closes = test_poison.Bytes.closes
    test_first_length = test_poison.Bytes.test_first_length
    test_later_length = test_poison.Bytes.test_later_length
    test_short_frames = test_poison.Bytes.test_short_frames
    test_short_connect = test_poison.Bytes.test_short_connect
    test_byte_by_byte = test_poison.Bytes.test_byte_by_byte
    _samples = test_poison.Bytes._samples
    _mutate = staticmethod(test_poison.Bytes._mutate)

    def open(self):
        return self.open_tls(world.client)

    def connect(self, **fields):
        return self.connect_tls(world.client, **fields)

    def test_mutated_frames(self):
        rng = test_poison.random.Random(harness.seed())
        self.home = self.fresh(self.connect())
        ctx = tlsclient.context(world.ca, world.client)
        for _ in range(60):
            conn = self.server.connect_tls(ctx=ctx)
            request = rng.choice(self._samples())
            body = bytearray(request.body)
            self._mutate(rng, body)
            try:
                conn.post(zk.Request(request.op, bytes(body)),
                          zk.close_session())
                conn.wait_closed()
            except (zk.Closed, OSError):
                pass
            conn.close()
        self.expect(self.connect(), zk.get_data(self.home), 0)


@unittest.skipUnless(HAVE_KAZOO, 'kazoo (python3-kazoo) is not installed')
class Kazoo(tlsclient.SecureCase):

    def client(self, certificate, **more):
        client = KazooClient(
            'localhost:%d' % self.server.secure[1], timeout=10.0,
            use_ssl=True, ca=world.ca.cert,
            certfile=certificate.key_store(),
            keyfile=certificate.key, **more)
        client.start(PATIENCE)
        self.addCleanup(client.close)
        self.addCleanup(client.stop)
        return client

    def test_nodes_watches_and_acls(self):
        k = self.client(world.client)
        seen = threading.Event()
        acl = make_acl('x509', world.client.subject, all=True)
        k.create('/kazoo', b'one', acl=[acl])
        k.get('/kazoo', watch=lambda event: seen.set())
        k.set('/kazoo', b'two')
        self.assertTrue(seen.wait(PATIENCE))
        writes = [k.set_async('/kazoo', b'%d' % n) for n in range(1000)]
        for write in writes:
            write.get(timeout=PATIENCE)
        self.assertEqual(k.get('/kazoo')[0], b'999')
        other = self.client(world.chained)
        with self.assertRaises(Exception) as caught:
            other.get('/kazoo')
        self.assertEqual(type(caught.exception).__name__, 'NoAuthError')

    def test_reconnect(self):
        """the session lives on when its connection does not"""
        k = self.client(world.client)
        k.create('/kazoo-e', ephemeral=True)
        session = k.client_id[0]
        self.server.restart()
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                k.get_async('/kazoo-e').get(timeout=PATIENCE)
                break
            except Exception:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
        self.assertEqual(k.client_id[0], session)


@unittest.skipUnless(servers.java_available()
                     and all(map(os.path.exists, NETTY)),
                     'Apache\'s client with Netty is not installed')
class Shell(tlsclient.SecureCase):
    """Apache's zkCli.sh."""

    def run_shell(self, certificate, *words):
        defines = ['-D%s=%s' % item for item in certs.properties(
            'zookeeper.ssl.', certificate, world.ca, 'JKS').items()]
        path = os.environ.get('ZK_JAVA_CP', servers.JAVA_CP)
        return subprocess.run(
            [os.environ.get('ZK_JAVA', 'java'), '-Xshare:auto',
             '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC',
             '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
             '-Dzookeeper.client.secure=true',
             '-Dzookeeper.clientCnxnSocket='
             'org.apache.zookeeper.ClientCnxnSocketNetty', *defines,
             '-cp', ':'.join([path] + NETTY),
             'org.apache.zookeeper.ZooKeeperMain', '-waitforconnection',
             '-timeout', '30000', '-server',
             'localhost:%d' % self.server.secure[1], *words],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=120)

    def test_shell(self):
        done = self.run_shell(world.client, 'create', '/shell', 'hello',
                              'auth:anything:cdrwa')
        self.assertEqual(done.returncode, 0, done.stderr)
        # The id is what Java itself makes of the certificate.
        done = self.run_shell(world.client, 'getAcl', '/shell')
        # zkCli.sh prints a comma inside of an id so.
        self.assertIn("'x509,'%s\n: cdrwa" % world.client.subject.replace(',', '%2C'), done.stdout, done.stderr)
        done = self.run_shell(world.client, 'get', '/shell')
        self.assertIn('hello', done.stdout, done.stderr)


class Zkcli(tlsclient.SecureCase):
    """The shell of this project."""

    store = {'ssl.clientAuth': 'want'}

    def run_zkcli(self, found, *words, file=False):
        """One command, with properties as -D words or in a file."""
        found = dict(found, **{
            'zookeeper.client.secure': 'true',
            'zookeeper.clientCnxnSocket':
                'org.apache.zookeeper.ClientCnxnSocketNetty'})
        if file:
            path = os.path.join(world.folder, 'zkcli.properties')
            with open(path, 'w') as out:
                out.writelines('%s=%s\n' % item for item in found.items())
            options = ['-client-configuration', path]
        else:
            options = ['-D%s=%s' % item for item in found.items()]
        return shells.run([shells.zkcli_path()] + options + [
            '-timeout', '9000', '-server', '%s:%d' % (
                tlsclient.NAME, self.server.secure[1])] + list(words))

    def test_zkcli(self):
        """by each kind of store, as options and in a file"""
        for kind in ('PEM', 'PKCS12', 'JKS'):
            found = certs.properties('zookeeper.ssl.', world.client,
                                     world.ca, kind)
            for file in (False, True):
                done = self.run_zkcli(found, 'whoami', file=file)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn('Secure connection is enabled', done.stdout)
                self.assertIn('x509: ' + world.client.subject, done.stdout)

    def test_refused(self):
        """a server that is not trusted, and stores that are not there"""
        found = certs.properties('zookeeper.ssl.', None, world.other_ca)
        done = self.run_zkcli(found, 'ls', '/')
        self.assertEqual(done.returncode, 1)
        self.assertIn('ConnectionLoss', done.stderr)
        found['zookeeper.ssl.trustStore.location'] = '/nowhere.pem'
        done = self.run_zkcli(found, 'ls', '/')
        self.assertEqual(done.returncode, 1)
        self.assertIn('/nowhere.pem', done.stderr)
        self.assertEqual(done.stdout, '')


if __name__ == '__main__':
    # kazoo reports the restarts that the tests themselves bring about.
    logging.getLogger('kazoo').setLevel(logging.CRITICAL + 1)
    harness.main(__name__, warnings='ignore')
