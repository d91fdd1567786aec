# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""What every test module here shares: which server, which seed, main().

Environment (or the option of the same meaning, see main()):
  ZK_TEST_SERVER   zkd (default) or java: the server under test
  ZK_TEST_SEED     seed of the random parts (default: a fixed number)
  ZK_TEST_OPS      length of the differential script
  ZK_TEST_LIMIT    seconds after which a run is ended as a failure

main() ends with 0 when all passed, 1 on failure and 77 (automake's "skip")
when every test was skipped, for example because Java is not installed.
"""

import faulthandler
import os
import sys
import unittest

import servers
import zkwire

DEFAULT_SEED = 20090


def subject():
    """The kind of server under test."""
    return os.environ.get('ZK_TEST_SERVER', 'zkd')


def seed():
    return int(os.environ.get('ZK_TEST_SEED', DEFAULT_SEED))


def need_java():
    if not servers.java_available():
        raise unittest.SkipTest('the Apache server (Debian: zookeeper, '
                                'libzookeeper-java) is not installed')


def started(server):
    """The server, once it has started; if it does not, nothing is left."""
    try:
        server.start()
    except BaseException:
        server.discard()
        raise
    return server


def start(kind, *more):
    """A server of that kind; skips where Java's is not installed."""
    if kind == 'java':
        need_java()
    return started(servers.Server(kind, *more))


class ServerCase(unittest.TestCase):
    """Test methods that share one server; each must leave it alive."""

    config = {}
    properties = {}
    server = None
    count = 0

    @classmethod
    def setUpClass(cls):
        cls.server = start(subject(), cls.config, cls.properties)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.newest = self.server.newest
        if not self.server.alive():
            # One test that kills the server must not hide the others.
            self.server.kill()
            self.server.start()
        self.addCleanup(self.server.check_alive)

    def connect(self, **fields):
        """A connection with a session, closed with the test."""
        fields.setdefault('timeout', 20000)
        conn = self.server.connect(**fields)
        self.addCleanup(self._end, conn)
        return conn

    def open(self):
        """A TCP connection without a session."""
        conn = zkwire.Conn(self.server.address)
        self.addCleanup(conn.close)
        return conn

    @staticmethod
    def _end(conn):
        """Closes a session so that it leaves nothing behind."""
        try:
            if conn.session and conn.socket.fileno() >= 0:
                conn.post(zkwire.close_session())
                conn.wait_closed(5.0)
        except (OSError, zkwire.Closed, zkwire.Timeout,
                zkwire.DecodeError):
            pass
        conn.close()

    def fresh(self, conn, data=b''):
        """Creates a node with a name of its own and returns its path."""
        ServerCase.count += 1
        path = '/n%d' % ServerCase.count
        self.expect(conn, zkwire.create(path, data), 0)
        return path

    def expect(self, conn, request, err):
        """Calls and checks the error code; returns the Reply."""
        reply = conn.call(request)
        self.assertEqual(reply.err, err, '%s answered %r' % (request,
                                                             reply))
        self.assertEqual(reply.rest, b'', '%s: bytes behind the body of %r'
                         % (request, reply))
        return reply

    def assert_closes(self, conn, frames=0):
        """The server closes after exactly this many frames."""
        got = conn.wait_closed()
        self.assertEqual(len(got), frames, [f.hex() for f in got])
        return got


def main(name, warnings=None):
    """Runs the module's tests; options of ours precede unittest's.

    --java          run against the Apache server instead of zkd
    --zkd PATH      which zkd
    --seed N        seed of the random parts
    --ops N         length of the differential script
    """
    args = sys.argv[1:]
    names = {'--zkd': 'ZKD', '--seed': 'ZK_TEST_SEED',
             '--ops': 'ZK_TEST_OPS'}
    while args and (args[0] == '--java' or args[0] in names):
        option = args.pop(0)
        if option == '--java':
            os.environ['ZK_TEST_SERVER'] = 'java'
        else:
            os.environ[names[option]] = args.pop(0)
    faulthandler.dump_traceback_later(
        float(os.environ.get('ZK_TEST_LIMIT', '180')), exit=True)
    program = unittest.main(module=name, argv=[sys.argv[0]] + args,
                            exit=False, warnings=warnings)
    faulthandler.cancel_dump_traceback_later()
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    # A class skipped as a whole counts as one skip and no test run.
    if result.skipped and result.testsRun <= len(result.skipped):
        sys.exit(77)
    sys.exit(0)
