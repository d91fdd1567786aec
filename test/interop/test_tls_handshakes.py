#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Handshakes of TLS clients: those that fail, stall and come in crowds, what
stores a server starts with, and keys that change while clients work.
"""

import http.server
import itertools
import os
import shutil
import socket
import ssl
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), 'lib'))

import harness                          # noqa: E402
import servers                          # noqa: E402
import tlsclient                        # noqa: E402
import zkwire as zk                     # noqa: E402
from tlsclient import certs             # noqa: E402

PATIENCE = tlsclient.PATIENCE
world = None


def setUpModule():
    global world
    world = tlsclient.set_up_module()


class Handshakes(tlsclient.SecureCase):
    """Handshakes that do not come to a good end; certificates are needed."""

    def setUp(self):
        super().setUp()
        self.bystander = self.connect_tls(world.client)
        self.addCleanup(lambda: self.expect(self.bystander, zk.ping(), 0))
        self.failed = self.server.metric('unsuccessful_handshake')
        self.auth_failed = self.server.metric('auth_failed_count')

    def assert_counted(self):
        self.server.await_metric('unsuccessful_handshake', self.failed + 1)
        self.server.await_metric('auth_failed_count', self.auth_failed + 1)

    def test_missing_certificate(self):
        self.assert_refused(None, 'client .*: TLS handshake: peer sent no '
                            'certificate')
        self.assert_counted()

    def test_expired_certificate(self):
        self.assert_refused(world.expired, 'TLS handshake: certificate expired '
                            '.*CN=expired')
        self.assert_counted()

    def test_future_certificate(self):
        self.assert_refused(world.future, 'TLS handshake: certificate is not '
                            'valid before .*CN=future')
        self.assert_counted()

    def test_foreign_certificate(self):
        self.assert_refused(world.foreign, 'TLS handshake: .*issuer.*'
                            'CN=foreign')
        self.assert_counted()

    def test_client_that_does_not_trust_us(self):
        """the alert of the client is told"""
        self.assert_refused(None, 'TLS handshake: peer does not trust the '
                            'issuer of our certificate',
                            ctx=tlsclient.context(world.other_ca,
                                                  world.client))
        self.assert_counted()

    def test_plain_text(self):
        """a word and a request in plain text, to the port for TLS"""
        request = zk.connect_request()
        for n, data in enumerate((
                b'ruok', b'GET / HTTP/1.1\r\n\r\n',
                struct.pack('>i', len(request)) + request, b'\0')):
            made = self.tcp()
            made.sendall(data)
            self.assertEqual(self.assert_tcp_closes(made), b'')
            self.server.await_log('it sent plain text to the port for TLS',
                                  n + 1)

    def test_tls_to_the_plain_port(self):
        made = self.tcp(self.server.address)
        made.sendall(tlsclient.hello(world))
        self.assertEqual(self.assert_tcp_closes(made), b'')
        self.server.await_log('it speaks TLS to a port for plain text')

    def test_garbage_that_looks_like_tls(self):
        made = self.tcp()
        made.sendall(b'\x16\x03\x01\x00\x20' + b'\xff' * 32)
        self.assert_tcp_closes(made)
        self.server.await_log('client .*: TLS handshake: unexpected message')
        self.assert_counted()


class Stalls(tlsclient.SecureCase):
    """Handshakes that do not come to any end.  No good one is made here: on a
    busy machine it might take as long."""

    properties = {'zookeeper.zkd.handshakeTimeoutMs': '1000'}

    def test_stalls(self):
        """nothing, half a record, half a hello, a byte now and then: all are
        closed in time, and not before"""
        failed = self.server.metric('unsuccessful_handshake')
        first = tlsclient.hello(world)
        begin = time.monotonic()
        made = [self.tcp() for _ in range(4)]
        made[1].sendall(first[:1])
        made[2].sendall(first[:len(first) // 2])
        over = threading.Event()
        dripping = threading.Thread(target=self._drip,
                                    args=(made[3], first, over))
        dripping.start()
        try:
            for one in made:
                self.assert_tcp_closes(one)
                self.assertGreater(time.monotonic() - begin, 0.9)
        finally:
            over.set()
            dripping.join()
        self.server.await_metric('unsuccessful_handshake', failed + 4)
        self.server.await_metric('outstanding_tls_handshake', 0)
        self.server.await_log('TLS handshake: nothing has come after 1000 ms')
        self.server.await_log('TLS handshake: not complete after 1000 ms')

    @staticmethod
    def _drip(made, data, over):
        """A byte now and then, until nobody listens any more."""
        try:
            for byte in data:
                made.sendall(bytes([byte]))
                if over.wait(0.1):
                    return
        except OSError:
            pass


class Crowds(tlsclient.SecureCase):
    """Many handshakes at a time; the log tells of some only."""

    def setUp(self):
        super().setUp()
        self.bystander = self.connect_tls(world.client)
        self.failed = self.server.metric('unsuccessful_handshake')

    def test_clients_that_go_away(self):
        """at every stage of a handshake"""
        first = tlsclient.hello(world)
        for size in (0, 1, 5, len(first) // 2, len(first)):
            for reset in (False, True):
                made = self.tcp()
                made.sendall(first[:size])
                if reset:
                    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                    struct.pack('ii', 1, 0))
                made.close()
        self.server.await_metric('unsuccessful_handshake', self.failed + 10)
        self.server.await_metric('outstanding_tls_handshake', 0)

    def test_flood(self):
        """hundreds of handshakes, whole and stalled ones, and one that
        works"""
        first = tlsclient.hello(world)
        stalled = [self.tcp() for _ in range(200)]
        for n, made in enumerate(stalled):
            made.sendall(first[:n])
        workers = [threading.Thread(target=self._shake_hands)
                   for _ in range(4)]
        self.good = []
        for worker in workers:
            worker.start()
        path = self.fresh(self.bystander)
        while any(worker.is_alive() for worker in workers):
            self.expect(self.bystander, zk.set_data(path, b'on'), 0)
        self.assertEqual(len(self.good), 100)
        for made in stalled:
            self.assert_tcp_closes(made)

    def _shake_hands(self):
        ctx = tlsclient.context(world.ca, world.client)
        for _ in range(25):
            conn = self.server.connect_tls(ctx=ctx)
            self.good.append(conn.session)
            self._end(conn)


class Names(tlsclient.SecureCase):

    store = {'ssl.clientHostnameVerification': 'true'}

    def test_name_of_a_client(self):
        """a client's certificate must be for where it comes from"""
        self.expect(self.connect_tls(world.client), zk.ping(), 0)
        self.assert_refused(world.wrong_name,
                            'TLS handshake: certificate is not for '
                            '127.0.0.1')


class Page(http.server.BaseHTTPRequestHandler):
    """Says the same to everybody, and notes who asks."""

    def do_GET(self):
        self.server.asked.append(self.path)
        self.rfile.read(int(self.headers.get('Content-Length', 0)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.content)

    do_POST = do_GET

    def log_message(self, *words):      # pylint: disable=arguments-differ
        pass


class Asking(tlsclient.SecureCase):
    """A responder that takes questions and never answers."""

    store = {'ssl.ocsp': 'true'}
    numbers = itertools.count()

    def setUp(self):
        super().setUp()
        self.hanging = socket.create_server((servers.HOST, 0), backlog=128)
        self.addCleanup(self.hanging.close)
        self.asked = []
        self.listener = threading.Thread(target=self._take_questions)
        self.listener.start()
        self.addCleanup(self._stop_listening)
        self.crl = world.ca.crl(os.path.join(world.folder, 'all.crl'))
        self.good = world.ca.issue(
            'not-revoked', extensions='crlDistributionPoints=URI:file://%s\n'
            % self.crl)

    def _take_questions(self):
        try:
            while True:
                self.asked.append(self.hanging.accept()[0])
        except OSError:
            pass

    def _stop_listening(self):
        self.hanging.shutdown(socket.SHUT_RDWR)
        self.listener.join()
        for one in self.asked:
            one.close()

    def _certificate(self, turn, first=None):
        """One whose responder hangs; another place each time, as one that
        hung is left alone.  'first' is a web server that is asked before."""
        urls = [first.url] if first else []
        urls.append('http://%s:%d/%d' % (*self.hanging.getsockname(), turn))
        return world.ca.issue(
            'hanging%d' % next(self.numbers),
            extensions='authorityInfoAccess=%s\n' % ','.join(
                'OCSP;URI:' + url for url in urls))

    def _await_asked(self, count):
        deadline = time.monotonic() + PATIENCE
        while len(self.asked) < count:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def _page(self, content):
        """A web server."""
        page = http.server.ThreadingHTTPServer((servers.HOST, 0), Page)
        page.content, page.asked = content, []
        page.url = 'http://%s:%d/' % page.server_address
        thread = threading.Thread(target=page.serve_forever)
        thread.start()
        self.addCleanup(page.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(page.shutdown)
        return page

    def _list(self):
        """A web server with the list of those that are revoked."""
        with open(self.crl, 'rb') as file:
            return self._page(file.read())


class AskingCrowds(Asking):
    """Many who need the one that hangs; the log tells of some only."""

    # More than there are threads of any kind.
    ASKING = 24
    # Of those that ask, for one place (TH_ASKERS_A_PLACE).
    AT_ONE_PLACE = 4
    TIMES = 5

    def _works_meanwhile(self, turn):
        """Do others get in before any of those that wait is refused?"""
        ctx = tlsclient.context(world.ca, self._certificate(turn))
        failed = self.server.metric('unsuccessful_handshake')
        asked = len(self.asked)
        for _ in range(self.ASKING):
            # It is complete for a client before the server has asked.
            self.open_tls(ctx=ctx)
        self._await_asked(asked + 1)
        for _ in range(self.ASKING):
            self.expect(self.connect_tls(self.good), zk.ping(), 0)
        before = self.server.metric('unsuccessful_handshake')
        self.server.await_metric('unsuccessful_handshake',
                                 failed + self.ASKING)
        self.server.await_metric('outstanding_tls_handshake', 0)
        return before == failed

    def test_responder_that_hangs(self):
        """it holds up nobody whose certificate does not need it"""
        # The list is kept from now on.
        self.expect(self.connect_tls(self.good), zk.ping(), 0)
        # On a busy machine all of it may take longer than the wait.
        self.assertTrue(any(self._works_meanwhile(turn)
                            for turn in range(self.TIMES)))
        self.server.await_log('TLS handshake: cannot tell whether the '
                              'certificate of CN=hanging')

    def _others_get_in(self, turn):
        """Do those get in who need another place than the one that hangs,
        which is asked by some only?  Those ask it behind others."""
        useless = [self._page(b'no answer')
                   for _ in range(self.ASKING // self.AT_ONE_PLACE)]
        other = self._list()
        needs = world.ca.issue(
            'elsewhere%d' % turn, extensions='crlDistributionPoints=URI:%s'
            '%d.crl\n' % (other.url, turn))
        contexts = [tlsclient.context(world.ca, self._certificate(turn, page))
                    for page in useless]
        failed = self.server.metric('unsuccessful_handshake')
        asked = len(self.asked)
        for ctx in contexts * self.AT_ONE_PLACE:
            self.open_tls(ctx=ctx)
        self._await_asked(asked + 1)
        self.expect(self.connect_tls(needs), zk.ping(), 0)
        self.assertEqual(other.asked, ['/%d.crl' % turn])
        before = self.server.metric('unsuccessful_handshake')
        self.server.await_metric('unsuccessful_handshake',
                                 failed + self.ASKING)
        self.server.await_metric('outstanding_tls_handshake', 0)
        return (before == failed
                and len(self.asked) - asked <= self.AT_ONE_PLACE)

    def test_another_place(self):
        """one that hangs and is not yet known to takes a part of those who
        ask: who needs another one does not wait for it"""
        # On a busy machine all of it may take longer than the wait.
        self.assertTrue(any(self._others_get_in(turn)
                            for turn in range(self.TIMES)))


class Revocation(Asking):
    """Few who need it, or another one."""

    def test_one_place_after_the_other(self):
        """each is asked once, whatever it says"""
        useless, good = self._page(b'no answer'), self._list()
        both = world.ca.issue(
            'both', extensions='authorityInfoAccess=OCSP;URI:%s1,OCSP;URI:'
            '%s2\ncrlDistributionPoints=URI:%s3,URI:%s4\n'
            % (useless.url, useless.url, useless.url, good.url))
        self.expect(self.connect_tls(both), zk.ping(), 0)
        self.assertEqual(useless.asked, ['/1', '/2', '/3'])
        self.assertEqual(good.asked, ['/4'])

    def test_left_alone(self):
        """who comes while it is known to hang is refused at once, and so
        told; not for good"""
        ctx = tlsclient.context(world.ca, self._certificate(0))
        conn = self.open_tls(ctx=ctx)
        self._await_asked(1)
        with self.assertRaises((ssl.SSLError, zk.Closed, ConnectionError)):
            conn.handshake()
        self.assert_refused(None, 's ago and is left alone for now', ctx=ctx)
        self.assertEqual(len(self.asked), 1)

    def test_left_alone_where_time_is_short(self):
        """also where a handshake has 5 s, as between servers"""
        server = tlsclient.SecureServer(
            world, properties={'zookeeper.zkd.handshakeTimeoutMs': '5000'},
            store=self.store)
        self.addCleanup(server.discard)
        server.start()
        ctx = tlsclient.context(world.ca, self._certificate(0))
        for _ in range(2):
            conn = server.open_tls(ctx=ctx)
            self.addCleanup(conn.close)
            with self.assertRaises((ssl.SSLError, zk.Closed,
                                    ConnectionError)):
                conn.handshake()
        server.await_log('s ago and is left alone for now')
        self.assertEqual(len(self.asked), 1)

    def test_stop(self):
        """a server that waits for a responder does not wait with its end"""
        server = tlsclient.SecureServer(world, store=self.store)
        self.addCleanup(server.discard)
        server.start()
        place = 'OCSP;URI:http://%s:%d/' % self.hanging.getsockname()
        # Together they take all the time of a handshake.
        waits = world.ca.issue('stopped', extensions='authorityInfoAccess=%s'
                               '1,%s2\n' % (place, place))
        conn = server.open_tls(waits)
        self.addCleanup(conn.close)
        self._await_asked(1)
        begin = time.monotonic()
        server.stop()
        self.assertLess(time.monotonic() - begin, 6)

    def test_revoked(self):
        """the first time the connection just ends, then there is an alert"""
        path = os.path.join(world.folder, 'revoked.crl')
        revoked = world.ca.issue(
            'revoked', extensions='crlDistributionPoints=URI:file://%s\n'
            % path)
        world.ca.revoke(revoked)
        world.ca.crl(path)
        self.assert_refused(revoked, 'certificate is revoked: CN=revoked')
        with self.assertRaisesRegex(ssl.SSLError,
                                    '(?i)certificate.revoked'):
            self.open_tls(revoked).socket.recv(1)


class Limits(tlsclient.SecureCase):

    properties = {'zookeeper.netty.server.outstandingHandshake.limit': '5'}
    config = {'maxClientCnxns': '8'}

    def test_handshakes_under_way(self):
        """beyond the limit they are closed at once"""
        stalled = [self.tcp() for _ in range(5)]
        self.server.await_metric('outstanding_tls_handshake', 5)
        exceeded = self.server.metric('tls_handshake_exceeded')
        one_more = self.tcp()
        self.assertEqual(self.assert_tcp_closes(one_more), b'')
        self.assertEqual(self.server.metric('tls_handshake_exceeded'),
                         exceeded + 1)
        self.server.await_log('too many TLS handshakes are under way')
        for made in stalled:
            made.close()
        self.server.await_metric('outstanding_tls_handshake', 0)
        self.expect(self.connect_tls(world.client), zk.ping(), 0)

    def test_connections_of_an_address(self):
        """each port has its own limit; handshakes count"""
        conns = [self.connect_tls(world.client) for _ in range(6)]
        conns += [self.tcp(), self.tcp()]
        rejected = self.server.metric('connection_rejected')
        try:
            self.assert_tcp_closes(self.tcp())
        except ConnectionError:
            pass                # Closed before connect() returned.
        self.server.await_metric('connection_rejected', rejected + 1)
        self.expect(self.connect(), zk.ping(), 0)
        self.server.await_log('Too many connections from /127.0.0.1 - max '
                              'is 8')


class Stores(unittest.TestCase):
    """What a server says at its start that cannot read its stores."""

    def setUp(self):
        self.servers = []
        self.addCleanup(lambda: [s.discard() for s in self.servers])

    def fails(self, pattern, **store):
        server = tlsclient.SecureServer(
            world, store={'ssl.' + key.replace('__', '.'): value
                          for key, value in store.items()})
        self.servers.append(server)
        server.start(wait=False)
        code = server.process.wait(PATIENCE)
        server._gone()
        self.assertEqual(code, 2, server.log_tail())
        self.assertRegex(server.log(), pattern)

    def test_no_key_store(self):
        self.fails('ssl.keyStore.location',
                   keyStore__location=None)

    def test_key_store_that_is_not_there(self):
        self.fails('/no/such/store',
                   keyStore__location='/no/such/store.pem')

    def test_wrong_password(self):
        for kind in certs.KINDS:
            path = world.server.key_store(kind, **(
                {'encrypted': True} if kind == 'PEM' else {}))
            with self.subTest(kind):
                self.fails('(?i)%s.*password' % os.path.basename(path),
                           keyStore__location=path,
                           keyStore__password='wrong')

    def test_damaged_store(self):
        for kind in certs.KINDS:
            path = world.server.key_store(kind)
            with open(path, 'rb') as file:
                data = file.read()
            bad = path + '.damaged' + certs.EXTENSIONS[kind]
            with open(bad, 'wb') as file:
                file.write(data[:len(data) // 2])
            with self.subTest(kind):
                self.fails(os.path.basename(bad), keyStore__location=bad,
                           keyStore__password=certs.PASSWORD)

    def test_unification_needs_a_key_store(self):
        server = tlsclient.SecureServer(world, store={
            'secureClientPort': None, 'secureClientPortAddress': None,
            'client.portUnification': 'true',
            'ssl.keyStore.location': None})
        self.servers.append(server)
        server.start(wait=False)
        self.assertEqual(server.process.wait(PATIENCE), 2)
        server._gone()

    def test_kinds(self):
        """all kinds of stores serve"""
        for kind in certs.KINDS:
            with self.subTest(kind):
                server = tlsclient.SecureServer(
                    world, store=certs.properties('ssl.', world.server,
                                                  world.ca, kind))
                self.servers.append(server)
                server.start()
                conn = server.connect_tls(world.client)
                self.assertEqual(conn.call(zk.ping()).err, 0)
                conn.close()
                server.stop()

    def test_secure_port_alone(self):
        """a server without a plain port, and either name of a factory"""
        for factory in ('NIO', 'Netty'):
            server = tlsclient.SecureServer(world, store={
                'serverCnxnFactory': 'org.apache.zookeeper.server.'
                                     '%sServerCnxnFactory' % factory})
            self.servers.append(server)
            del server.config['clientPort']
            del server.config['clientPortAddress']
            server.start(wait=False)
            server.await_log('serving clients at')
            ctx = tlsclient.context(world.ca, world.client)
            self.assertIn('clientPort=-1\nsecureClientPort=%d\n'
                          % server.secure[1],
                          tlsclient.word(server.secure, ctx, 'conf'))
            server.stop()


class Rotation(tlsclient.SecureCase):
    """Keys that change while clients work."""

    @classmethod
    def setUpClass(cls):
        cls.path = os.path.join(world.folder, 'rotated.pem')
        shutil.copy(world.server.key_store(), cls.path)
        cls.store = {'ssl.keyStore.location': cls.path,
                     'client.certReload': 'true'}
        super().setUpClass()

    def serial(self):
        """Of the certificate that the server shows now."""
        conn = self.open_tls(world.client)
        return conn.socket.getpeercert()['serialNumber']

    def replace(self, data):
        temporary = self.path + '.new'
        with open(temporary, 'wb') as file:
            file.write(data)
        os.rename(temporary, self.path)

    def await_serial(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition(self.serial()):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def work(self, conn, path):
        while not self.over:
            if conn.call(zk.set_data(path, b'x')).err != 0:
                return
        self.worked.append(conn.session)

    def test_rotation_under_load(self):
        before = self.serial()
        conns = [self.connect_tls(world.client) for _ in range(8)]
        path = self.fresh(conns[0])
        self.over, self.worked = False, []
        workers = [threading.Thread(target=self.work, args=(conn, path))
                   for conn in conns]
        for worker in workers:
            worker.start()
        try:
            for turn in range(2):
                fresh = world.ca.issue('rotated-%d' % turn)
                with open(fresh.key_store(), 'rb') as file:
                    self.replace(file.read())
                self.await_serial(lambda serial: serial != before)
                before = self.serial()
            # A store that is broken changes nothing, and is told of.
            self.replace(b'-----BEGIN PRIVATE KEY-----\nno\n')
            self.server.await_log('the old keys stay in use: .*rotated.pem')
            self.assertEqual(self.serial(), before)
            with open(world.server.key_store(), 'rb') as file:
                self.replace(file.read())
            self.await_serial(lambda serial: serial != before)
        finally:
            self.over = True
            for worker in workers:
                worker.join(PATIENCE)
        self.assertEqual(sorted(self.worked),
                         sorted(conn.session for conn in conns))


if __name__ == '__main__':
    harness.main(__name__)
