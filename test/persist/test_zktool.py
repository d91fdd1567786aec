# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""zktool: what Apache's tools do not have."""

import base64
import fcntl
import json
import os
import re
import struct
import unittest
import zlib

import files
import tools
from tools import ToolCase, node

TXNS = 203


def txn(zxid, kind, body, session=0x10, ms=1700000000000):
    return struct.pack('>qiqqi', session, 7, zxid, ms, kind) + body


def set_data(zxid, path, data, session=0x10):
    return txn(zxid, 5, tools.string(path) + tools.string(data)
               + struct.pack('>i', 1), session)


class LogCase(ToolCase):
    def log(self, *words, **how):
        return self.tool('log', *words, **how)

    def zxids(self, *words):
        """The zxids of the JSON lines that a filter lets through."""
        lines = self.log('--json', *words, self.path('log.1')).out
        return [int(json.loads(line)['zxid'], 16)
                for line in lines.splitlines()]


class Log(LogCase):
    def write(self, *txns):
        return self.put('log.1', tools.log_header()
                        + b''.join(tools.record(t) for t in txns))

    def test_json(self):
        files.write(self.path('data'), TXNS)
        path = self.path('data', 'version-2', 'log.1')
        lines = [json.loads(line) for line in
                 self.log('--json', path).out.splitlines()]
        self.assertEqual([int(line['zxid'], 16) for line in lines],
                         list(range(1, TXNS + 1)))
        kinds = {line['type'] for line in lines}
        self.assertLessEqual({'create', 'createTtl', 'createContainer',
                              'delete', 'setData', 'setACL', 'multi',
                              'createSession', 'closeSession', 'error'},
                             kinds)
        with open(path, 'rb') as log:
            offsets = [at for at, _ in tools.records(log.read())]
        self.assertEqual([line['offset'] for line in lines], offsets)
        self.assertTrue(all(line['crc'] == 'ok' for line in lines))
        for line in lines:
            if line['type'] == 'multi':
                self.assertTrue(all('type' in sub for sub in line['txns']))
        self.assertTrue(any('digest' in line for line in lines))

    def test_json_of_odd_bytes(self):
        self.write(set_data(1, b'/a"\\\n\x01\xff', b'\0\xff' * 5, session=-1))
        line = json.loads(self.log('--json', self.path('log.1')).out)
        self.assertEqual(line['path'], '/a"\\\n\x01\ufffd')
        self.assertEqual(base64.b64decode(line['data']), b'\0\xff' * 5)
        self.assertEqual(line['session'], '0xffffffffffffffff')
        self.assertEqual(line['time'], '2023-11-14T22:13:20.000Z')

    def test_filters(self):
        close = txn(4, -11, struct.pack('>i', 2) + tools.string('/b/e')
                    + tools.string('/c'), session=0x20)
        sub = tools.string('/a/m') + tools.string('') + struct.pack('>i', 1)
        multi = txn(5, 14, struct.pack('>i', 1) + struct.pack('>i', 5)
                    + tools.string(sub))
        self.write(set_data(1, '/a', '1'), set_data(2, '/a/b', '2'),
                   set_data(3, '/ab', '3', session=0x20), close, multi)
        self.assertEqual(self.zxids(), [1, 2, 3, 4, 5])
        self.assertEqual(self.zxids('--from', '2', '--to', '0x3'), [2, 3])
        self.assertEqual(self.zxids('--session', '0x20'), [3, 4])
        self.assertEqual(self.zxids('--path', '/a'), [1, 2, 5])
        self.assertEqual(self.zxids('--path', '/b'), [4])
        self.assertEqual(self.zxids('--path', '/'), [1, 2, 3, 4, 5])
        self.assertEqual(self.zxids('--path', '/a', '--session', '32'), [])
        self.write(set_data(1, '/a', '1', session=-0x7f00000000000000),
                   txn(2, -11, b''))
        self.assertEqual(self.zxids('--session', '0x8100000000000000'), [1])
        # It does not say what it deletes.
        self.assertEqual(self.zxids('--path', '/b'), [2])

    def test_counts_all(self):
        self.write(*(set_data(i, '/a', 'x') for i in range(1, 6)))
        text = self.log('--from', '3', '--to', '3', self.path('log.1')).out
        self.assertEqual(text.count(b'\n'), 3)
        self.assertTrue(text.endswith(b'EOF reached after 5 txns.\n'))

    def test_verify(self):
        path = self.write(*(set_data(i, '/a', 'x') for i in (1, 2, 4)))
        ran = self.log('--verify', path)
        self.assertIn(b'3 transactions, zxid 0x1 to 0x4', ran.out)
        self.assertIn(b'zxid 0x4 follows 0x2', ran.out)
        with open(path, 'r+b') as log:
            log.seek(16 + 12 + 40)
            log.write(b'\x7f')
        ran = self.log('--verify', path, code=1)
        self.assertIn(b'damaged at offset 16: wrong checksum', ran.out)
        self.assertIn(b'0 whole transactions stand before the damage, at '
                      b'least 2 behind it', ran.out)

    def test_wrong_use(self):
        for words in ([], ['-x', 'f'], ['--from', 'y', 'f'], ['-z'],
                      ['-r', 'a', 'b'], ['-c', 'f'], ['-z', '1', 'f'],
                      ['-r', '-c', '-z', '1', 'f'], ['-d', '-r', 'f'],
                      ['--verify', '-r', 'f'], ['--replace', 'f'],
                      ['--json', '-r', 'f'], ['--verify', '--to', '1', 'f'],
                      ['--session', '0x10000000000000000', 'f'],
                      ['--session', '0x', 'f'], ['--session', '-0x', 'f']):
            with self.subTest(words=words):
                ran = self.log(*words, code=1)
                self.assertEqual(ran.out, b'')
                self.assertIn('Usage: zktool log', ran.err)
        self.assertIn("doesn't exist or not readable: /none",
                      self.log('/none', code=1).err)

    def test_folder_in_use(self):
        path = self.write(set_data(1, '/a', 'x'), set_data(2, '/a', 'x'))
        lock = os.open(self.dir, os.O_RDONLY)
        self.addCleanup(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        for words in (['-r', '-y'], ['-c', '-z', '1']):
            with self.subTest(words=words):
                ran = self.log(*words, path, code=1)
                self.assertIn('in use', ran.err)
                self.assertEqual(os.listdir(self.dir), ['log.1'])
        self.log('-r', '-y', '--force', path)
        self.log(path)          # Reading is free.

    def test_long_log_in_little_memory(self):
        data = os.urandom(64 << 10)
        with open(self.path('log.1'), 'wb') as log:
            log.write(tools.log_header())
            for i in range(1, 1200):
                log.write(tools.record(set_data(i, '/a', data)))
        small = tools.log_header() + tools.record(set_data(1, '/a', 'x'))
        self.put('small', small)
        grown = self.memory('log', '--json', self.path('log.1')) \
            - self.memory('log', '--json', self.path('small'))
        self.assertLess(grown, 16 << 10)

    def memory(self, *words):
        """Kilobytes that a run took."""
        with open(os.devnull, 'wb') as null:
            child = tools.subprocess.Popen([tools.ZKTOOL] + list(words),
                                           stdout=null)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = status
        self.assertEqual(status, 0)
        return usage.ru_maxrss


class Summary(ToolCase):
    def test_levels(self):
        nodes = list(tools.BUILT_IN) + [
            node('/a', b'12'), node('/a/b', b'345'), node('/a/b/c', None),
            node('/a/b/c/d', b'6')]
        path = self.put('snapshot.1', tools.snapshot(nodes))
        three = (b' /a\n   children: 3\n   data: 6\n'
                 b'-- /a/b\n--   children: 2\n--   data: 4\n')
        ran = self.tool('snapshot', '--summary', '/a', '--depth', '1', path)
        self.assertEqual(ran.out, three + b'\n')
        ran = self.tool('snapshot', '--summary', '/a', path)
        self.assertEqual(ran.out, three + b'---- /a/b/c\n----   children: 1\n'
                         b'----   data: 1\n\n')
        ran = self.tool('snapshot', '--summary', '/', '--depth', '1', path)
        self.assertTrue(ran.out.startswith(
            b' /\n   children: 7\n   data: 6\n'), ran.out)
        self.assertIn(b'-- /zookeeper\n--   children: 2\n', ran.out)
        # A leaf has nothing below it.
        ran = self.tool('snapshot', '--summary', '/a/b/c/d', path)
        self.assertEqual(ran.out, b'\n')
        ran = self.tool('snapshot', '--summary', '/x', path, code=1)
        self.assertIn('/x: no such node', ran.err)

    def test_deep_tree(self):
        nodes = list(tools.BUILT_IN)
        nodes += [node('/d' * i, b'x') for i in range(1, 3000)]
        path = self.put('snapshot.1', tools.snapshot(nodes))
        ran = self.tool('snapshot', '--summary', '/', '--depth', '1', path)
        self.assertIn(b'-- /d\n--   children: 2998\n--   data: 2999\n',
                      ran.out)
        self.tool('snapshot', '-json', path)
        self.tool('compare', '-l', path, '-r', path, '-b', '0', '-n', '0')

    def test_orphan(self):
        nodes = list(tools.BUILT_IN) + [node('/a/b')]
        path = self.put('snapshot.1', tools.snapshot(nodes))
        ran = self.tool('snapshot', path, code=1)
        self.assertIn('no parent of /a/b stands before it', ran.err)


class Check(ToolCase):
    def setUp(self):
        super().setUp()
        self.data = self.path('data')
        files.write(self.data, TXNS, 'gz', 80)

    def v2(self, *names):
        return self.path('data', 'version-2', *names)

    def check(self, *words, code=0):
        """Changes nothing, whatever it finds."""
        before = tools.tree(self.dir)
        ran = self.tool('check', *(words or [self.data]), code=code)
        self.assertEqual(tools.tree(self.dir), before)
        return ran.out.decode()

    def test_whole(self):
        text = self.check()
        self.assertIn('snapshot.a0.gz: ', text)
        # That of zxid 0 is empty.
        self.assertEqual(text.count('its digest is right'), 2)
        self.assertIn('log.51: 80 transactions, zxid 0x51 to 0xa0', text)
        self.assertIn('It would load snapshot.a0, replay 43 transactions and '
                      'be at zxid 0xcb', text)
        self.assertTrue(text.endswith('No problems.\n'), text)
        text = self.check('--no-start', self.data)
        self.assertNotIn('A start', text)

    def test_configuration(self):
        config = self.put('zoo.cfg', ('dataDir=%s\n' % self.data).encode())
        self.assertIn('No problems.', self.check('--configfile', config))
        self.check('--configfile', '/none', code=1)
        self.tool('check', code=2)

    def config(self, *lines):
        return self.put('zoo.cfg', '\n'.join(
            ('dataDir=%s' % self.data,) + lines).encode())

    def test_configuration_that_a_server_refuses(self):
        for line in ('dataLogDir=', 'tickTime=x', 'server.1=a:b'):
            with self.subTest(line=line):
                ran = self.tool('check', '--configfile', self.config(line),
                                code=1)
                self.assertIn('would not start with this configuration',
                              ran.err)

    def test_properties_of_the_configuration(self):
        # What zoo.cfg does not know becomes zookeeper.*, as for a server.
        for name in os.listdir(self.v2()):
            if name.startswith('snapshot.'):
                os.unlink(self.v2(name))
        config = self.config('snapshot.trust.empty=true')
        self.assertIn('No problems.', self.check('--configfile', config))
        self.check('--configfile', self.config(), code=1)

    def test_empty_folder_that_may_not_be(self):
        os.makedirs(self.path('new', 'version-2'))
        new = self.path('new')
        self.assertIn('begin with an empty database', self.check(new))
        refuse = '-Dzookeeper.db.autocreate=false'
        text = self.tool(refuse, 'check', new, code=1).out.decode()
        self.assertIn('not vote until a leader gave it data', text)
        self.put('new/initialize', b'')
        self.tool(refuse, 'check', new)

    def test_digest_is_off(self):
        """Then nobody compares it."""
        self.put('data/version-2/log.cc', tools.log_header() + tools.record(
            set_data(0xcc, '/zookeeper', 'x')
            + struct.pack('>iq', 2, 12345)))
        self.assertIn('digest of the tree differs', self.check(code=1))
        text = self.tool('-Dzookeeper.digest.enabled=false', 'check',
                         self.data).out.decode()
        self.assertIn('No problems.', text)

    def test_folder_that_cannot_be_written(self):
        tools.need_root(self)
        os.chmod(self.dir, 0o755)
        text = self.tool('check', self.data, code=1,
                         user=tools.NOBODY).out.decode()
        self.assertIn('Cannot write to data log directory', text)
        # What is there is told all the same.
        self.assertIn('be at zxid 0xcb', text)
        self.assertTrue(text.endswith('1 problem.\n'), text)

    def test_left_behind_by_a_crash(self):
        with open(self.v2('log.a1'), 'r+b') as log:
            at = list(tools.records(log.read()))[-2][0]
            log.truncate(at + 20)
        for name in ('snapshot.99.tmp', 'tmp.log.cc', 'tmp.removed.1'):
            self.put('data/version-2/' + name, b'half')
        text = self.check()
        self.assertIn('ends inside the record at offset %d, as a crash '
                      'leaves it' % at, text)
        self.assertIn('snapshot.99.tmp: left over', text)
        self.assertIn('tmp.log.cc: left over', text)
        self.assertIn('tmp.removed.1: what is left', text)
        self.assertIn('It would say: ', text)
        self.assertIn('be at zxid 0xc9', text)

    def test_damaged_snapshot(self):
        with open(self.v2('snapshot.a0.gz'), 'r+b') as snap:
            snap.seek(200)
            snap.write(b'\0' * 40)
        text = self.check(code=1)
        self.assertIn('snapshot.a0.gz: not whole', text)
        self.assertIn('It would load snapshot.50, replay 123 transactions',
                      text)
        self.assertTrue(text.endswith('1 problem.\n'), text)

    def test_damaged_log(self):
        with open(self.v2('log.51'), 'r+b') as log:
            content = log.read()
            at = list(tools.records(content))[5][0]
            log.seek(at + 30)
            log.write(bytes([content[at + 30] ^ 1]))
        text = self.check(code=1)
        self.assertIn('damaged at offset %d: wrong checksum' % at, text)
        # It is behind the snapshot: a start goes well.
        self.assertIn('be at zxid 0xcb', text)
        os.unlink(self.v2('snapshot.a0.gz'))
        text = self.check(code=1)
        self.assertIn('It would refuse:', text)

    def test_missing_log(self):
        os.unlink(self.v2('log.51'))
        self.assertIn('snapshot.a0 stands for those between', self.check())
        os.unlink(self.v2('snapshot.a0.gz'))
        text = self.check(code=1)
        self.assertIn('zxid 0xa1 follows 0x50: the transactions between are '
                      'missing', text)

    def follower(self, *snapshots):
        """Logs on both sides of a hole."""
        os.makedirs(self.path('f', 'version-2'))
        for zxid in (0,) + snapshots:
            self.put('f/version-2/snapshot.%x' % zxid,
                     tools.snapshot(tools.BUILT_IN))
        for first, end in ((1, 6), (0x65, 0x6a)):
            self.put('f/version-2/log.%x' % first, tools.log_header()
                     + b''.join(tools.record(set_data(i, '/zookeeper', 'x'))
                                for i in range(first, end)))

    def test_hole_that_a_snapshot_bridges(self):
        self.follower(0x64)
        text = self.check(self.path('f'))
        self.assertIn('zxid 0x65 follows 0x5: snapshot.64 stands for those '
                      'between', text)
        self.assertNotIn('missing', text)
        self.assertIn('No problems.', text)

    def test_hole_beside_a_snapshot(self):
        self.follower(0x60)
        self.assertIn('zxid 0x65 follows 0x5: the transactions between are '
                      'missing', self.check(self.path('f'), code=1))

    def test_no_snapshot(self):
        for name in os.listdir(self.v2()):
            if name.startswith('snapshot.'):
                os.unlink(self.v2(name))
        self.assertIn('there are log entries', self.check(code=1))

    def test_epochs(self):
        self.put('data/version-2/acceptedEpoch', b'1')
        self.put('data/version-2/currentEpoch', b'2')
        self.put('data/myid', b'3\n')
        text = self.check(code=1)
        self.assertIn('  myid 3\n  acceptedEpoch 1\n  currentEpoch 2\n',
                      text)
        self.assertIn('As a member of an ensemble it would refuse', text)
        self.put('data/version-2/acceptedEpoch', b'2')
        text = self.check()
        self.assertIn('reached epoch 2 and promised 2', text)
        self.put('data/version-2/acceptedEpoch', b'two')
        self.assertIn("not a number: 'two'", self.check(code=1))

    def test_wrong_digest(self):
        # A snapshot of one instant must have the digest of its nodes.
        body = tools.snapshot(list(tools.BUILT_IN))
        body = body[:8] + struct.pack('>q', 0x7a6b64) + body[16:-13]
        body += struct.pack('>q', zlib.adler32(body)) + tools.string('/')
        body += struct.pack('>qiq', 5, 2, 12345)
        body += struct.pack('>q', zlib.adler32(body)) + tools.string('/')
        os.makedirs(self.path('other', 'version-2'))
        self.put('other/version-2/snapshot.5', body)
        text = self.check('--no-start', self.path('other'), code=1)
        self.assertIn('its digest is 0x3039, that of its znodes', text)

    def test_counts_agree(self):
        # The file, what a start would have, and Java's number are one.
        os.makedirs(self.path('other', 'version-2'))
        path = self.put('other/version-2/snapshot.0',
                        tools.snapshot(list(tools.BUILT_IN)))
        text = self.check(self.path('other'))
        shown = self.tool('snapshot', path).out.decode()
        count = re.search(r'count=(\d+)', shown).group(1)
        self.assertEqual(re.findall(r'(\d+) znodes', text), [count, count])

    def test_in_use(self):
        lock = os.open(self.v2(), os.O_RDONLY)
        self.addCleanup(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.assertIn('in use by a server', self.check())

    def test_two_folders(self):
        logs = self.path('logs', 'version-2')
        os.makedirs(logs)
        for name in os.listdir(self.v2()):
            if name.startswith('log.'):
                os.rename(self.v2(name), os.path.join(logs, name))
        text = self.check(self.data, self.path('logs'))
        self.assertIn('No problems.', text)
        text = self.check(self.path('logs'), self.data, code=1)
        self.assertIn('It would refuse:', text)
        self.tool('check', self.path('none'), code=1)


class Init(ToolCase):
    def setUp(self):
        super().setUp()
        files.write(self.path('data'), 3)

    def init(self, *lines, code=0, words=('--force',)):
        config = self.put('zoo.cfg', '\n'.join(
            ('dataDir=%s' % self.path('data'),) + lines).encode())
        return self.tool('init', '--configfile', config, *words, code=code)

    def test_one_folder_by_two_names(self):
        os.symlink('data', self.path('link'))
        for name in ('data/', './data', 'data/../data', 'link'):
            with self.subTest(name=name):
                self.put('data/version-2/log.9', b'x')
                self.init('dataLogDir=%s/%s' % (self.dir, name))
                self.assertEqual(sorted(os.listdir(self.path('data'))),
                                 ['initialize', 'version-2'])
                self.assertEqual(
                    os.listdir(self.path('data', 'version-2')), [])

    def test_in_use(self):
        lock = os.open(self.path('data', 'version-2'), os.O_RDONLY)
        self.addCleanup(os.close, lock)
        fcntl.flock(lock, fcntl.LOCK_EX)
        ran = self.init('dataLogDir=%s/./data' % self.dir, code=1)
        self.assertIn('in use', ran.err)

    def test_version_2_is_a_link(self):
        os.makedirs(self.path('disk'))
        os.rename(self.path('data', 'version-2'), self.path('disk', 'v'))
        os.symlink('../disk/v', self.path('data', 'version-2'))
        os.symlink('../../zoo.cfg', self.path('disk', 'v', 'stray'))
        self.init()
        self.assertTrue(os.path.islink(self.path('data', 'version-2')))
        self.assertEqual(os.listdir(self.path('disk', 'v')), [])
        self.assertTrue(os.path.exists(self.path('zoo.cfg')))

    def test_no_folder_for_logs(self):
        ran = self.init('dataLogDir=', code=1)
        self.assertIn(b'dataLogDir is empty', ran.out)
        self.assertIn('snapshot.0',
                      os.listdir(self.path('data', 'version-2')))


class Program(ToolCase):
    def test_usage(self):
        ran = self.tool(code=2)
        self.assertIn('Usage: zktool', ran.err)
        self.assertIn('no command frob', self.tool('frob', code=2).err)
        for command in ('check', 'compare', 'init', 'log', 'purge',
                        'snapshot'):
            ran = self.tool(command, '--help')
            self.assertRegex(ran.out, b'^Usage:\\s+zktool '
                             + command.encode())
            self.assertEqual(ran.err, '')
        self.assertIn(b'zktool', self.tool('--version').out)
        self.tool('-Djute.maxbuffer=0', 'log', 'f', code=2)

    def test_wrong_options_are_named(self):
        for words, code, name in (
                (['check', '--frob', 'd'], 2, '--frob'),
                (['check', '--configfile'], 2, '--configfile'),
                (['init', '-hx'], 0, None), (['init', '-xh'], 1, '-x'),
                (['init', '--myid'], 1, '--myid'),
                (['snapshot', '-frob', 'f'], 2, '-frob'),
                (['snapshot', '--depth'], 2, '--depth'),
                (['snapshot', '-z', 'f'], 2, '-z')):
            err = self.tool(*words, code=code).err
            if name is not None:
                self.assertEqual(err.splitlines()[0], 'zktool: %s: no such '
                                 'option, or its value is missing' % name)
                self.assertIn('Usage: zktool', err)

    def test_limit_of_records(self):
        long = set_data(1, '/a', b'x' * 3000)
        path = self.put('log.1', tools.log_header() + tools.record(long))
        self.tool('log', path)
        ran = self.tool('-Djute.maxbuffer=1000', 'log', path, code=1)
        self.assertIn('no record has that length', ran.err)

    def test_output_that_fails(self):
        path = self.put('log.1', tools.log_header()
                        + tools.record(set_data(1, '/a', b'x')))
        with open('/dev/full', 'wb') as full:
            done = tools.subprocess.run([tools.ZKTOOL, 'log', path],
                                        stdout=full,
                                        stderr=tools.subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b'No space left', done.stderr)

    def test_terminal(self):
        """Control characters in data do not reach a terminal; a bar is shown
        only on one, and not for short work."""
        path = self.put('log.1', tools.log_header() + tools.record(
            set_data(1, '/a', b'\x1b]0;x\x07\xc2\x9b')))
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        done = tools.subprocess.run([tools.ZKTOOL, 'log', path],
                                    stdout=slave, stderr=slave)
        os.close(slave)
        self.assertEqual(done.returncode, 0)
        shown = os.read(master, 65536)
        self.assertIn(b'/a,\\x1b]0;x\\x07\\x9b,1', shown)
        self.assertNotIn(b'\x1b', shown)

    def test_terminal_shows_what_is_wrong(self):
        path = self.put('snapshot.1', tools.snapshot(
            list(tools.BUILT_IN) + [node('/x\x1b]0;pwn\x07/\n')]))
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        done = tools.subprocess.run([tools.ZKTOOL, 'snapshot', path],
                                    stdout=tools.subprocess.DEVNULL,
                                    stderr=slave)
        os.close(slave)
        self.assertEqual(done.returncode, 1)
        shown = os.read(master, 65536)
        self.assertIn(b'/x\\x1b]0;pwn\\x07/\\x0a', shown)
        self.assertNotIn(b'\x1b', shown)


if __name__ == '__main__':
    unittest.main()
