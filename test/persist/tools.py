# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Shared by the tests of zktool: running it and Apache's tool of the same
duty on the same files, and files made by hand.

All run in UTF-8 and in the time zone that a test says.
"""

import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest
import zlib

import files
import servers

ZKTOOL = os.environ.get('ZKTOOL') or os.path.join(files.BUILD, 'src/zktool')
JAVA_FLAGS = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1',
              '-Dfile.encoding=UTF-8',
              '-Dorg.slf4j.simpleLogger.defaultLogLevel=off']
PACKAGE = 'org.apache.zookeeper.server.'
# The JSON of Apache's tool is made by Jackson.
JACKSON = '/usr/share/java/jackson-core.jar'
os.environ['ZK_JAVA_CP'] += ':' + JACKSON

LIMIT = 120
NOBODY = 65534


class Ran:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr.decode('utf-8', 'replace')


def run(command, cwd=None, stdin=b'', zone='UTC', user=None, file_size=None):
    """As another user, or with files that grow no longer, if that is said."""
    env = dict(os.environ, LC_ALL='C.UTF-8', TZ=zone)

    def limit():
        if file_size is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
        if user is not None:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)

    return Ran(subprocess.run(
        [str(word) for word in command], cwd=cwd, env=env, input=stdin,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT,
        preexec_fn=limit))


def zktool(*words, user=None, **how):
    if user is None:
        return run([ZKTOOL] + list(words), **how)
    # Another user may not reach the folder of the build.
    with tempfile.TemporaryDirectory(prefix='zkd-tools.') as place:
        os.chmod(place, 0o755)
        program = shutil.copy(ZKTOOL, place)
        return run([program] + list(words), user=user, **how)


def need_root(test):
    if os.geteuid() != 0:
        test.skipTest('only root can become another user')


def java(main, *words, **how):
    return run(servers.java_command(*JAVA_FLAGS) + [PACKAGE + main]
               + list(words), **how)


class ToolCase(unittest.TestCase):
    """A test with a folder of its own."""

    maxDiff = 4000

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix='zkd-tools.')
        self.addCleanup(shutil.rmtree, self.dir, True)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def put(self, name, content):
        with open(self.path(name), 'wb') as out:
            out.write(content)
        return self.path(name)

    def tool(self, *words, code=0, **how):
        """zktool, which must end with that code."""
        ran = zktool(*words, **how)
        self.assertEqual(ran.code, code, (words, ran.out[-1000:], ran.err))
        return ran

    def same(self, ours, theirs):
        """The lines of both, where a difference can be read."""
        if ours.out != theirs.out:
            self.assertEqual(ours.out.decode('utf-8', 'replace').split('\n'),
                             theirs.out.decode('utf-8', 'replace').split(
                                 '\n'))
        self.assertEqual(ours.out, theirs.out)


def tree(folder):
    """Every file below a folder, with its content."""
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with open(path, 'rb') as content:
                found[os.path.relpath(path, folder)] = content.read()
    return found


def without_seconds(text):
    return re.sub(rb'in [0-9.]+ seconds', b'in T seconds', text)


# ---- log files ----------------------------------------------------------

def records(log):
    """(offset, length of the txn) of the records of a log's bytes."""
    at = 16
    while at + 12 <= len(log):
        length = struct.unpack('>i', log[at + 8:at + 12])[0]
        if length <= 0:
            return
        yield at, length
        at += 12 + length + 1


def record(txn, crc=None):
    crc = zlib.adler32(txn) if crc is None else crc
    return struct.pack('>qi', crc, len(txn)) + txn + b'B'


def log_header():
    return struct.pack('>iiq', 0x5a4b4c47, 2, 0)


# ---- snapshot files -----------------------------------------------------

def string(text):
    text = text if isinstance(text, bytes) else text.encode()
    return struct.pack('>i', len(text)) + text


def node(path, data=b'', zxid=1, ms=1700000000000, owner=0, pzxid=1):
    """A record of a snapshot; data None is null."""
    body = struct.pack('>i', -1) if data is None else string(data)
    return (string(path) + body + struct.pack('>q', -1)
            + struct.pack('>qqqqiiiqq', zxid, zxid, ms, ms + 1500, 1, 2, 3,
                          owner, pzxid))


def snapshot(nodes, sessions=()):
    """The bytes of a file with seal 1; nodes are records."""
    out = struct.pack('>iiq', 0x5a4b534e, 2, -1)
    out += struct.pack('>i', len(sessions))
    for session, timeout in sessions:
        out += struct.pack('>qi', session, timeout)
    out += struct.pack('>i', 0) + b''.join(nodes) + string('/')
    return out + struct.pack('>q', zlib.adler32(out)) + string('/')


BUILT_IN = [node('', zxid=0, pzxid=9), node('/zookeeper', zxid=0),
            node('/zookeeper/quota', zxid=0),
            node('/zookeeper/config', zxid=0)]
