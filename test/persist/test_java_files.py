# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Folders that zkd and the Java server 3.8.0 hand to each other.

Equal means: last zxid, znodes, ephemerals, data size, and the digest of the
tree, which covers every path, all data and all persisted fields.
"""

import os
import shutil
import struct
import subprocess
import unittest

import files
from files import read, write, v2
import zkwire

SNAPSHOT_FORMATTER = 'org.apache.zookeeper.server.SnapshotFormatter'
TXN_LOG_TOOLKIT = 'org.apache.zookeeper.server.persistence.TxnLogToolkit'
TXNS = 203


class WithFolder(unittest.TestCase):
    def setUp(self):
        self.tops = []

    def tearDown(self):
        for top in self.tops:
            shutil.rmtree(top, ignore_errors=True)

    def top(self, path=None):
        self.tops.append(path or files.folder())
        return self.tops[-1]


class JavaReadsOurs(WithFolder):
    def check(self, method, every):
        """Java starts on what was written here and has the same tree; the
        snapshot that it writes at once is read back and compared."""
        top = self.top()
        data = os.path.join(top, 'data')
        write(data, TXNS, method, every)
        ours = read(data)
        self.assertEqual(ours['zxid'], '0x%x' % TXNS)
        self.assertEqual(ours['mismatches'], '0')
        server = files.java_server(top)
        try:
            server.start()
            self.assertEqual(files.srvr_zxid(server), ours['zxid'])
            theirs = files.mntr(server)
            self.assertEqual(theirs['zk_znode_count'], ours['nodes'])
            self.assertEqual(theirs['zk_ephemerals_count'],
                             ours['ephemerals'])
            self.assertEqual(theirs['zk_approximate_data_size'],
                             ours['size'])
            self.assertEqual(theirs.get('zk_digest_mismatches_count', '0'),
                             '0')
        finally:
            server.kill()
        again = read(data)
        self.assertEqual(again['snapshot'], ours['zxid'])
        for key in ('nodes', 'ephemerals', 'sessions', 'size', 'digest'):
            self.assertEqual(again[key], ours[key], key)
        # Java's own sum, from the digest section at the end of its file.
        with open(v2(top, 'snapshot.%x' % TXNS), 'rb') as snap:
            zxid, version, digest = struct.unpack('>qiQ',
                                                  snap.read()[-33:-13])
        self.assertEqual((zxid, version), (TXNS, 2))
        self.assertEqual('%x' % digest, ours['digest'])
        server.discard()

    def test_log_alone(self):
        self.check('plain', 0)

    def test_snapshots_plain(self):
        self.check('plain', 80)

    def test_snapshots_gz(self):
        self.check('gz', 80)

    def test_snapshots_snappy(self):
        self.check('snappy', 80)

    def test_tools(self):
        for method, suffix in (('plain', ''), ('gz', '.gz'),
                               ('snappy', '.snappy')):
            top = self.top()
            write(os.path.join(top, 'data'), 160, method, 80)
            code, out, err = files.tool(
                SNAPSHOT_FORMATTER, v2(top, 'snapshot.50' + suffix))
            self.assertEqual(code, 0, err)
            self.assertIn('Last zxid: 0x50', out)
            self.assertIn('/p/node4', out)
        code, out, err = files.tool(TXN_LOG_TOOLKIT, v2(top, 'log.51'))
        self.assertEqual(code, 0, err)
        self.assertIn('zxid 0x51', out)
        self.assertIn('zxid 0xa0', out)
        self.assertNotIn('CRC ERROR', out)


def some_history(server, rounds):
    """Writes of all kinds by two sessions, one of which stays open."""
    acl = [zkwire.ACL(31, 'digest', 'u:abc='),
           zkwire.ACL(1, 'world', 'anyone')]
    with server.connect(timeout=40000) as c, \
            server.connect(timeout=40000) as d:
        for i in range(rounds):
            n = '/n%d' % i
            for request in (
                    zkwire.create(n, b'x' * (i * 7 % 300)),
                    zkwire.create(n + '/seq-', b'',
                                  flags=zkwire.SEQUENTIAL),
                    zkwire.create(n + '/e', b'', flags=zkwire.EPHEMERAL),
                    zkwire.set_data(n, b'y' * i),
                    zkwire.set_data(n, None),
                    zkwire.set_acl(n, acl),
                    zkwire.create(n),           # Exists: an error txn.
                    zkwire.create2('/c%d' % i, b'', flags=zkwire.PERSISTENT),
                    zkwire.create_ttl('/t%d' % i, b't', ttl=10 ** 9),
                    zkwire.create_container('/cc%d' % i, b'c'),
                    zkwire.multi(zkwire.create('/m%d' % i, b'1'),
                                 zkwire.set_data('/m%d' % i, b'2'),
                                 zkwire.delete('/c%d' % i)),
                    zkwire.multi(zkwire.create('/w%d' % i, b'1'),
                                 zkwire.delete('/none'))):
                c.call(request)
            d.call(zkwire.create('/d%d' % i, b'', flags=zkwire.EPHEMERAL))
        d.call(zkwire.close_session())
    return 2


class WeReadJavas(WithFolder):
    def make(self, rounds=9, **properties):
        """A folder that a Java server left when it was killed."""
        top = self.top()
        server = files.java_server(top, **properties)
        server.start()
        some_history(server, rounds)
        zxid = files.srvr_zxid(server)
        counts = files.mntr(server)
        server.kill()
        server.discard()
        return top, zxid, counts

    def compare(self, top, zxid, counts):
        ours = read(os.path.join(top, 'data'))
        self.assertEqual(ours['zxid'], zxid)
        self.assertEqual(ours['nodes'], counts['zk_znode_count'])
        self.assertEqual(ours['ephemerals'], counts['zk_ephemerals_count'])
        self.assertEqual(ours['size'], counts['zk_approximate_data_size'])
        return ours

    def test_log_of_a_killed_server(self):
        top, zxid, counts = self.make()
        ours = self.compare(top, zxid, counts)
        self.assertGreater(int(ours['txns']), 100)
        self.assertEqual(ours['sessions'], '1')
        # Each of its transactions carries the digest of the tree after it.
        self.assertEqual(ours['mismatches'], '0')
        self.there_and_back(top, ours)
        self.torn(top)

    def there_and_back(self, top, ours):
        """Java on our snapshot of its log, compressed by Java in turn."""
        read(os.path.join(top, 'data'), 'snapshot')
        for method, suffix in (('gz', '.gz'), ('snappy', '.snappy')):
            other = self.top(files.copy(top))
            for name in os.listdir(v2(other)):
                if name.startswith('log.'):
                    os.unlink(v2(other, name))
            server = files.java_server(
                other, snapshot_compression_method=method)
            try:
                server.start()
                self.assertEqual(files.srvr_zxid(server), ours['zxid'])
            finally:
                server.kill()
                server.discard()
            name = 'snapshot.%x%s' % (int(ours['zxid'], 16), suffix)
            self.assertTrue(os.path.exists(v2(other, name)),
                            os.listdir(v2(other)))
            os.unlink(v2(other, 'snapshot.%x' % int(ours['zxid'], 16)))
            again = read(os.path.join(other, 'data'))
            for key in ('zxid', 'nodes', 'sessions', 'size', 'digest'):
                self.assertEqual(again[key], ours[key], key)

    def torn(self, top):
        """Java's log, cut and damaged at each byte of its end."""
        for name in os.listdir(v2(top)):
            if name.startswith('snapshot.') and name != 'snapshot.0':
                os.unlink(v2(top, name))
        done = subprocess.run(
            [files.TORN_LOG, os.path.join(top, 'data')],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=400)
        self.assertEqual(done.returncode, 0,
                         done.stdout.decode(errors='replace')[-3000:])

    def test_snapshots_taken_while_writing(self):
        # Fuzzy ones: Java writes nodes while transactions go on.
        top, zxid, counts = self.make(rounds=12, snapCount='6')
        ours = self.compare(top, zxid, counts)
        self.assertNotEqual(ours['snapshot'], '0x0')
        # Each snapshot that it left leads to the same end.
        names = [n for n in os.listdir(v2(top)) if n.startswith('snapshot.')]
        self.assertGreater(len(names), 5)
        names.sort(key=lambda n: int(n.split('.')[1], 16))
        while len(names) > 1:
            os.unlink(v2(top, names.pop()))
            older = read(os.path.join(top, 'data'))
            for key in ('zxid', 'nodes', 'sessions', 'size', 'digest'):
                self.assertEqual(older[key], ours[key],
                                 (names[-1], key))
            self.assertEqual(older['mismatches'], '0', names[-1])

    def test_digests_off(self):
        top, zxid, counts = self.make(rounds=3, digest_enabled='false')
        self.compare(top, zxid, counts)


if __name__ == '__main__':
    files.require_java()
    unittest.main()
