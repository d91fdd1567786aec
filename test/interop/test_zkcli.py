#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""zkcli by itself: options, servers that go, JSON, commands that Apache's
3.8.0 does not have.  test_shell.py compares it with Apache's shell.
"""

import base64
import json
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), 'lib'))

import harness                          # noqa: E402
import servers                          # noqa: E402
import shells                           # noqa: E402
import zkwire                           # noqa: E402

PATIENCE = 60.0
# Milliseconds that a start may take; only where nothing else runs.
START_LIMIT = os.environ.get('ZK_TEST_START_MS')


class Lines:
    """A zkcli that reads commands, and the lines it says."""

    def __init__(self, case, words):
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, encoding='utf-8', bufsize=1,
            env=shells.environment())
        self.heard = queue.Queue()
        self.said = []                  # For whoever looks for a fault.
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        case.addCleanup(self.close)

    def _read(self):
        for line in self.process.stdout:
            self.said.append(line)
            self.heard.put(line.rstrip('\n'))
        self.heard.put(None)

    def next(self):
        """The next line; None: the end."""
        try:
            return self.heard.get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError('nothing more was said\n%s' % ''.join(
                self.said)) from None

    def hear(self, wanted, what=lambda line: line):
        """Waits for a line of which 'what' makes that; the whole line."""
        for said in iter(self.next, None):
            if what(said) == wanted:
                return
        raise AssertionError('no %r\n%s' % (wanted, ''.join(self.said)))

    def hear_event(self, state, kind, path):
        def event(line):
            found = shells.EVENT.match(line)
            return found and found.groups()
        self.hear((state, kind, path), event)

    def say(self, line, answer=None):
        """A command, and its answer where it has one of one line."""
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()
        if answer is not None:
            self.hear(answer)

    def rest(self):
        """The lines up to the end, and the exit code."""
        self.process.stdin.close()
        lines = list(iter(self.next, None))
        return lines, self.process.wait(PATIENCE)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


class Zkcli(shells.ZkcliCase):
    """What zkcli does by itself."""

    config = dict(shells.ZkcliCase.config, tickTime='500')

    def fails(self, code, text, *words, lines=None):
        done = self.zkcli(*words, lines=lines)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertIn(text, done.stderr)
        return done

    def json(self, *words, code=0):
        done = self.zkcli('-o', 'json', *words)
        self.assertEqual(done.returncode, code, done.stderr)
        return json.loads(done.stdout)

    # ---- the command line ---------------------------------------------------

    def test_options(self):
        """wrong options say what is wrong and do nothing"""
        for words, text in ((['-sever', 'x', 'ls', '/'], 'option -sever'),
                            (['-timeout', 'x', 'ls', '/'], '-timeout x'),
                            (['-timeout', '0', 'ls', '/'], '-timeout 0'),
                            (['-o', 'xml', 'ls', '/'], 'json and text'),
                            (['-timeout'], 'no argument found'),
                            (['-client-configuration', '/none', 'ls', '/'],
                             '/none'),
                            (['-Djute.maxbuffer=x', 'ls', '/'],
                             'jute.maxbuffer')):
            self.fails(1, text, *words)
        done = self.run_on('a:b:c', 'ls', '/')
        self.assertEqual(done.returncode, 1)
        self.assertIn('a:b:c', done.stderr)

    def test_help_and_version(self):
        """--help, --version, help and help COMMAND"""
        done = shells.run([shells.zkcli_path(), '--help'])
        self.assertEqual(done.returncode, 0)
        self.assertIn('-waitforconnection', done.stdout)
        done = shells.run([shells.zkcli_path(), '--version'])
        self.assertRegex(done.stdout, r'ZooKeeper CLI version: 3\.')
        self.assertIn('\treconfig ', self.ok('help'))
        self.assertIn(' -v <arg>   version', self.ok('help', 'delete'))
        self.fails(1, 'no command foo', 'help', 'foo')
        self.assertRegex(self.ok('version'), r'^ZooKeeper CLI version: 3\.')

    def test_client_configuration(self):
        """the file of properties counts more than -D"""
        with tempfile.NamedTemporaryFile('w') as file:
            file.write('zookeeper.clientCnxnSocket=org.apache.zookeeper.'
                       'ClientCnxnSocketNetty\nzookeeper.request.timeout='
                       '99999999999\n')
            file.flush()
            self.fails(1, 'zookeeper.request.timeout',
                       '-Dzookeeper.request.timeout=1000',
                       '-client-configuration', file.name, 'ls', '/')
            file.truncate(0)
            file.seek(0)
            file.write('zookeeper.request.timeout = 9000\n')
            file.flush()
            self.assertIn('zookeeper', self.ok(
                '-client-configuration', file.name, 'ls', '/'))

    def test_chroot(self):
        """paths are below the chroot of -server"""
        done = self.run_on(self.address + self.base, 'create', '/in', 'x')
        self.assertEqual((done.returncode, done.stderr), (0,
                                                          'Created /in\n'))
        self.assertIn('[in]', self.ok('ls', self.base))
        done = self.run_on(self.address + '/nowhere', 'create', '/in')
        self.assertEqual((done.returncode, done.stderr), (
            1, 'Node does not exist: /in\n'))

    def test_ephemerals_go_with_the_command(self):
        """a single command ends its session"""
        self.ok('create', '-e', self.base + '/e')
        self.expect(self.conn, zkwire.exists(self.base + '/e'), -101)

    def time_start(self):
        """Milliseconds to the first output of a command, and to its end."""
        begin = time.monotonic()
        with subprocess.Popen(
                shells.command('zkcli', self.address, 'ls', '/zookeeper'),
                stdout=subprocess.PIPE, env=shells.environment()) as run:
            out = os.read(run.stdout.fileno(), 1)
            first = time.monotonic() - begin
            out += run.stdout.read()
            code = run.wait(PATIENCE)
            whole = time.monotonic() - begin
        self.assertEqual(code, 0, out)
        self.assertTrue(out.endswith(b'\n[config, quota]\n'), out)
        return first * 1000, whole * 1000

    def test_start_does_not_take_long(self):
        """from the start to the first output; $ZK_TEST_START_MS is a limit"""
        first, whole = map(min, zip(*[self.time_start() for _ in range(30)]))
        print('first output %.1f ms, the end %.1f ms (best of 30)'
              % (first, whole))
        if START_LIMIT:
            self.assertLess(first, float(START_LIMIT))

    def test_output_that_cannot_be_written(self):
        """a full disk is a failure"""
        with open('/dev/full', 'w') as full:
            done = subprocess.run(
                shells.command('zkcli', self.address, 'ls', '/'),
                stdout=full, stderr=subprocess.PIPE, encoding='utf-8',
                env=shells.environment(), timeout=shells.PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn('standard output', done.stderr)

    # ---- servers that are not there -----------------------------------------

    def test_no_server(self):
        """a port where nobody listens: an error, soon"""
        with socket.socket() as taken:
            taken.bind((servers.HOST, 0))
            address = '%s:%d' % taken.getsockname()
            done = self.run_on(address, '-timeout', '3000', 'ls', '/',
                               timeout=20)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stderr, 'KeeperErrorCode = ConnectionLoss '
                             'for /\n')
            done = self.run_on(address, '-timeout', '3000',
                               '-waitforconnection', 'ls', '/', timeout=20)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stderr,
                             'KeeperErrorCode = ConnectionLoss\n')
            # One that is there is found behind others that are not.
            done = self.run_on('%s,%s,%s' % (address, self.address, address),
                               'ls', '/', timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_silent_server(self):
        """a server that says nothing: an error within the time-out"""
        with socket.socket() as silent:
            silent.bind((servers.HOST, 0))
            silent.listen(10)
            address = '%s:%d' % silent.getsockname()
            begin = time.monotonic()
            done = self.run_on(address, '-timeout', '2000', 'ls', '/',
                               timeout=30)
            self.assertEqual(done.returncode, 1)
            self.assertIn('ConnectionLoss', done.stderr)
            self.assertLess(time.monotonic() - begin, 15)

    def start_lines(self, *options):
        return Lines(self, shells.command('zkcli', self.address, *options))

    def test_server_stops_answering(self):
        """a server that falls silent: an error within the time-out"""
        run = self.start_lines('-timeout', '2000')
        run.say('ls /zookeeper', '[config, quota]')
        begin = time.monotonic()
        self.server.pause()
        try:
            run.say('get ' + self.base,
                    'KeeperErrorCode = ConnectionLoss for ' + self.base)
            self.assertLess(time.monotonic() - begin, 15)
        finally:
            self.server.resume()
        run.say('ls /zookeeper', '[config, quota]')
        self.assertEqual(run.rest()[1], 0)

    def test_server_that_is_killed(self):
        """a server that goes and comes back: errors, then answers"""
        run = self.start_lines('-timeout', '9000')
        run.say('ls /zookeeper', '[config, quota]')
        self.server.kill()
        run.hear_event('Disconnected', 'None', 'null')
        run.say('ls /', 'KeeperErrorCode = ConnectionLoss for /')
        self.server.start()
        run.say('sync /\nls /zookeeper', '[config, quota]')
        run.say('quit')
        run.hear_event('Closed', 'None', 'null')
        self.assertEqual(run.rest(), ([], 0))

    def test_event_without_a_command(self):
        """an event is told while the shell waits for the next line"""
        self.expect(self.conn, zkwire.set_data(self.base, b'one'), 0)
        run = self.start_lines()
        run.say('get -w ' + self.base, 'one')
        self.expect(self.conn, zkwire.set_data(self.base, b'x'), 0)
        run.hear_event('SyncConnected', 'NodeDataChanged', self.base)
        run.say('printwatches off\nget -w %s' % self.base, 'x')
        self.expect(self.conn, zkwire.set_data(self.base, b'y'), 0)
        run.say('get ' + self.base)
        self.assertEqual(run.rest(), (['y'], 0))

    # ---- lines --------------------------------------------------------------

    def test_lines(self):
        """blank lines, CR LF and a last line without an end"""
        done = subprocess.run(
            shells.command('zkcli', self.address),
            input=b'\n   \n\t\nls /zookeeper\r\nhistory\nget /nope',
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=shells.environment(), timeout=shells.PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, b'Node does not exist: /nope\n')
        self.assertTrue(done.stdout.endswith(
            b'[config, quota]\n0 - ls /zookeeper\n1 - history\n'),
            done.stdout)

    def test_many_lines(self):
        """the last thousand can be done again"""
        done = shells.run(
            shells.command('zkcli', self.address),
            ['version'] + ['printwatches off'] * 998 + ['redo 0', 'redo 0',
                                                        'redo 2', 'history'])
        self.assertEqual(done.stderr, 'Command index out of range\n')
        self.assertEqual(done.stdout.count('ZooKeeper CLI version'), 2)
        self.assertTrue(done.stdout.endswith(
            '999 - version\n1000 - redo 0\n1001 - printwatches off\n'
            '1002 - history\n'), done.stdout)

    def test_line_too_long(self):
        """a line that no command can be ends the shell"""
        done = subprocess.run(
            shells.command('zkcli', self.address), input=b'x' * (17 << 20),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=shells.environment(), timeout=shells.PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b'a line of more than', done.stderr)

    def test_line_with_a_nul(self):
        """what stands before it is no command"""
        self.expect(self.conn, zkwire.create(self.base + '/a'), 0)
        for end in (b'', b'\n'):
            done = subprocess.run(
                shells.command('zkcli', self.address),
                input=b'deleteall %s/a\0b%s' % (self.base.encode(), end),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env=shells.environment(), timeout=shells.PATIENCE)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b'a line with a NUL', done.stderr)
            self.expect(self.conn, zkwire.exists(self.base + '/a'), 0)

    def test_words_java_dies_of(self):
        """bad numbers and paths are errors like others"""
        for line, text in (
                ('set -v x / y', '-v argument must be an int value: x'),
                ('delete -v 99999999999 /a',
                 '-v argument must be an int value: 99999999999'),
                ('redo x', 'x is no number of a command'),
                ('setAcl -v 1x / world:anyone:r',
                 '-v argument must be an int value: 1x'),
                ('addWatch a', 'Path must start with / character'),
                ('redo', 'redo cmdno'),
                ('redo -1', 'is no number of a command'),
                ('getEphemerals a//b', 'Path must start with / character'),
                ('connect a:b:c', "a:b:c"),
                ('connect a:b:c\nls /', 'Not connected'),
                ('set -b %s !!!' % self.base, 'is not in base64: !!!')):
            done = self.zkcli(lines=[line])
            self.assertEqual(done.returncode, 1, (line, done.stderr))
            self.assertEqual(
                [text in complaint
                 for complaint in done.stderr.splitlines()[-1:]], [True],
                (line, done.stderr))
        # And what is none.
        done = self.zkcli(lines=['config -w extra', '"'])
        self.assertEqual((done.returncode, done.stderr), (0, ''))

    def test_exit_code_of_lines(self):
        """that of the last command, also after quit"""
        for lines, code in ((['get /nope', 'ls /'], 0),
                            (['ls /', 'get /nope'], 1),
                            (['ls /', 'foo', 'quit'], 127),
                            (['get /nope', 'exit'], 1), ([], 0),
                            (['get /nope', 'redo 0'], 1)):
            self.assertEqual(self.zkcli(lines=lines).returncode, code, lines)

    # ---- commands of other versions than 3.8.0's ----------------------------

    def test_old_commands(self):
        """what 3.4 had: rmr, ls2, and versions as a third word"""
        self.ok('create', self.base + '/a', 'x')
        self.assertRegex(self.ok('ls2', self.base),
                         r'(?s)^\[a\]\ncZxid = 0x.*\nnumChildren = 1\n$')
        self.fails(1, 'version No is not valid', 'set', self.base + '/a',
                   'y', '7')
        self.ok('set', self.base + '/a', 'y', '0')
        self.fails(1, 'world is no version', 'set', self.base + '/a',
                   'hello', 'world')
        self.fails(1, 'version No is not valid', 'delete', self.base + '/a',
                   '0')
        self.ok('delete', self.base + '/a', '1')
        self.ok('create', self.base + '/t')
        self.ok('create', self.base + '/t/u')
        done = self.zkcli('rmr', self.base + '/t')
        self.assertEqual((done.returncode, done.stderr), (
            0, "The command 'rmr' has been deprecated. Please use "
            "'deleteall' instead.\n"))
        self.assertEqual(self.ok('ls', self.base), '[]\n')

    def test_data_forms(self):
        """get -b, get -x and set -b are of 3.9"""
        data = bytes(range(20)) + b'zkd'
        self.ok('set', '-b', self.base, base64.b64encode(data).decode())
        self.assertEqual(self.expect_data(), data)
        self.assertEqual(self.ok('get', '-b', self.base),
                         base64.b64encode(data).decode() + '\n')
        self.assertEqual(self.ok('get', '-x', self.base), (
            '         +{0}+\n'
            '         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |\n'
            '+--------+{0}+{1}+\n'
            '|00000000| 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f '
            '|................|\n'
            '|00000010| 10 11 12 13 7a 6b 64                            '
            '|....zkd         |\n'
            '+--------+{0}+{1}+\n').format('-' * 49, '-' * 16))
        self.ok('set', self.base, '')
        self.assertEqual(self.ok('get', '-x', self.base), '\n')

    def expect_data(self):
        reply = self.conn.call(zkwire.get_data(self.base))
        self.assertEqual(reply.err, 0)
        return reply.body['data']

    def test_binary_data_in_a_pipe(self):
        """data comes as it is, where Java's shell repairs it"""
        data = bytes(range(256)) + b'a\xff\xe2\x82b\x1b[m'
        self.expect(self.conn, zkwire.set_data(self.base, data), 0)
        done = subprocess.run(
            shells.command('zkcli', self.address, 'get', self.base),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=shells.environment(),
            timeout=shells.PATIENCE)
        self.assertEqual((done.returncode, done.stderr), (0, b''))
        self.assertTrue(done.stdout.endswith(b'\n' + data + b'\n'),
                        done.stdout)

    def test_json(self):
        """-o json: one object for a command"""
        self.assertEqual(self.json('create', self.base + '/j', 'x')['path'],
                         self.base + '/j')
        got = self.json('get', '-s', self.base + '/j')
        self.assertEqual((got['command'], got['data'], got['ok'],
                          got['stat']['version'], got['stat']['dataLength']),
                         ('get', 'x', True, 0, 1))
        self.assertRegex(got['stat']['czxid'], '^0x[0-9a-f]+$')
        got = self.json('get', '/nope', code=1)
        self.assertEqual((got['ok'], got['code'], got['error']), (
            False, 'NONODE', 'Node does not exist: /nope'))
        self.expect(self.conn, zkwire.set_data(self.base, b'\xff\0'), 0)
        self.assertEqual(self.json('get', self.base)['data_base64'], '/wA=')
        self.assertEqual(self.json('ls', self.base)['children'], ['j'])
        self.assertEqual(self.json('ls', '-R', self.base)['paths'],
                         [self.base, self.base + '/j'])
        self.assertEqual(self.json('getAcl', self.base)['acl'], [
            {'scheme': 'world', 'id': 'anyone', 'perms': 'cdrwa'}])
        self.assertEqual(self.json('whoami')['auth'][0]['scheme'], 'ip')
        self.assertEqual(self.json('getAllChildrenNumber', self.base)
                         ['number'], 1)
        self.assertEqual(self.json('foo', code=127)['ok'], False)
        self.assertEqual(self.json('get', code=1)['code'], 'USAGE')
        done = self.zkcli('-o', 'json', lines=[
            'get -w ' + self.base, 'set %s y' % self.base, 'redo 0'])
        docs = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([d.get('command') for d in docs if 'command' in d],
                         ['get', 'set', 'redo'])
        self.assertIn(('NodeDataChanged', self.base),
                      [(d.get('event'), d.get('path')) for d in docs])
        self.assertEqual(docs[-1]['data'], 'y')

    def test_json_of_quit(self):
        """it does what it was asked for; the exit code is the last one's"""
        done = self.zkcli('-o', 'json', lines=['get /nope', 'quit'])
        self.assertEqual(done.returncode, 1)
        docs = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([(d['command'], d['ok']) for d in docs
                          if 'command' in d],
                         [('get', False), ('quit', True)])

    # ---- large and refused --------------------------------------------------

    def test_large_trees(self):
        """ls -R and deleteall of thousands of nodes"""
        ops = []
        for i in range(40):
            ops.append('%s/d%02d' % (self.base, i))
            ops += ['%s/d%02d/n%03d' % (self.base, i, k) for k in range(75)]
        for path in ops:
            self.conn.post(zkwire.create(path))
        for path in ops:
            self.assertEqual(self.conn.next_reply().err, 0)
        want = [self.base] + ['%s/d%02d' % (self.base, i) for i in range(40)]
        for i in range(40):
            want += ['%s/d%02d/n%03d' % (self.base, i, k) for k in range(75)]
        self.assertEqual(self.ok('ls', '-R', self.base).split('\n')[:-1],
                         want)
        self.assertEqual(self.ok('getAllChildrenNumber', self.base),
                         '3040\n')
        self.ok('deleteall', '-b', '70', self.base + '/d00')
        self.ok('deleteall', '-b', '0', self.base + '/d01')
        self.assertEqual(self.ok('getAllChildrenNumber', self.base),
                         '2888\n')
        self.ok('deleteall', self.base)
        self.expect(self.conn, zkwire.exists(self.base), -101)

    def test_deleteall_that_is_refused(self):
        """a node that may not be removed is a failure"""
        self.ok('create', self.base + '/a', 'x', 'world:anyone:r')
        self.ok('create', self.base + '/b')
        self.ok('setAcl', self.base, 'world:anyone:cra')
        self.fails(1, 'Failed to delete some node(s) in the subtree!',
                   'deleteall', self.base)
        self.fails(1, 'Insufficient permission : ', 'deleteall', '-b', '0',
                   self.base)
        self.ok('setAcl', self.base, 'world:anyone:cdrwa')

    def test_set_acl_below(self):
        """setAcl -R goes on behind a node that refuses"""
        self.ok('create', self.base + '/a')
        self.ok('create', self.base + '/b')
        self.ok('setAcl', self.base + '/a', 'world:anyone:cdrwa')
        out = self.ok('setAcl', '-R', '-v', '0', self.base,
                      'world:anyone:cdra')
        self.assertEqual(out, 'KeeperErrorCode = BadVersion for %s/a\n'
                         % self.base)
        self.assertEqual(self.ok('getAcl', self.base + '/b'),
                         "'world,'anyone\n: cdra\n")

    def test_auth_that_is_refused(self):
        """addauth with a scheme that is none ends the session"""
        done = self.zkcli(lines=['addauth nonsense x', 'ls /'])
        self.assertEqual(done.returncode, 1)
        self.assertIn('KeeperErrorCode = AuthFailed', done.stderr)
        self.assertIn('state:AuthFailed', done.stdout)
        self.assertIn('Not connected', done.stderr)


class Enforced(harness.ServerCase):
    """zkcli and a server that takes nothing before an auth."""

    config = {'tickTime': '500', 'enforce.auth.enabled': 'true',
              'enforce.auth.schemes': 'digest', 'ensembleAuthName': 'here'}

    def run_lines(self, *lines, before=''):
        address = before + '%s:%d' % self.server.address
        return shells.run(shells.command('zkcli', address), list(lines))

    def test_auth_goes_first(self):
        # The first of two servers is none, and still nothing is asked before.
        for before in ('', '127.0.0.1:1,'):
            done = self.run_lines('addauth ensemble here',
                                  'addauth digest u:p', 'ls /',
                                  before=before)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(done.stderr, '')
            self.assertNotIn('state:Disconnected', done.stdout)
            self.assertIn('zookeeper', done.stdout)

    def test_no_auth(self):
        done = self.run_lines('ls /')
        self.assertEqual(done.returncode, 1)
        self.assertIn('failed to authenticate', done.stderr)


if __name__ == '__main__':
    harness.main(__name__)
