# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""The two shells: Apache's (Debian's 3.8.0) and zkcli, run alike.

Environment:
  ZKCLI   path of zkcli (default: beside zkd)
"""

import os
import re
import subprocess

import harness
import servers

JAVA_FLAGS = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1',
              '-Dorg.slf4j.simpleLogger.defaultLogLevel=off',
              '-Dzookeeper.extendedTypesEnabled=true']
JAVA_MAIN = 'org.apache.zookeeper.ZooKeeperMain'
PATIENCE = 90.0

# A command that both answer alike, and with its number: what stands in front
# of the answer belongs to the command before.
MARK = 'stat /mark-%d-'
MARK_LINE = re.compile(r'^Node does not exist: /mark-(\d+)-$')

EVENT = re.compile(r'^WatchedEvent state:(\S+) type:(\S+) path:(.*?)'
                   r'(?: zxid: -?\d+)?$')


def zkcli_path():
    """Where zkcli is: $ZKCLI, else beside zkd."""
    return os.environ.get('ZKCLI') or os.path.join(
        os.path.dirname(servers.zkd_path()), 'zkcli')


def command(kind, address, *options):
    """The words that run a shell ('java' or 'zkcli')."""
    if kind == 'java':
        words = servers.java_command(*JAVA_FLAGS) + [JAVA_MAIN]
    else:
        words = [zkcli_path()]
    return words + ['-server', address] + list(options)


def environment():
    """No file of the user's, and one language for both."""
    env = dict(os.environ, LC_ALL='C.UTF-8', TZ='UTC', ZKCLI_HISTORY='')
    env.pop('JAVA_TOOL_OPTIONS', None)
    return env


def run(words, lines=None, merged=False, timeout=PATIENCE, **more):
    """Runs a shell to its end; lines go to its standard input."""
    text = None if lines is None else ''.join(l + '\n' for l in lines)
    return subprocess.run(
        words, input=text,
        stdin=subprocess.DEVNULL if lines is None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else subprocess.PIPE,
        env=environment(), encoding='utf-8', timeout=timeout, **more)


def transcript(kind, address, commands):
    """Plays commands in one shell: (answers, events, exit code).

    An answer is the list of lines that a command printed, on standard output
    and standard error in the order they came, without empty ones.  Events
    come at times of their own and are listed apart, in order.
    """
    lines = []
    for i, text in enumerate(commands):
        lines += [text, MARK % i]
    done = run(command(kind, address), lines + ['quit'], merged=True)
    answers, events, answer = [], [], []
    for line in done.stdout.split('\n'):
        event = EVENT.match(line)
        mark = MARK_LINE.match(line)
        if event:
            events.append(event.groups())
        elif mark:
            if int(mark.group(1)) != len(answers):
                raise AssertionError('mark %s after %d answers:\n%s' % (
                    mark.group(1), len(answers), done.stdout))
            answers.append(answer)
            answer = []
        elif line and line != 'WATCHER::':
            answer.append(line)
    if len(answers) != len(commands):
        raise AssertionError('%s answered %d of %d commands:\n%s' % (
            kind, len(answers), len(commands), done.stdout))
    return answers, events, done.returncode


class ZkcliCase(harness.ServerCase):
    """One server, and a folder in it for each test of zkcli."""

    config = {'maxSessionTimeout': '300000'}

    def setUp(self):
        super().setUp()
        self.address = '%s:%d' % self.server.address
        # It sends no pings while a command takes its time.
        self.conn = self.connect(timeout=300000)
        self.base = self.fresh(self.conn)

    def run_on(self, address, *words, lines=None, **more):
        return run(command('zkcli', address, *words), lines, **more)

    def zkcli(self, *words, lines=None, **more):
        return self.run_on(self.address, *words, lines=lines, **more)

    def ok(self, *words, **more):
        """Runs a command that must succeed; what it answered."""
        done = self.zkcli(*words, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split('path:null zxid: -1\n', 1)[-1]
