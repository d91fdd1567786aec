#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""zkcli in a terminal: prompt, editing, history, completion, events between
the keys, resizing, Ctrl-C, Ctrl-D, Ctrl-Z.

The terminal is tmux: what it shows is what a person would see.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), 'lib'))

import harness                          # noqa: E402
import shells                           # noqa: E402
import zkwire                           # noqa: E402

PATIENCE = 20.0
LIMIT = 300
PS1 = 'shell-is-back$'


class Screen:
    """One tmux session of its own, which runs a command in bash; it ends with
    the test, or at the latest after LIMIT seconds."""

    def __init__(self, case, folder, columns=80, rows=24):
        self.folder = folder
        self.socket = os.path.join(folder, 'tmux')
        # First: a new-session that takes too long may have a server, too.
        case.addCleanup(self.close)
        self.tmux('new-session', '-d', '-x', str(columns), '-y', str(rows),
                  'exec env -i PATH="$PATH" HOME="%s" TERM=screen '
                  'LC_ALL=C.UTF-8 PS1="%s" timeout --foreground -k 5 %d '
                  'bash --norc --noprofile' % (folder, PS1, LIMIT))
        self.wait_line(PS1)

    def tmux(self, *words):
        env = dict(os.environ, LC_ALL='C.UTF-8', HOME=self.folder)
        env.pop('TMUX', None)
        return subprocess.run(
            ['tmux', '-S', self.socket, '-f', '/dev/null'] + list(words),
            check=True, env=env, stdout=subprocess.PIPE, encoding='utf-8',
            timeout=PATIENCE).stdout

    def close(self):
        try:
            self.tmux('kill-server')
        except subprocess.SubprocessError:
            pass                        # Gone, or soon by its time limit.

    def lines(self):
        """What the screen shows, without empty lines at the end."""
        return self.tmux('capture-pane', '-p').rstrip('\n').split('\n')

    def cursor(self):
        return self.tmux('display', '-p', '#{cursor_x}').strip()

    def type(self, text):
        self.tmux('send-keys', '-l', '--', text)

    def press(self, *keys):
        self.tmux('send-keys', *keys)

    def wait(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while True:
            lines = self.lines()
            if condition(lines):
                return lines
            if time.monotonic() > deadline:
                raise AssertionError('%s; the screen shows\n%s' % (
                    what, '\n'.join(lines)))
            time.sleep(0.02)

    def wait_line(self, text):
        """Until the last line is the text."""
        return self.wait(lambda lines: lines[-1].rstrip() == text,
                         'no last line %r' % text)

    def wait_text(self, text):
        return self.wait(lambda lines: any(text in line for line in lines),
                         'no %r' % text)


@unittest.skipUnless(shutil.which('tmux'), 'tmux is not installed')
class Terminal(harness.ServerCase):

    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix='zkd-terminal.')
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.address = '%s:%d' % self.server.address
        self.conn = self.connect()
        self.base = self.fresh(self.conn)

    def start(self, *options, columns=80):
        self.screen = Screen(self, self.folder, columns)
        self.run_zkcli(*options)

    def run_zkcli(self, *options):
        self.screen.type('clear; %s -server %s %s' % (
            shells.zkcli_path(), self.address, ' '.join(options)))
        self.screen.press('Enter')
        self.number = 0
        self.screen.wait_line(self.prompt())

    def prompt(self, number=None, state='CONNECTED'):
        return '[zk: %s(%s) %d]' % (self.address, state,
                                    self.number if number is None else number)

    def typed(self, text):
        """Until the text stands behind the prompt, in the last line."""
        return self.screen.wait_line((self.prompt() + ' ' + text).rstrip())

    def enter(self, text):
        """Types a line, and waits for the next prompt."""
        self.screen.type(text)
        self.screen.press('Enter')
        self.number += 1
        return self.screen.wait_line(self.prompt())

    # ---- keys ---------------------------------------------------------------

    def test_prompt_and_answer(self):
        """the prompt counts commands and tells the state"""
        self.start()
        lines = self.screen.lines()
        self.assertIn('Welcome to ZooKeeper!', lines)
        self.assertIn('JLine support is enabled', lines)
        self.assertIn('WatchedEvent state:SyncConnected type:None path:null '
                      'zxid: -1', lines)
        lines = self.enter('ls /zookeeper')
        self.assertEqual(lines[-2], '[config, quota]')
        self.assertEqual(lines[-3], self.prompt(0) + ' ls /zookeeper')

    def test_state_in_prompt(self):
        """after close the prompt says so, and connect comes back"""
        self.start()
        self.screen.type('close')
        self.screen.press('Enter')
        self.number = 1
        self.screen.wait_line(self.prompt(state='CLOSED'))
        self.screen.type('connect')
        self.screen.press('Enter')
        self.number = 2
        self.screen.wait_line(self.prompt())

    def test_editing(self):
        """keys move and delete as in other programs"""
        self.start()
        self.screen.type('get /zookeepr/config')
        for _ in range(8):
            self.screen.press('Left')
        self.screen.type('e')
        self.typed('get /zookeeper/config')
        self.screen.press('Home')
        self.screen.press('C-k')
        self.typed('')
        self.screen.type('ls /zz')
        self.screen.press('BSpace', 'BSpace')
        self.screen.type('zookeeper')
        self.screen.press('C-a')
        self.screen.type('xx')
        self.screen.press('C-a', 'DC', 'DC', 'C-e')
        self.screen.press('Enter')
        self.number += 1
        lines = self.screen.wait_line(self.prompt())
        self.assertEqual(lines[-2], '[config, quota]')

    def test_utf8(self):
        """letters beyond ASCII are one character each"""
        self.start()
        self.screen.type('create %s/\u00e4\u20acx' % self.base)
        self.screen.press('BSpace', 'BSpace')
        self.screen.type('\u00f6')
        self.typed('create %s/\u00e4\u00f6' % self.base)
        lines = self.enter('')
        self.assertEqual(lines[-2], 'Created %s/\u00e4\u00f6' % self.base)
        self.expect(self.conn, zkwire.exists(self.base + '/\u00e4\u00f6'), 0)

    def test_binary_data(self):
        """data cannot change the terminal's state"""
        self.expect(self.conn, zkwire.set_data(
            self.base, b'\x1b[2J\x1b]0;x\x07ok\xff\xc2\x9b!\ttab\nline'), 0)
        self.start()
        lines = self.enter('get ' + self.base)
        self.assertEqual(lines[-3],
                         '\\x1b[2J\\x1b]0;x\\x07ok\\xff\\xc2\\x9b!      tab')
        self.assertEqual(lines[-2], 'line')

    # ---- history ------------------------------------------------------------

    def test_history(self):
        """arrows and Ctrl-R find lines, also those of the last time"""
        self.start()
        self.enter('ls /zookeeper')
        self.enter('addauth digest user:secret')
        self.enter('stat /')
        self.screen.press('Up')
        self.typed('stat /')
        self.screen.press('Up')
        self.typed('ls /zookeeper')
        self.screen.press('Down')
        self.typed('stat /')
        self.screen.press('C-u')
        self.typed('')
        self.screen.press('C-d')
        self.screen.wait_line(PS1)
        name = os.path.join(self.folder, '.zkcli_history')
        with open(name) as kept:
            text = kept.read()
        self.assertIn('stat', text)
        self.assertNotIn('secret', text)
        self.assertEqual(os.stat(name).st_mode & 0o777, 0o600)
        self.run_zkcli()
        self.screen.press('C-r')
        self.screen.type('zook')
        self.screen.wait_text('ls /zookeeper')
        self.screen.press('Enter')
        self.number += 1
        lines = self.screen.wait_line(self.prompt())
        self.assertIn('[config, quota]', lines)

    # ---- completion ---------------------------------------------------------

    def test_complete_commands_and_options(self):
        """Tab completes commands, options and words"""
        self.start()
        self.screen.type('getAl')
        self.screen.press('Tab')
        self.typed('getAllChildrenNumber')
        self.screen.press('C-u')
        self.screen.type('del')
        self.screen.press('Tab', 'Tab')
        lines = self.screen.wait_text('deleteall')
        self.assertIn('delete     deleteall  delquota', lines)
        self.screen.press('C-u')
        self.screen.type('reconfig -mem')
        self.screen.press('Tab')
        self.typed('reconfig -members')
        self.screen.press('C-u')
        self.screen.type('help printw')
        self.screen.press('Tab')
        self.typed('help printwatches')

    def test_complete_paths(self):
        """Tab completes paths of the server"""
        for name in ('alpha', 'alpine', 'beta', 'beta/one', 'with blank'):
            self.expect(self.conn, zkwire.create(self.base + '/' + name), 0)
        self.start()
        self.screen.type('get -s %s/a' % self.base)
        self.screen.press('Tab')
        self.typed('get -s %s/alp' % self.base)
        self.screen.press('Tab')
        lines = self.screen.wait_text('alpine')
        self.assertIn('alpha   alpine', lines)
        self.typed('get -s %s/alp' % self.base)
        self.screen.type('i')
        self.screen.press('Tab')
        self.screen.wait(lambda _: self.screen.cursor() == str(len(
            self.prompt() + ' get -s %s/alpine ' % self.base)),
            'no blank behind a whole path')
        self.screen.press('C-u')
        self.screen.type('ls %s/be' % self.base)
        self.screen.press('Tab')
        self.typed('ls %s/beta' % self.base)
        self.screen.press('Tab', 'Tab')
        self.typed('ls %s/beta/one' % self.base)
        self.screen.press('C-u')
        self.screen.type('stat %s/wi' % self.base)
        self.screen.press('Tab')
        self.typed('stat "%s/with blank"' % self.base)
        self.screen.press('C-u')
        self.screen.type('ls %s/none/x' % self.base)
        self.screen.press('Tab')
        self.typed('ls %s/none/x' % self.base)

    # ---- events -------------------------------------------------------------

    def event(self):
        return ['', 'WATCHER::', '',
                'WatchedEvent state:SyncConnected type:NodeDataChanged '
                'path:%s zxid:' % self.base]

    def check_event(self, lines, above):
        """One event stands above the last 'above' lines, and nothing of the
        line that was typed."""
        block = lines[-above - 4:-above]
        block[-1] = block[-1][:len(self.event()[-1])]
        self.assertEqual(block, self.event())

    def test_event_while_typing(self):
        """an event comes between; the line goes on below it"""
        self.start()
        self.enter('addWatch -m PERSISTENT ' + self.base)
        self.screen.type('create %s/x half' % self.base)
        self.screen.press('Left', 'Left')
        self.typed('create %s/x half' % self.base)
        before = self.screen.cursor()
        self.expect(self.conn, zkwire.set_data(self.base, b'1'), 0)
        self.screen.wait_text('NodeDataChanged')
        lines = self.typed('create %s/x half' % self.base)
        self.check_event(lines, 1)
        self.assertEqual(lines[-6], self.prompt(0)
                         + ' addWatch -m PERSISTENT ' + self.base)
        self.assertEqual(self.screen.cursor(), before)
        self.screen.press('C-e')
        lines = self.enter('-way')
        self.assertEqual(lines[-2], 'Created %s/x' % self.base)

    def test_event_while_typing_a_long_line(self):
        """the same for a line that is longer than the screen is wide"""
        self.start(columns=60)
        self.enter('addWatch -m PERSISTENT ' + self.base)
        text = 'create %s/y ' % self.base + 'abcdefghij' * 12
        whole = self.prompt() + ' ' + text
        wrapped = [whole[i:i + 60] for i in range(0, len(whole), 60)]
        self.screen.type(text)
        self.screen.wait(lambda l: l[-len(wrapped):] == wrapped, 'no line')
        self.expect(self.conn, zkwire.set_data(self.base, b'1'), 0)
        lines = self.screen.wait(
            lambda l: l[-len(wrapped):] == wrapped
            and any('NodeDataChanged' in line for line in l),
            'the line is garbled')
        self.assertEqual(sum(line.startswith(wrapped[0])
                             for line in lines), 1)
        self.screen.press('Home')
        self.expect(self.conn, zkwire.set_data(self.base, b'2'), 0)
        lines = self.screen.wait(
            lambda l: l[-len(wrapped):] == wrapped
            and sum('NodeDataChanged' in line for line in l) == 2,
            'the line is garbled')
        self.assertEqual(sum(line.startswith(wrapped[0])
                             for line in lines), 1)

    def test_server_goes_and_comes(self):
        """the state in the prompt follows the server"""
        self.start()
        self.screen.type('ls /zoo')
        self.typed('ls /zoo')
        self.server.kill()
        self.screen.wait_text('state:Disconnected')
        self.screen.wait_line(self.prompt(state='CONNECTING') + ' ls /zoo')
        self.server.start()
        self.typed('ls /zoo')
        lines = self.enter('keeper')
        self.assertEqual(lines[-2], '[config, quota]')

    # ---- the rest -----------------------------------------------------------

    def test_resize(self):
        """the line is drawn anew, and editing goes on"""
        self.start(columns=100)
        text = 'create %s/z ' % self.base + '0123456789' * 8
        self.screen.type(text)
        whole = self.prompt() + ' ' + text
        self.screen.wait_text(whole[:100])
        self.screen.tmux('resize-window', '-x', '50', '-y', '24')
        wrapped = [whole[i:i + 50] for i in range(0, len(whole), 50)]
        lines = self.screen.wait(lambda l: l[-len(wrapped):] == wrapped,
                                 'no line')
        self.assertEqual(sum(line == wrapped[0] for line in lines), 1)
        self.screen.press('BSpace')
        self.screen.type('X')
        wrapped[-1] = wrapped[-1][:-1] + 'X'
        self.screen.wait(lambda l: l[-len(wrapped):] == wrapped, 'no line')
        self.screen.tmux('resize-window', '-x', '120', '-y', '24')
        self.screen.type('Y')
        self.screen.wait(lambda l: ''.join(l).endswith('678XY'), 'no line')
        self.screen.press('Enter')
        self.screen.wait_text('Created')
        reply = self.expect_data(self.base + '/z')
        self.assertEqual(reply, (text + 'Y')[len('create %s/z ' % self.base):]
                         .replace('789Y', '78XY'))

    def expect_data(self, path):
        done = shells.run(shells.command('zkcli', self.address, 'get', path))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split('\n')[-2]

    def test_control_c(self):
        """Ctrl-C drops the line; the shell goes on"""
        self.start()
        self.screen.type('deleteall /')
        self.typed('deleteall /')
        self.screen.press('C-c')
        lines = self.screen.wait_line(self.prompt())
        self.assertTrue(lines[-2].endswith('deleteall /^C'), lines)
        lines = self.enter('ls /zookeeper')
        self.assertEqual(lines[-2], '[config, quota]')

    def test_control_c_ends_waiting(self):
        """Ctrl-C ends the wait for a server that does not answer"""
        self.start()
        self.enter('ls /zookeeper')
        self.server.pause()
        try:
            self.screen.type('ls /')
            self.screen.press('Enter')
            self.screen.wait(lambda l: l[-1].endswith('ls /'), 'no command')
            self.screen.press('C-c')
            self.number += 1
            lines = self.screen.wait_line(self.prompt())
            self.assertIn('interrupted', lines[-2])
        finally:
            self.server.resume()
        lines = self.enter('ls /zookeeper')
        self.assertEqual(lines[-2], '[config, quota]')

    def test_control_d(self):
        """Ctrl-D ends the shell on an empty line only"""
        self.start()
        self.enter('ls /nowhere')
        self.screen.type('xy')
        self.screen.press('C-d', 'BSpace', 'BSpace')
        self.typed('')
        self.screen.press('C-d')
        self.screen.wait_line(PS1)
        self.screen.type('echo $?')
        self.screen.press('Enter')
        lines = self.screen.wait(lambda l: len(l) > 1 and l[-2] == '1',
                                 'no exit code 1')
        self.assertEqual(lines[-3], PS1 + 'echo $?')

    def test_control_z(self):
        """Ctrl-Z stops the shell; fg goes on with the line"""
        self.start()
        self.screen.type('ls /zoo')
        self.typed('ls /zoo')
        self.screen.press('C-z')
        self.screen.wait_text('Stopped')
        self.screen.wait_line(PS1)
        self.screen.type('fg')
        self.screen.press('Enter')
        self.typed('ls /zoo')
        lines = self.enter('keeper')
        self.assertEqual(lines[-2], '[config, quota]')


if __name__ == '__main__':
    harness.main(__name__)
