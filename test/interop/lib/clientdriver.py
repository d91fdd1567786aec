# SPDX-License-Identifier: Apache-2.0
"""The client of this project by words: client_driver and its answers."""
import os
import queue
import subprocess
import threading
import time
import unittest

import servers

# A busy machine, a sanitizer build: what is waited for comes much earlier.
DEADLINE = 60.0


def driver_path():
    builddir = os.environ.get('top_builddir')
    if builddir:
        return os.path.join(builddir, 'test', 'interop', 'client_driver')
    return os.path.join(os.path.dirname(servers.zkd_path()), '..', 'test',
                        'interop', 'client_driver')


class Answer:
    """A line "= ERROR NAME=VALUE..."; a name may be there more than once."""

    def __init__(self, line):
        words = line.split(' ')
        self.line = line
        self.err = words[1] if len(words) > 1 else ''
        self.all = [tuple(word.split('=', 1)) for word in words[2:]
                    if '=' in word]

    def __getitem__(self, name):
        return dict(self.all)[name]

    def get(self, name):
        return dict(self.all).get(name)

    def __repr__(self):
        return self.line


class Client:
    """A client_driver that runs."""

    def __init__(self, connect, *options):
        self.process = subprocess.Popen(
            [driver_path(), *options, connect], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            universal_newlines=True, preexec_fn=servers._die_with_parent)
        self.answers = queue.Queue()
        self.told = queue.Queue()       # Events and answers to "&".
        self.log = []
        self.readers = [threading.Thread(target=self._read, daemon=True),
                        threading.Thread(target=self._log, daemon=True)]
        for reader in self.readers:
            reader.start()

    def _read(self):
        for line in self.process.stdout:
            line = line.rstrip('\n')
            (self.answers if line[0] == '=' else self.told).put(line)

    def _log(self):
        for line in self.process.stderr:
            self.log.append(line)

    def send(self, *words):
        self.process.stdin.write(' '.join(words) + '\n')
        self.process.stdin.flush()

    def ask(self, *words):
        """An operation and its answer."""
        self.send(*words)
        try:
            return Answer(self.answers.get(timeout=DEADLINE))
        except queue.Empty:
            raise AssertionError('no answer to %r\n%s' % (
                words, ''.join(self.log))) from None

    def ok(self, *words):
        answer = self.ask(*words)
        if answer.err != 'ok':
            raise AssertionError('%s: %s\n%s' % (words, answer,
                                                 ''.join(self.log)))
        return answer

    def insist(self, *words):
        """Asks until the answer is not that the link was lost."""
        deadline = time.monotonic() + DEADLINE
        while True:
            answer = self.ask(*words)
            if answer.err != 'ConnectionLoss':
                return answer
            if time.monotonic() > deadline:
                raise AssertionError('%s: %s\n%s' % (words, answer,
                                                     ''.join(self.log)))

    def next(self, seconds=DEADLINE):
        """The next event or answer to "&"."""
        try:
            return self.told.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError('nothing was told\n%s' % ''.join(
                self.log)) from None

    def state(self, name):
        return self.ok('state')[name]

    def close(self):
        """Ends it; a client that hangs, or ends otherwise, is a failure."""
        if self.process.returncode is not None:
            return
        self.process.stdin.close()
        try:
            code = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = 'no end'
        for reader in self.readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        if code != 0:
            raise AssertionError('client_driver ended with %s\n%s' % (
                code, ''.join(self.log)))


class ClientCase(unittest.TestCase):
    def client(self, connect, *options):
        client = Client(connect, *options)
        self.addCleanup(client.close)
        return client

    def tells(self, client, *lines):
        """These are what the client is told next."""
        for line in lines:
            self.assertEqual(client.next(), line)

    def err(self, err, answer):
        self.assertEqual(answer.err, err, answer)
        return answer
