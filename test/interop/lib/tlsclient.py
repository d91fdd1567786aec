# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Servers with a port for TLS, and connections to it."""

import os
import re
import socket
import ssl
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), '../../lib'))

import certs                            # noqa: E402
import harness                          # noqa: E402
import servers                          # noqa: E402
import zkwire                           # noqa: E402

PATIENCE = 20.0
# What a client calls the server; the certificate has it.
NAME = 'localhost'


def context(trusted, certificate=None, version=None):
    """For a client that trusts 'trusted' and shows 'certificate'; 'version'
    is the only one it speaks."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(trusted.cert)
    if certificate is not None:
        made.load_cert_chain(certificate.key_store('PEM'))
    if version is not None:
        made.minimum_version = made.maximum_version = version
    return made


class TlsConn(zkwire.Conn):
    """A zkwire.Conn over TLS."""

    def __init__(self, address, ctx, timeout=PATIENCE, session=None):
        super().__init__(address, timeout)
        try:
            self.socket = ctx.wrap_socket(self.socket, server_hostname=NAME,
                                          session=session)
        except BaseException:
            self.socket.close()
            raise

    def send_raw(self, data):
        try:
            super().send_raw(data)
        except ssl.SSLError as error:
            raise zkwire.Closed(str(error))

    def _fill(self, deadline):
        try:
            super()._fill(deadline)
        except ssl.SSLError as error:
            raise zkwire.Closed(str(error))


def word(address, ctx, text):
    """The answer to a four-letter word that is sent inside of TLS."""
    conn = TlsConn(address, ctx)
    try:
        conn.send_raw(text.encode())
        return conn.read_to_end().decode()
    finally:
        conn.close()


class SecureServer(servers.Server):
    """zkd, or Java's server, with a plain port and one for TLS; 'store' are
    further lines of zoo.cfg, which go before those of the certificates."""

    def __init__(self, world, config=None, properties=None, store=None,
                 kind='zkd'):
        super().__init__(kind, config, properties)
        self.world = world
        self.reservation_secure = socket.socket()
        self.reservation_secure.setsockopt(socket.SOL_SOCKET,
                                           socket.SO_REUSEADDR, 1)
        self.reservation_secure.bind((servers.HOST, 0))
        self.secure = (servers.HOST,
                       self.reservation_secure.getsockname()[1])
        self.config['secureClientPort'] = str(self.secure[1])
        self.config['secureClientPortAddress'] = servers.HOST
        self.config['serverCnxnFactory'] = \
            'org.apache.zookeeper.server.NettyServerCnxnFactory'
        self.config.update(certs.properties('ssl.', world.server, world.ca))
        for key, value in (store or {}).items():
            self.config[key] = value
        for key in [k for k, v in self.config.items() if v is None]:
            del self.config[key]

    def discard(self):
        super().discard()
        self.reservation_secure.close()

    def open_tls(self, certificate=None, ctx=None, **more):
        """A TLS connection without a session."""
        return TlsConn(self.secure,
                       ctx or context(self.world.ca, certificate), **more)

    def connect_tls(self, certificate=None, ctx=None, **fields):
        """A TLS connection with a session."""
        conn = self.open_tls(certificate, ctx)
        try:
            conn.handshake(**fields)
        except BaseException:
            conn.close()
            raise
        return conn

    def log(self):
        with open(self.log_path, errors='replace') as file:
            return file.read()

    def count_log(self, pattern):
        """How many lines match the regular expression."""
        return len(re.findall(pattern, self.log()))

    def await_log(self, pattern, count=1):
        """Waits until so many lines match the regular expression."""
        deadline = time.monotonic() + PATIENCE
        while self.count_log(pattern) < count:
            if time.monotonic() > deadline:
                raise AssertionError('not in the log: %s\n%s' % (
                    pattern, self.log_tail()))
            time.sleep(0.02)

    def metric(self, name):
        """Of mntr, without its zk_."""
        text = zkwire.four_letter_word(self.address, 'mntr', PATIENCE)
        return int(re.search(r'^zk_%s\t(-?\d+)$' % name, text, re.M)[1])

    def await_metric(self, name, value):
        deadline = time.monotonic() + PATIENCE
        while self.metric(name) != value:
            if time.monotonic() > deadline:
                raise AssertionError('%s is %d, not %d' % (
                    name, self.metric(name), value))
            time.sleep(0.02)


def make_world():
    """A folder with certificates, and a function that removes it."""
    folder = tempfile.TemporaryDirectory(prefix='zkd-certs.')
    return certs.World(folder.name), folder.cleanup


def set_up_module():
    """The World of SecureCase, for the tests of a module."""
    if certs.missing():
        raise unittest.SkipTest('not installed: %s'
                                % ' '.join(certs.missing()))
    if harness.subject() == 'java':
        raise unittest.SkipTest('for zkd alone')
    SecureCase.world, cleanup = make_world()
    unittest.addModuleCleanup(cleanup)
    return SecureCase.world


class SecureCase(harness.ServerCase):
    """One server with a secure port for a class."""

    store = {}
    world = None

    @classmethod
    def setUpClass(cls):
        cls.server = harness.started(SecureServer(
            cls.world, cls.config, cls.properties, cls.store))

    def connect_tls(self, certificate=None, **more):
        more.setdefault('timeout', 20000)
        conn = self.server.connect_tls(certificate, **more)
        self.addCleanup(self._end, conn)
        return conn

    def open_tls(self, certificate=None, **more):
        conn = self.server.open_tls(certificate, **more)
        self.addCleanup(conn.close)
        return conn

    def tcp(self, address=None):
        """A bare socket to the secure port."""
        made = socket.create_connection(address or self.server.secure,
                                        PATIENCE)
        self.addCleanup(made.close)
        return made

    def word(self, text, certificate=None):
        return word(self.server.secure,
                              context(self.world.ca, certificate), text)

    def assert_tcp_closes(self, made, within=PATIENCE):
        """The server closes the bare socket; returns what it said first."""
        made.settimeout(within)
        got = b''
        try:
            while True:
                data = made.recv(4096)
                if not data:
                    return got
                got += data
        except ConnectionError:
            return got

    def assert_refused(self, certificate, pattern, **more):
        """A handshake fails, for a reason that stands in the log."""
        ctx = more.pop('ctx', None) or context(self.world.ca,
                                                         certificate)
        told = self.server.count_log(pattern)
        with self.assertRaises((ssl.SSLError, zkwire.Closed, ConnectionError)):
            conn = self.open_tls(ctx=ctx, **more)
            conn.handshake()    # TLS 1.3: the client is done first.
        self.server.await_log(pattern, told + 1)


def hello(world):
    """A ClientHello."""
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    made = context(world.ca).wrap_bio(
        into, out, server_hostname=NAME)
    try:
        made.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()
