# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Shared by the tests here: zkd_files, the Java server on a folder, and
Apache's tools for single files."""

import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'interop', 'lib'))

# The jar's own class path, plus what snapshots by snappy need.
os.environ.setdefault('ZK_JAVA_CP', ':'.join(
    '/usr/share/java/' + jar for jar in (
        'zookeeper.jar', 'snappy-java.jar', 'commons-cli.jar',
        'slf4j-simple.jar')))

import servers      # noqa: E402
import zkwire       # noqa: E402

BUILD = os.environ.get('top_builddir', os.getcwd())
ZKD_FILES = os.path.join(BUILD, 'test/persist/zkd_files')
TORN_LOG = os.path.join(BUILD, 'test/persist/test_torn_log')
SKIP = 77


def folder():
    return tempfile.mkdtemp(prefix='zkd-persist.')


def run(*args, env=None):
    """zkd_files: (exit code, stdout, stderr); -9 after a crash point."""
    full = dict(os.environ)
    full.update(env or {})
    done = subprocess.run([ZKD_FILES] + [str(a) for a in args], env=full,
                          capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def write(path, txns, method='plain', every=0, env=None):
    code, out, err = run('write', path, txns, method, every, env=env)
    if code != 0:
        raise AssertionError('write: %d: %s' % (code, err))
    return out


def read(path, verb='read'):
    """What a restore says, as a dict of strings."""
    code, out, err = run(verb, path)
    if code != 0:
        raise AssertionError('%s %s: %d: %s' % (verb, path, code, err))
    return dict(line.partition(' ')[::2] for line in out.splitlines())


def java_server(top, **properties):
    """A Java server whose dataDir is top/data; keeps the folder."""
    names = {'zookeeper.' + k.replace('_', '.'): v
             for k, v in properties.items()}
    return servers.Server('java', properties=names, folder=top)


def word(server, text):
    return zkwire.four_letter_word(server.address, text, 5.0)


def mntr(server):
    lines = word(server, 'mntr').splitlines()
    return dict(line.split('\t', 1) for line in lines if '\t' in line)


def srvr_zxid(server):
    for line in word(server, 'srvr').splitlines():
        if line.startswith('Zxid: '):
            return line.split()[1]
    raise AssertionError('srvr without Zxid')


def tool(main, *args):
    """One of Apache's tools: (exit code, stdout, stderr)."""
    done = subprocess.run(
        servers.java_command(*servers.JAVA_FLAGS) + [main] + list(args),
        capture_output=True, timeout=60)
    return (done.returncode, done.stdout.decode('utf-8', 'replace'),
            done.stderr.decode('utf-8', 'replace'))


def v2(top, *names):
    return os.path.join(top, 'data', 'version-2', *names)


def copy(top):
    other = folder()
    shutil.rmtree(other)
    shutil.copytree(top, other)
    return other


def require_java():
    if not servers.java_available():
        print('no Java server (packages zookeeper, libzookeeper-java)')
        sys.exit(SKIP)
