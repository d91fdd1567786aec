#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""zkcli where something is wrong: servers that fall silent or hang up,
requests that are refused, descriptors that are closed, halves of quotas; and
what must not be seen: passwords, control characters."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), 'lib'))

import harness                          # noqa: E402
import middlemen                        # noqa: E402
import servers                          # noqa: E402
import shells                           # noqa: E402
import zkwire                           # noqa: E402

MULTI, SET_ACL, ADD_WATCH, CLOSE = 14, 7, 106, -11
# Longer than a test waits: no time-out of the session helps.
TIMEOUT = '60000'
SOON = 15.0


class Pty:
    """A program in a terminal; TERM=dumb, so that lines stay lines."""

    def __init__(self, words, **more):
        self.master, slave = pty.openpty()
        attributes = termios.tcgetattr(slave)
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        streams = {'stdin': slave, 'stdout': slave, 'stderr': slave}
        streams.update(more)
        self.process = subprocess.Popen(
            words, env=dict(shells.environment(), TERM='dumb'),
            start_new_session=True, **streams)
        os.close(slave)
        fcntl.fcntl(self.master, fcntl.F_SETFL, os.O_NONBLOCK)
        self.text = ''

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)

    def read(self, seconds):
        """What comes next; '' at the end."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            raise AssertionError('nothing more comes behind\n' + self.text)
        try:
            more = os.read(self.master, 65536).decode('utf-8', 'replace')
        except OSError:                 # EIO: nobody has it open any more.
            more = ''
        self.text += more
        return more

    def wait_text(self, text, seconds=SOON):
        """Until the text has come; takes all up to it away."""
        deadline = time.monotonic() + seconds
        while text not in self.text:
            if not self.read(max(deadline - time.monotonic(), 0)):
                raise AssertionError('the end, and no %r in\n%s' % (
                    text, self.text))
        before, self.text = self.text.split(text, 1)
        return before

    def wait_end(self, seconds=SOON):
        """Until the program has ended; its exit code."""
        deadline = time.monotonic() + seconds
        while self.read(max(deadline - time.monotonic(), 0)):
            pass
        return self.process.wait(SOON)

    def enter(self, line):
        os.write(self.master, line.encode() + b'\r')


class Zkcli(shells.ZkcliCase):
    """zkcli behind a middleman, and in a terminal."""

    def between(self, at, silent=True):
        middleman = middlemen.Middleman(self.server.address, at, silent)
        self.addCleanup(middleman.close)
        return middleman

    def pty(self, address, *words, **more):
        terminal = Pty(shells.command('zkcli', address, '-timeout', TIMEOUT,
                                      *words), **more)
        self.addCleanup(terminal.close)
        return terminal

    def prompt(self, address, number):
        return '(CONNECTED) %d]' % number


class Interrupts(Zkcli):
    """Ctrl-C and SIGTERM, with a server that has fallen silent."""

    def begin(self, at):
        """A terminal whose server answers until the op 'at' comes."""
        self.middleman = self.between(at)
        terminal = self.pty(self.middleman.address)
        terminal.wait_text('SyncConnected')
        terminal.enter('ls /zookeeper')
        terminal.wait_text('[config, quota]')
        terminal.wait_text('1] ')
        return terminal

    def begin_deleteall(self):
        for i in range(30):
            self.expect(self.conn, zkwire.create('%s/%d' % (self.base, i)), 0)
        terminal = self.begin(MULTI)
        terminal.enter('deleteall -b 1 ' + self.base)
        self.assertTrue(self.middleman.reached.wait(SOON))
        return terminal

    def batches(self):
        return self.middleman.asked.count(MULTI)

    def test_control_c_ends_deleteall(self):
        """all batches under way are dropped, and no other one is sent"""
        terminal = self.begin_deleteall()
        deadline = time.monotonic() + SOON
        while self.batches() < 10 and time.monotonic() < deadline:
            select.select([], [], [], 0.01)
        terminal.process.send_signal(signal.SIGINT)
        terminal.wait_text('interrupted; what was asked may still happen')
        terminal.wait_text('2] ')
        self.assertEqual(self.batches(), 10)
        terminal.enter('version')
        terminal.wait_text('ZooKeeper CLI version')

    def test_sigterm_ends_deleteall(self):
        """and the shell"""
        terminal = self.begin_deleteall()
        terminal.process.send_signal(signal.SIGTERM)
        self.assertEqual(terminal.wait_end(), 1)

    def test_quit_can_be_interrupted(self):
        """nobody waits for the end of the session who does not want to"""
        terminal = self.begin(CLOSE)
        terminal.enter('quit')
        self.assertTrue(self.middleman.reached.wait(SOON))
        begin = time.monotonic()
        terminal.process.send_signal(signal.SIGINT)
        self.assertEqual(terminal.wait_end(), 0)
        self.assertLess(time.monotonic() - begin, 4)


class TreeWithoutEnd(Zkcli):
    """A server whose every znode has children, a thousand of them: it answers
    sooner than zkcli has printed the answer before."""

    NAMES = ['child-%03d' % i for i in range(1000)]

    def begin(self, names=None):
        answer = (zkwire.Writer().strings(names or self.NAMES).bytes()
                  + b'\0' * 68)         # A Stat.
        server = middlemen.Scripted(
            lambda sock: middlemen.answer_all(sock, answer))
        self.addCleanup(server.close)
        return server.address

    def interrupt(self, sign, command):
        terminal = self.pty(self.begin())
        terminal.wait_text('SyncConnected')
        terminal.enter(command)
        terminal.wait_text('/child-000/child-000/child-000')
        terminal.process.send_signal(sign)
        return terminal

    def test_control_c_ends_a_list(self):
        """though there is always something to print"""
        terminal = self.interrupt(signal.SIGINT, 'ls -R /')
        terminal.wait_text('interrupted; what was asked may still happen')
        terminal.wait_text('1] ')

    def test_sigterm_ends_a_list(self):
        """and the shell"""
        terminal = self.interrupt(signal.SIGTERM, 'ls -R /')
        self.assertEqual(terminal.wait_end(), 1)


    def test_memory_has_an_end(self):
        """that of the tree is never reached"""
        address = self.begin()
        for words in (['deleteall', '/'], ['ls', '-R', '/'],
                      ['-o', 'json', 'ls', '-R', '/'],
                      ['setAcl', '-R', '/', 'world:anyone:r']):
            done = self.run_on(address, '-Dzkd.treeMaxBytes=400000', *words)
            self.assertEqual(done.returncode, 1, words)
            self.assertIn('more znodes than zkd.treeMaxBytes', done.stderr)
            self.assertNotIn('/child-000' * 20, done.stdout)


class EventsWithoutEnd(Zkcli):
    """A server that tells of more than anybody can print."""

    PATH = '/' + 'x' * 60000
    EVENTS = 1500                       # 90 MB.

    def flood(self, sock):
        op = None
        while op != ADD_WATCH:          # Others look for a server.
            xid, op = struct.unpack('>ii', middlemen.read_frame(sock)[:8])
            middlemen.Scripted.reply(sock, xid, body=b'\0' * 68)
        event = zkwire.Writer().int(3).int(3).string(self.PATH).bytes()
        for _ in range(self.EVENTS):
            middlemen.Scripted.reply(sock, -1, body=event)
        self.sent.set()
        middlemen.answer_all(sock, b'')

    def test_what_cannot_be_printed_is_counted(self):
        """and not kept"""
        self.sent = threading.Event()
        server = middlemen.Scripted(self.flood)
        self.addCleanup(server.close)
        with subprocess.Popen(
                shells.command('zkcli', server.address, '-timeout', TIMEOUT),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, encoding='utf-8',
                env=shells.environment()) as zkcli:
            self.addCleanup(zkcli.kill)
            zkcli.stdin.write('addWatch /\n')
            zkcli.stdin.flush()
            # Nobody reads what it prints, and it takes all that is sent.
            self.assertTrue(self.sent.wait(middlemen.PATIENCE))
            out, err = zkcli.communicate('stat /\n',
                                         timeout=middlemen.PATIENCE)
        told = re.search(r'(\d+) events came faster than', err)
        self.assertIsNotNone(told, err)
        printed = out.count('type:NodeDataChanged')
        self.assertEqual(printed + int(told.group(1)), self.EVENTS)
        # Those that are printed, those that wait, and a pipe full.
        self.assertLess(printed * len(self.PATH), 40 << 20)


class SetAclBelow(Zkcli):
    """setAcl -R where not all goes well."""

    def setUp(self):
        super().setUp()
        for name in ('a', 'b', 'c'):
            self.expect(self.conn,
                        zkwire.create('%s/%s' % (self.base, name)), 0)

    def test_json_tells_what_failed(self):
        """"ok":false, and a list of the nodes that refused"""
        self.expect(self.conn, zkwire.set_acl(self.base + '/b'), 0)
        done = self.zkcli('-o', 'json', 'setAcl', '-R', '-v', '0', self.base,
                          'world:anyone:cdrwa')
        self.assertEqual(done.returncode, 1, done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual((told['ok'], told['failed']), (False, [{
            'path': self.base + '/b', 'code': 'BADVERSION',
            'error': 'KeeperErrorCode = BadVersion for %s/b' % self.base}]))

    def test_exit_code_is_java_s(self):
        """nodes that refuse are no failure in text, as in Java"""
        harness.need_java()
        codes = []
        for i, kind in enumerate(('java', 'zkcli')):
            self.expect(self.conn, zkwire.set_acl(self.base + '/b'), 0)
            done = shells.run(shells.command(
                kind, self.address, 'setAcl', '-R', '-v', str(i), self.base,
                'world:anyone:cdrwa'))
            self.assertIn('KeeperErrorCode = BadVersion for %s/b' % self.base,
                          done.stdout)
            codes.append(done.returncode)
        self.assertEqual(codes, [0, 0])

    def test_no_valid_entry(self):
        """an ACL of nothing is refused before anything is asked"""
        for option in ([], ['-R']):
            done = self.zkcli('setAcl', *option, self.base, 'junk')
            self.assertEqual(done.returncode, 1)
            self.assertIn('Acl is not valid : null', done.stderr)
            self.assertNotIn('KeeperErrorCode', done.stdout)

    def test_a_server_that_goes(self):
        """is missed once, not at each node"""
        done = self.run_on(self.between(SET_ACL, False).address, 'setAcl',
                           '-R', self.base, 'world:anyone:cdrwa')
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, 'KeeperErrorCode = ConnectionLoss for '
                         '%s\n' % self.base)
        self.assertNotIn('ConnectionLoss', done.stdout)


class Quotas:
    """Halves of quotas, on both servers."""

    kind = None

    @classmethod
    def setUpClass(cls):
        cls.server = harness.start(cls.kind)

    LIMITS, STATS = '/zookeeper_limits', '/zookeeper_stats'

    def setUp(self):
        super().setUp()
        for name in ('a', 'b'):
            self.expect(self.conn,
                        zkwire.create('%s/%s' % (self.base, name)), 0)
        self.quota = '/zookeeper/quota' + self.base

    def half(self, *names):
        for name in ('',) + names:
            self.expect(self.conn, zkwire.create(
                self.quota + name, b'count=9,bytes=9' if name else b''), 0)

    def check(self, count):
        out = self.ok('listquota', self.base)
        self.assertRegex(out, r'Output quota for %s count=%d,bytes=-1' % (
            self.base, count))
        # What is used is counted, not made up.
        self.assertRegex(out, r'Output stat for %s count=3,bytes=0'
                         % self.base)

    def check_gone(self):
        self.expect(self.conn, zkwire.exists(self.quota), -101)
        self.assertEqual(self.ok('delquota', self.base).split('\n')[-2],
                         'Quota does not exist for ' + self.base)

    def test_whole(self):
        self.ok('setquota', '-n', '5', self.base)
        self.check(5)
        self.ok('setquota', '-n', '6', self.base)
        self.check(6)
        self.ok('delquota', self.base)
        self.check_gone()

    def test_limits_alone(self):
        self.half(self.LIMITS)
        self.ok('setquota', '-n', '7', self.base)
        out = self.ok('listquota', self.base)
        self.assertIn('count=7,bytes=9', out)
        self.assertIn('Output stat for %s count=3,bytes=0' % self.base, out)
        self.ok('delquota', self.base)
        self.check_gone()

    def test_stats_alone(self):
        self.half(self.STATS)
        self.ok('setquota', '-n', '8', self.base)
        self.check(8)
        self.ok('delquota', self.base)
        self.check_gone()

    def test_half_a_quota_is_removed(self):
        for half in (self.LIMITS, self.STATS):
            self.half(half)
            self.ok('delquota', self.base)
            self.check_gone()

    def test_what_nobody_can_read_is_removed(self):
        self.ok('setquota', '-n', '5', self.base)
        self.expect(self.conn, zkwire.set_data(self.quota + self.LIMITS,
                                               b'count=many'), 0)
        done = self.zkcli('setquota', '-n', '5', self.base)
        self.assertEqual(done.returncode, 1)
        self.assertIn('holds no quota: count=many', done.stderr)
        self.ok('delquota', self.base)
        self.check_gone()

    def test_warnings_in_json(self):
        done = self.zkcli('-o', 'json', 'setquota', '-n', '1', self.base)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)['warnings'], [
            '[Warning]: the count quota you create is less than the existing '
            'count:3'])
        self.ok('delquota', self.base)


class QuotasOfZkd(Quotas, Zkcli):
    kind = 'zkd'


class QuotasOfJava(Quotas, Zkcli):
    kind = 'java'


class NotToBeSeen(Zkcli):
    """Passwords and control characters."""

    def test_passwords(self):
        """redo and history show none"""
        for options in ([], ['-o', 'json']):
            done = self.zkcli(*options, lines=[
                "'addauth' digest bob:secret", 'redo 0', 'history', 'whoami'])
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotIn('secret', done.stdout + done.stderr)
            self.assertIn('addauth digest ***', done.stdout)
            self.assertIn('bob', done.stdout)

    def test_errors_in_a_terminal(self):
        """whatever standard output is"""
        terminal = self.pty(self.address, 'get', '/\x1b[2J\x9b',
                            stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL)
        self.assertEqual(terminal.wait_end(), 1)
        self.assertIn('\\x1b[2J', terminal.text)
        self.assertNotIn('\x1b', terminal.text)

    def test_output_in_a_terminal(self):
        """whatever standard error is"""
        self.expect(self.conn, zkwire.set_data(self.base, b'\x1b[2J\x7f'), 0)
        for options, text in (([], '\\x1b[2J\\x7f'),
                              (['-o', 'json'], '\\u001B[2J\\u007F')):
            terminal = self.pty(self.address, *options, 'get', self.base,
                                stdin=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
            self.assertEqual(terminal.wait_end(), 0)
            self.assertIn(text, terminal.text)
            self.assertNotIn('\x1b', terminal.text)


class Offline(Zkcli):
    """What needs no server, and descriptors that are closed."""

    def test_asks_no_server(self):
        """help, history, version and unknown commands do not connect"""
        with socket.socket() as listener:
            listener.bind((servers.HOST, 0))
            listener.listen(5)
            listener.setblocking(False)
            address = '%s:%d' % listener.getsockname()
            for words, code in ((['help'], 0), (['help', 'get'], 0),
                                (['history'], 0), (['version'], 0),
                                (['nonsense'], 127), (['connect'], 0)):
                done = self.run_on(address, '-timeout', '2000', *words)
                self.assertEqual(done.returncode, code, words)
                if words != ['connect']:
                    self.assertNotIn('Connecting to', done.stdout)
                    self.assertRaises(BlockingIOError, listener.accept)

    def test_version_without_a_session(self):
        done = self.zkcli(lines=['close', 'version'])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('ZooKeeper CLI version', done.stdout)

    def redirected(self, how, *words):
        return subprocess.run(
            ['sh', '-c', 'exec "$@" ' + how, 'sh'] + shells.command(
                'zkcli', self.address, *words),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, encoding='utf-8',
            env=shells.environment(), timeout=shells.PATIENCE)

    def test_closed_descriptors(self):
        """no socket takes their places"""
        done = self.redirected('<&-')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        done = self.redirected('<&- 2>&-', 'get', '/nope')
        self.assertEqual((done.returncode, done.stderr), (1, ''))
        done = self.redirected('>&-', 'ls', '/')
        self.assertEqual(done.returncode, 1)
        self.assertIn('standard output', done.stderr)
        done = self.redirected('<&- >&- 2>&-', 'create', self.base + '/x')
        self.assertEqual(done.returncode, 1)
        self.expect(self.conn, zkwire.exists(self.base + '/x'), 0)

    def test_a_name_that_nobody_knows(self):
        """the end does not wait for its lookup"""
        done = self.run_on('no-such-host.invalid', '-timeout', '1000', 'ls',
                           '/')
        self.assertEqual(done.returncode, 1)


if __name__ == '__main__':
    harness.main(__name__)
