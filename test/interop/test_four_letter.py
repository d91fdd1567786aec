#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""The four-letter words, line by line as Apache 3.8.0 lays them out.

The same traffic goes to Apache's server and to the server under test; then
each word is asked of both.  What must differ is masked by name: ids of
sessions, ports of clients, folders, versions, times.  Everything else is
compared as it stands, counts included.
"""

import os
import re
import shutil
import struct
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), 'lib'))

import harness                          # noqa: E402
import servers                          # noqa: E402
import zkwire as zk                     # noqa: E402

WORDS = ('ruok srvr stat mntr conf cons dump envi isro dirs wchs wchp wchc '
         'crst srst gtmk hash').split()
TELNET_CLOSE = b'\xff\xf4\xff\xfd'
NOT_SERVING = 'This ZooKeeper instance is not currently serving requests'
FORBIDDEN = '%s is not executed because it is not in the whitelist.\n'
NO_PROPERTY = {'zookeeper.4lw.commands.whitelist': None}

# What 3.9 added to the names of 3.8.0.
NEWER_METRICS = {
    'zk_snapshot_error_count', 'zk_snapshot_rate_limited_count',
    'zk_restore_error_count', 'zk_restore_rate_limited_count',
    'zk_avg_restore_time', 'zk_min_restore_time', 'zk_max_restore_time',
    'zk_cnt_restore_time', 'zk_sum_restore_time',
}

# Numbers of mntr that follow from the traffic alone.
SAME_VALUES = (
    'zk_server_state zk_znode_count zk_watch_count zk_ephemerals_count '
    'zk_approximate_data_size zk_global_sessions zk_local_sessions '
    'zk_num_alive_connections zk_outstanding_requests '
    'zk_connection_drop_probability zk_last_client_response_size '
    'zk_max_client_response_size zk_min_client_response_size '
    'zk_outstanding_tls_handshake zk_auth_failed_count '
    'zk_non_mtls_remote_conn_count zk_non_mtls_local_conn_count '
    'zk_packets_received zk_packets_sent '
    'zk_q_quota_count_limit_per_namespace '
    'zk_q_quota_bytes_limit_per_namespace '
    'zk_q_quota_count_usage_per_namespace '
    'zk_q_quota_bytes_usage_per_namespace').split()

DATE = (r'(Mon|Tue|Wed|Thu|Fri|Sat|Sun) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|'
        r'Sep|Oct|Nov|Dec) \d\d \d\d:\d\d:\d\d [A-Z0-9:+-]+ \d{4}')
VERSION = re.compile(r'(\d+\.\d+\.\d+-\S+), built on '
                     r'\d{4}-\d\d-\d\d \d\d:\d\d UTC$')


def raw(server, *pieces):
    """What the server sends until it closes.

    Between two pieces the server answers a word to somebody else, so that
    it has time to read the first piece by itself.
    """
    conn = zk.Conn(server.address)
    try:
        for at, piece in enumerate(pieces):
            if at > 0:
                zk.four_letter_word(server.address, 'srvr')
            conn.send_raw(piece)
        return conn.read_to_end()
    finally:
        conn.close()


class Side:
    """One server and the connections that the traffic opened."""

    def __init__(self, kind, config, properties):
        self.server = servers.Server(kind, config, properties)
        self.log_folder = None
        self.conns = []

    def start(self):
        harness.started(self.server)

    def ask(self, word):
        return zk.four_letter_word(self.server.address, word)

    def connect(self, timeout):
        conn = self.server.connect(timeout=timeout)
        self.conns.append(conn)
        return conn

    def plain(self, text):
        """The text under names that both servers share."""
        for at, conn in enumerate(self.conns):
            text = re.sub(r'0x%x\b' % conn.session, 'S%d' % at, text)
            text = re.sub(r':%d\b' % conn.socket.getsockname()[1],
                          ':C%d' % at, text)
        text = re.sub(r'127\.0\.0\.1:\d+', '127.0.0.1:ASKER', text)
        text = text.replace(self.server.folder, 'FOLDER')
        if self.log_folder:
            text = text.replace(self.log_folder, 'LOGFOLDER')
        return re.sub(r'\b%d\b' % self.server.port, 'PORT', text)

    def close(self):
        for conn in self.conns:
            conn.close()
        self.server.close()


class Traffic(unittest.TestCase):
    """Both servers with the same history, shared by the tests."""

    @classmethod
    def setUpClass(cls):
        harness.need_java()
        cls.sides = []
        try:
            for kind in ('java', harness.subject()):
                folder = tempfile.mkdtemp(prefix='zkd-interop-log.')
                side = Side(kind, {'dataLogDir': folder,
                                   'maxClientCnxns': '60'}, {})
                side.log_folder = folder
                cls.sides.append(side)
                side.start()
                cls.traffic(side)
        except BaseException:
            cls.tearDownClass()
            raise
        cls.java, cls.subject = cls.sides

    @classmethod
    def tearDownClass(cls):
        for side in cls.sides:
            try:
                side.close()
            finally:
                side.server.discard()
                shutil.rmtree(side.log_folder, ignore_errors=True)

    @staticmethod
    def traffic(side):
        """Two sessions, ephemerals, every kind of watch, quotas, and enough
        transactions for the digest log."""
        zk.four_letter_word(side.server.address, 'srst')
        a = side.connect(30000)
        b = side.connect(40000)
        for request in (
                zk.create('/a', b'x'), zk.create('/q'), zk.create('/q/r'),
                zk.create('/zookeeper/quota/q'),
                zk.create('/zookeeper/quota/q/r'),
                zk.create('/zookeeper/quota/q/r/zookeeper_limits',
                          b'count=50000,bytes=-1'),
                zk.create('/zookeeper/quota/q/r/zookeeper_stats',
                          b'count=100,bytes=100'),
                zk.create('/a/e', b'12', flags=1)):
            assert a.call(request).err == 0, request
        for number in range(140):
            assert a.call(zk.create('/q/r/n%d' % number,
                                    b'abc')).err == 0
        for request in (
                zk.create('/a/d', flags=1), zk.create('/a/d2', flags=1),
                zk.get_data('/a', True), zk.get_children('/a', True),
                zk.exists('/a/e', True), zk.add_watch('/q', 1),
                zk.add_watch('/q/r', 0)):
            assert b.call(request).err == 0, request
        assert b.call(zk.exists('/nope', True)).err == -101
        assert a.call(zk.get_data('/a', True)).err == 0
        assert a.call(zk.ping()).err == 0

    def both(self, word):
        """The answers of both, under shared names."""
        return [side.plain(side.ask(word)) for side in self.sides]

    def assert_same(self, word, mask=lambda text: text):
        java, subject = [mask(text) for text in self.both(word)]
        self.assertEqual(subject.split('\n'), java.split('\n'))
        return java

    def assert_version(self, side, text):
        found = VERSION.match(text)
        self.assertIsNotNone(found, text)
        if side.server.kind == 'zkd':
            self.assertRegex(found.group(1), r'^3\.9\.\d+-zkd-\d')


def mask_latency(text):
    text = re.sub(r'^(Zookeeper version: ).*$', r'\1VERSION', text,
                  flags=re.M)
    return re.sub(r'(?m)^(Latency min/avg/max: )\d+/\d+\.\d{1,4}/\d+$',
                  r'\1#/#.#/#', text)


def sort_block(text, first, last):
    """Sorts the lines between two lines: their order is a hash's."""
    lines = text.split('\n')
    begin = lines.index(first) + 1 if first else 0
    end = lines.index(last, begin)
    lines[begin:end] = sorted(lines[begin:end])
    return '\n'.join(lines)


class Words(Traffic):

    def test_ruok_isro_gtmk(self):
        """ruok, isro, gtmk: a word without a newline"""
        self.assertEqual(self.assert_same('ruok'), 'imok')
        self.assertEqual(self.assert_same('isro'), 'rw')
        self.assertEqual(self.assert_same('gtmk'), '306')

    def test_srvr(self):
        """srvr: all but version and latency are the same"""
        self.assert_same('srst')
        text = self.assert_same('srvr', mask_latency)
        self.assertIn('Latency min/avg/max: #/#.#/#\nReceived: 1\nSent: 1\n'
                      'Connections: 3\nOutstanding: 0\n', text)
        for side in self.sides:
            first = side.ask('srvr').split('\n')[0]
            self.assertTrue(first.startswith('Zookeeper version: '))
            self.assert_version(side, first[19:])

    def test_stat(self):
        """stat: srvr with a short line for each connection"""
        self.assert_same('srst')
        text = self.assert_same('stat', lambda t: sort_block(
            mask_latency(t), 'Clients:', ''))
        self.assertIn('\n /127.0.0.1:ASKER[0](queued=0,recved=1,sent=0)\n',
                      text)

    def test_cons(self):
        """cons: everything but times is the same"""
        def mask(text):
            text = re.sub(r'\b(est|lresp|llat|minlat|avglat|maxlat)=\d+',
                          r'\1=#', text)
            return sort_block(text, None, '')
        text = self.assert_same('cons', mask)
        self.assertIn('sid=S0,lop=PING,est=#,to=30000,lcxid=0x', text)
        self.assertEqual(text.count('\n'), 4)

    def test_conf(self):
        """conf: the same settings, ports and folders"""
        mask = lambda text: re.sub(r'(Size=)\d+', r'\1#', text)  # noqa: E731
        text = self.assert_same('conf', mask)
        self.assertIn('dataDir=FOLDER/data/version-2\n', text)
        self.assertIn('dataLogDir=LOGFOLDER/version-2\n', text)

    def test_dirs(self):
        """dirs: the sizes of the two folders (3.8.0 swaps them)"""
        self.assert_same('dirs', lambda t: re.sub(r'\d+', '#', t))
        side = self.subject
        sizes = [int(line.split(': ')[1])
                 for line in side.ask('dirs').splitlines()]
        folders = [os.path.join(side.server.folder, 'data', 'version-2'),
                   os.path.join(side.log_folder, 'version-2')]
        want = [sum(os.path.getsize(os.path.join(folder, name))
                    for name in os.listdir(folder)) for folder in folders]
        self.assertEqual(sizes if side.server.newest else sizes[::-1], want)
        self.assertIn('dataDirSize=%d\n' % sizes[0], side.ask('conf'))
        self.assertIn('dataLogSize=%d\n' % sizes[1], side.ask('conf'))

    def test_wchs(self):
        """wchs: the data table only"""
        self.assertEqual(self.assert_same('wchs'),
                         '2 connections watching 5 paths\n'
                         'Total watches:6\n')

    def test_wchp_wchc(self):
        """wchp, wchc: the same rows in blocks"""
        def blocks(text):
            self.assertTrue(text.endswith('\n\n'), repr(text[-20:]))
            found = re.findall(r'^(\S.*)\n((?:\t.*\n)+)', text, re.M)
            self.assertEqual(''.join('%s\n%s' % b for b in found) + '\n',
                             text)
            return sorted((head, sorted(rows.split('\n')))
                          for head, rows in found)
        for word in ('wchp', 'wchc'):
            java, subject = [blocks(text) for text in self.both(word)]
            self.assertEqual(subject, java)

    def test_dump(self):
        """dump: sessions, ephemerals and connections"""
        java, subject = [self.read_dump(text) for text in self.both('dump')]
        self.assertEqual(subject, java)

    def read_dump(self, text):
        """What a dump holds; checks its layout on the way."""
        found = re.match(
            r'SessionTracker dump:\n'
            r'Session Sets \((\d+)\)/\((\d+)\):\n'
            r'((?:.|\n)*)'
            r'ephemeral nodes dump:\n'
            r'Sessions with Ephemerals \((\d+)\):\n'
            r'((?:.|\n)*)'
            r'Connections dump:\n'
            r'Connections Sets \((\d+)\)/\((\d+)\):\n'
            r'((?:.|\n)*)$', text)
        self.assertIsNotNone(found, text)
        part = found.groups()
        sessions = self.read_buckets(part[2], int(part[0]), r'S\d')
        cnxns = self.read_buckets(part[7], int(part[5]),
                                  r'ip: /127\.0\.0\.1:\w+ sessionId: \w+')
        self.assertEqual(len(sessions), int(part[1]))
        self.assertEqual(len(cnxns), int(part[6]))
        owners = re.findall(r'^(S\d):\n((?:\t.*\n)+)', part[4], re.M)
        self.assertEqual(len(owners), int(part[3]))
        self.assertEqual(sum(2 + len(o[0]) + len(o[1]) for o in owners),
                         len(part[4]))
        return (sorted(sessions), sorted(cnxns),
                sorted((o[0], sorted(o[1].split('\n'))) for o in owners))

    def read_buckets(self, text, n_buckets, row):
        """The rows below "N expire at DATE:", which buckets may be empty;
        the buckets come in order of time."""
        whole = re.compile(r'(\d+) expire at %s:\n((?:\t%s\n)*)'
                           % (DATE, row))
        rows, at, n = [], 0, 0
        while at < len(text):
            found = whole.match(text, at)
            self.assertIsNotNone(found, text[at:])
            mine = re.findall(r'\t(.*)\n', found.groups()[-1])
            self.assertEqual(len(mine), int(found.group(1)), text)
            rows += mine
            at, n = found.end(), n + 1
        self.assertEqual(n, n_buckets, text)
        return rows

    def test_envi(self):
        """envi: the same keys in the same order"""
        keys = []
        for side in self.sides:
            lines = side.ask('envi').split('\n')
            self.assertEqual(lines[0], 'Environment:')
            self.assertEqual(lines.pop(), '')
            pairs = [line.split('=', 1) for line in lines[1:]]
            keys.append([key for key, _ in pairs])
            value = dict(pairs)
            self.assert_version(side, value['zookeeper.version'])
            self.assertEqual(value['user.dir'], side.server.folder)
            for key in ('free', 'max', 'total'):
                self.assertRegex(value['os.memory.' + key], r'^\d+MB$')
        self.assertEqual(keys[1], keys[0])
        java, subject = [dict(re.findall(r'^(\S+?)=(.*)$', side.ask('envi'),
                                         re.M)) for side in self.sides]
        for key in ('os.name', 'os.arch', 'os.version', 'user.name',
                    'user.home'):
            self.assertEqual(subject[key], java[key], key)
        self.assertRegex(subject['host.name'], r'^[\w.-]+$')

    def test_hash(self):
        """hash: digests at the same zxids"""
        text = self.assert_same('hash',
                                lambda t: re.sub(r': -?\d+', ': #', t))
        self.assertEqual(text, '80: #\n')

    def test_crst(self):
        """crst: connections count anew"""
        self.assertEqual(self.assert_same('crst'),
                         'Connection stats reset.\n')
        text = self.assert_same('cons', lambda t: sort_block(
            re.sub(r'est=\d+', 'est=#', t), None, ''))
        self.assertIn(',sent=0,sid=S0,lop=NA,est=#,to=30000,'
                      'lzxid=0xffffffffffffffff,lresp=0,llat=0,minlat=0,'
                      'avglat=0,maxlat=0)\n', text)
        for side in self.sides:
            for conn in side.conns:
                self.assertEqual(conn.call(zk.exists('/a')).err, 0)
            side.conns[0].call(zk.ping())
        self.test_cons()

    def test_srst(self):
        """srst: the server counts anew"""
        self.assertEqual(self.assert_same('srst'), 'Server stats reset.\n')
        for side in self.sides:
            self.assertIn('\nLatency min/avg/max: 0/0.0/0\nReceived: 1\n'
                          'Sent: 1\n', side.ask('srvr'))


class Mntr(Traffic):
    """mntr, asked once: answers count as packets."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.texts = [side.ask('mntr') for side in cls.sides]

    def setUp(self):
        self.values = []
        for text in self.texts:
            lines = text.split('\n')
            self.assertEqual(lines.pop(), '')
            self.values.append([line.split('\t') for line in lines])

    def test_first_lines(self):
        """mntr starts with version and state"""
        for side, pairs in zip(self.sides, self.values):
            self.assertEqual([key for key, _ in pairs[:2]],
                             ['zk_version', 'zk_server_state'])
            self.assert_version(side, pairs[0][1])

    def test_names(self):
        """mntr has each name of 3.8.0 once, and the new ones of 3.9"""
        java, subject = [[key for key, _ in pairs] for pairs in self.values]
        self.assertEqual(len(set(subject)), len(subject))
        self.assertEqual(sorted(set(java) - set(subject)), [])
        added = NEWER_METRICS if self.subject.server.newest else set()
        self.assertEqual(sorted(set(subject) - set(java)), sorted(added))

    def test_kinds_of_numbers(self):
        """mntr shows a double where Java does, an integer elsewhere"""
        java, subject = [dict(pairs) for pairs in self.values]
        del java['zk_version'], java['zk_server_state']
        for key in sorted(set(java) & set(subject)):
            value = java[key]
            with self.subTest(key):
                want = r'^-?\d+\.\d{1,4}$' if '.' in value else r'^-?\d+$'
                self.assertRegex(subject[key], want)

    def test_values(self):
        """mntr: what follows from the traffic is the same number"""
        java, subject = [dict(pairs) for pairs in self.values]
        if self.subject.server.newest:
            # 3.8.0 counts a recursive watch in both tables.
            java['zk_watch_count'] = str(int(java['zk_watch_count']) - 1)
        if self.subject.server.newest:
            # Java counts them with its Netty factory alone; zkd's one port
            # code counts them whatever name the factory is given.
            count = int(subject.pop('zk_non_mtls_local_conn_count'))
            self.assertGreaterEqual(count,
                                    int(java['zk_num_alive_connections']))
            subject['zk_non_mtls_local_conn_count'] = '0'
        for key in SAME_VALUES:
            with self.subTest(key):
                self.assertEqual(subject[key], java[key])


class Bytes(Traffic):
    """How a word comes over the wire."""

    def assert_same_raw(self, *pieces):
        java, subject = [raw(side.server, *pieces) for side in self.sides]
        self.assertEqual(subject, java, pieces)
        return java

    def test_newline(self):
        """a word may be followed by a newline, or by anything"""
        for tail in (b'\n', b'\r\n', b' ', b'ruok'):
            self.assertEqual(self.assert_same_raw(b'ruok' + tail), b'imok')

    def test_pieces(self):
        """a word may come in pieces"""
        self.assertEqual(self.assert_same_raw(b'ru', b'ok'), b'imok')
        self.assertEqual(self.assert_same_raw(b'i', b's', b'r', b'o'),
                         b'rw')
        self.assertEqual(self.assert_same_raw(b'gtm', b'k\n'), b'306')

    def test_unknown(self):
        """what is no word is closed without a word"""
        for word in (b'RUOK', b'kill', b'reqs', b'\xff\xff\xff\xff',
                     TELNET_CLOSE):
            self.assertEqual(self.assert_same_raw(word), b'')

    def test_trace_mask(self):
        """stmk takes eight bytes and gtmk shows them"""
        for mask in (511, -1, 306):
            text = b'%d' % mask
            self.assertEqual(self.assert_same_raw(
                b'stmk' + struct.pack('>q', mask)), text)
            self.assertEqual(self.assert_same_raw(b'gtmk'), text)

    def test_half_closed(self):
        """a client that sends no more still gets its answer"""
        for side in self.sides:
            conn = zk.Conn(side.server.address)
            conn.send_raw(b'mntr')
            conn.socket.shutdown(1)
            text = conn.read_to_end()
            conn.close()
            self.assertTrue(text.startswith(b'zk_version\t'), text[:80])
            self.assertIn(b'\nzk_cnt_fsynctime\t', text)

    def test_session_is_not_disturbed(self):
        """a word in the length of a later frame is no word"""
        for side in self.sides:
            conn = side.server.connect(timeout=10000)
            conn.send_raw(b'ruok')
            self.assertEqual(conn.read_to_end(), b'')
            conn.close()


class Whitelist(unittest.TestCase):
    """Which words are answered, by 4lw.commands.whitelist."""

    def setUp(self):
        harness.need_java()

    def allowed(self, config, properties):
        """The words that are answered; the same on both servers."""
        answers = []
        for kind in ('java', harness.subject()):
            server = servers.Server(kind, config, properties)
            try:
                server.start()
                answers.append(self.words_of(server))
            finally:
                server.discard()
        self.assertEqual(answers[1], answers[0])
        return answers[0]

    def words_of(self, server):
        found = []
        for word in WORDS:
            text = zk.four_letter_word(server.address, word)
            if text != FORBIDDEN % word:
                found.append(word)
        if raw(server, TELNET_CLOSE).decode() != FORBIDDEN % 'telnet close':
            found.append('telnet close')
        text = raw(server, b'stmk' + struct.pack('>q', 306)).decode()
        if text != FORBIDDEN % 'stmk':
            self.assertEqual(text, '306')
            found.append('stmk')
        return sorted(found)

    def test_default(self):
        """without a whitelist, srvr alone is answered"""
        self.assertEqual(self.allowed({}, NO_PROPERTY), ['srvr'])

    def test_read_only_mode(self):
        """readonlymode.enabled allows isro"""
        properties = dict(NO_PROPERTY)
        properties['readonlymode.enabled'] = 'true'
        self.assertEqual(self.allowed({}, properties), ['isro', 'srvr'])

    def test_list(self):
        """zoo.cfg may list words, with blanks"""
        self.assertEqual(
            self.allowed({'4lw.commands.whitelist':
                          ' ruok, mntr ,conf x,, WCHS,stmk'}, NO_PROPERTY),
            ['mntr', 'ruok', 'srvr', 'stmk'])

    def test_star(self):
        """a star allows all, wherever it stands"""
        self.assertEqual(
            self.allowed({'4lw.commands.whitelist': 'ruok, *'},
                         NO_PROPERTY),
            sorted(WORDS + ['stmk', 'telnet close']))


class NotServing(unittest.TestCase):
    """What a server says that waits for its ensemble."""

    ALWAYS = ('ruok', 'envi', 'gtmk')

    def check(self, kind):
        ports = [servers.Server('java') for _ in range(4)]
        config = {'initLimit': '5', 'syncLimit': '2'}
        for at in range(2):
            config['server.%d' % (at + 1)] = '%s:%d:%d' % (
                servers.HOST, ports[2 * at].port, ports[2 * at + 1].port)
        server = servers.Server(kind, config)
        with open(os.path.join(server.config['dataDir'], 'myid'),
                  'w') as out:
            out.write('1\n')
        for port in ports:
            port.reservation.close()
        try:
            server.start(wait=False)
            self.check_words(server)
        finally:
            for one in ports + [server]:
                one.discard()

    def wait_for_port(self, server):
        deadline = time.monotonic() + servers.START_DEADLINE
        while time.monotonic() < deadline:
            if not server.alive():
                if server.kind == 'zkd':
                    self.skipTest('zkd does not run without its ensemble')
                server.check_alive()
            try:
                return zk.four_letter_word(server.address, 'srvr')
            except (OSError, zk.Closed, zk.Timeout):
                continue
        self.fail('the port is not open')

    def check_words(self, server):
        self.assertEqual(self.wait_for_port(server), NOT_SERVING + '\n')
        for word in WORDS:
            text = zk.four_letter_word(server.address, word)
            if word not in self.ALWAYS:
                want = {'isro': 'null', 'hash': NOT_SERVING}
                self.assertEqual(text, want.get(word, NOT_SERVING + '\n'),
                                 word)
        self.assertEqual(zk.four_letter_word(server.address, 'ruok'),
                         'imok')
        self.assertEqual(zk.four_letter_word(server.address, 'gtmk'), '306')
        self.assertTrue(zk.four_letter_word(server.address, 'envi')
                        .startswith('Environment:\nzookeeper.version='))

    def test_java(self):
        """Apache's server says what test_words.c expects of ours"""
        harness.need_java()
        self.check('java')

    def test_subject(self):
        """and so does the server under test"""
        self.check(harness.subject())


if __name__ == '__main__':
    harness.main(__name__)
