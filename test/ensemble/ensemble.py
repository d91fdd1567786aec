# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Ensembles under test: several servers on loopback, zkd or Java.

    with ensemble.Ensemble('zkd', 'zkd', 'java', observers=1) as e:
        e.start()
        leader = e.wait_settled()           # one leader, the rest follows it
        zk = e.client()                     # kazoo, on all members
        zk.create('/a', b'1')
        leader.kill()                       # SIGKILL
        e.wait_settled()
        leader.start()
        e.wait_same_trees()                 # what every member holds

Members are numbered from 1 (myid) and found by e[1]; those after the voters
are observers.  Each has a folder, three ports that nobody else gets, and a
log file; a failure that this module raises (Failed) ends with the last lines
of all of them.  Every wait has a deadline.

What a member is:
    zkd        the program of this project ($ZKD)
    java       Debian's Apache server, 3.8.0
    script     zkd started, stopped and asked by bin/zkServer.sh

More in the environment: see ../interop/lib/servers.py (ZKD, ZKD_WRAP,
ZK_JAVA, ZK_JAVA_CP), whose ways to start a single server are used here, and
ZK_TEST_KEEP=1, which leaves the folders in place.
"""

import collections
import glob
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, 'test', 'interop', 'lib'))

import servers                                              # noqa: E402
import zkwire                                               # noqa: E402

HOST = servers.HOST
KINDS = ('zkd', 'java', 'script')

# Wide enough for Java, or a sanitizer build, on a busy machine.
DEADLINE = 60.0
STOP_DEADLINE = 20.0
TICK = 0.02

DEFAULT_CONFIG = {
    'tickTime': '500',
    'initLimit': '10',
    'syncLimit': '5',
    'maxClientCnxns': '0',
}
# More than the tests of one server need nothing here: mntr and the other
# words, a superuser, small log files.
DEFAULT_PROPERTIES = {
    'zookeeper.4lw.commands.whitelist': '*',
    'zookeeper.admin.enableServer': 'false',
    'zookeeper.DigestAuthenticationProvider.superDigest':
        zkwire.digest_id(*servers.SUPER),
    'zookeeper.preAllocSize': '64',
}

# What differs between members by its nature: the stat of the node that each
# server writes for itself.
UNLIKE = ('/zookeeper/config',)

Node = collections.namedtuple('Node', 'data acl stat')


class Failed(AssertionError):
    """A member, or the ensemble, did not do what was waited for."""


def wait_until(what, condition, seconds=DEADLINE, why=None):
    """Returns what condition() returns once that is true.

    Failed after the deadline: says 'what', and what why() adds.
    """
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Failed('not within %g s: %s%s' % (
                seconds, what, '\n' + why() if why else ''))
        time.sleep(TICK)


class Port:
    """A port of 127.0.0.1 that the kernel gives to nobody else.

    A bound socket keeps it that never listens; servers bind it besides,
    since both sides set SO_REUSEADDR.
    """

    def __init__(self):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((HOST, 0))
        self.number = self.socket.getsockname()[1]

    def close(self):
        self.socket.close()


class Member:
    """One server of an ensemble: a process, its folder and ports.

    Attributes: sid, kind, observer, folder, data (dataDir), config_path,
    log_path, address (of the client port), config and properties (dicts;
    change them before start; a value None leaves a property out).
    """

    def __init__(self, ensemble, sid, kind, observer):
        self.ensemble = ensemble
        self.sid = sid
        self.kind = kind
        self.observer = observer
        self.folder = os.path.join(ensemble.folder, 'zoo%d' % sid)
        self.data = os.path.join(self.folder, 'data')
        self.config_path = os.path.join(self.folder, 'zoo%d.cfg' % sid)
        self.log_path = os.path.join(self.folder, 'server.log')
        self.ports = [Port(), Port(), Port()]
        self.address = (HOST, self.ports[0].number)
        self.config = dict(ensemble.config)
        self.properties = dict(ensemble.properties)
        self.process = None
        self.paused = False
        os.makedirs(self.data)
        self.write_myid()

    def __repr__(self):
        return '%s %d' % (self.kind, self.sid)

    def server_line(self):
        """What stands behind "server.N=" in every member's zoo.cfg."""
        return '%s:%d:%d%s' % (HOST, self.ports[1].number,
                               self.ports[2].number,
                               ':observer' if self.observer else '')

    def write_myid(self):
        with open(os.path.join(self.data, 'myid'), 'w') as out:
            out.write('%d\n' % self.sid)

    def write_config(self):
        """zoo.cfg as start() has it."""
        lines = dict(self.config)
        lines['dataDir'] = self.data
        lines['clientPort'] = str(self.address[1])
        lines['clientPortAddress'] = HOST
        if self.observer:
            lines['peerType'] = 'observer'
        for member in self.ensemble:
            lines['server.%d' % member.sid] = member.server_line()
        with open(self.config_path, 'w') as out:
            for item in lines.items():
                out.write('%s=%s\n' % item)

    # ---- the process

    def command(self):
        defines = ['-D%s=%s' % item for item in sorted(
            self.properties.items()) if item[1] is not None]
        if self.kind == 'java':
            # slf4j-simple's lines at info, for the role changes.
            flags = [flag for flag in servers.JAVA_FLAGS
                     if 'defaultLogLevel' not in flag]
            return servers.java_command(*(flags + defines)) + [
                servers.JAVA_MAIN, self.config_path]
        return shlex.split(os.environ.get('ZKD_WRAP', '')) + \
            [servers.zkd_path()] + defines + [self.config_path]

    def start(self):
        """Starts the server; waits for nothing."""
        if self.process is not None:
            raise RuntimeError('%r runs already' % self)
        self.write_config()
        command = self.command()
        with open(self.log_path, 'ab') as log:
            log.write(('--- %s\n' % ' '.join(command)).encode())
            log.flush()
            try:
                self.process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log,
                    stderr=log, cwd=self.folder, close_fds=True,
                    preexec_fn=servers._die_with_parent)
            except OSError as error:
                raise Failed('cannot run %s: %s' % (command[0], error))
        return self

    def pid(self):
        """None when it does not run."""
        return self.process.pid if self.alive() else None

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def check_alive(self):
        if not self.alive():
            self.ensemble.fail('%r ended by itself (%s)' % (
                self, self.process and self.process.returncode))

    def stop(self):
        """SIGTERM; waits for its end.  zkd must exit with 0."""
        self.check_alive()
        self.resume()
        # Before it handles signals SIGTERM would just kill it.
        self.ensemble.wait('%r answers' % self, lambda: (
            not self.alive() or self.word('ruok')))
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self.ensemble.fail('%r ignores SIGTERM for %g s' % (
                self, STOP_DEADLINE))
        self.process = None
        if self.kind != 'java' and code != 0:
            self.ensemble.fail('%r ended with %d after SIGTERM' % (self,
                                                                   code))

    def kill(self):
        """SIGKILL, if it runs: a crash, as far as the disk can tell."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        self.paused = False

    def pause(self):
        """SIGSTOP: it stands still, with all its connections; each of its
        threads does when this returns."""
        pid = self.pid()
        os.kill(pid, signal.SIGSTOP)
        self.paused = True
        wait_until('%r stands still' % self, lambda: all(
            state in 'TZX' for state in _thread_states(pid)))

    def resume(self):
        """SIGCONT, if it was paused."""
        if self.paused:
            os.kill(self.pid(), signal.SIGCONT)
            self.paused = False

    def restart(self, crash=False):
        if crash:
            self.kill()
        else:
            self.stop()
        return self.start()

    def wipe(self):
        """Takes its data away (it must not run); it keeps its myid."""
        shutil.rmtree(self.data)
        os.makedirs(self.data)
        self.write_myid()

    # ---- asking it

    def word(self, word, timeout=5.0):
        """What it answers to a four-letter word; '' when it does not."""
        try:
            return zkwire.four_letter_word(self.address, word, timeout)
        except (OSError, zkwire.Timeout, zkwire.Closed):
            return ''

    def lines(self, word, separator):
        """A word's answer as a dict of what stands around the separator."""
        pairs = (line.split(separator, 1)
                 for line in self.word(word).splitlines())
        return {pair[0]: pair[1].strip() for pair in pairs
                if len(pair) == 2}

    def mntr(self):
        """mntr as a dict: {'zk_server_state': 'leader', ...}."""
        return self.lines('mntr', '\t')

    def role(self):
        """leader, follower, observer, read-only, standalone, or None while
        it serves nobody."""
        if not self.alive() or self.paused:
            return None
        return self.lines('srvr', ':').get('Mode')

    def zxid(self):
        """The last zxid it has applied; None while it serves nobody."""
        text = self.lines('srvr', ':').get('Zxid')
        return int(text, 16) if text else None

    def connect(self, **fields):
        """A zkwire.Conn with a session on this member."""
        return zkwire.connect(self.address, **fields)

    def client(self, **options):
        """A started kazoo client of this member alone."""
        return self.ensemble.client(self, **options)

    def tree(self, conn):
        """All nodes over 'conn' (see connect): {path: Node}; ACLs do not
        stand in the way.  Slightly different moments for each node, while
        there are writers."""
        nodes = {}
        conn.call(zkwire.auth('digest', ':'.join(servers.SUPER).encode()))
        paths = ['/']
        while paths:
            some, paths = paths[:100], paths[100:]
            for path in some:
                conn.post(zkwire.get_data(path), zkwire.get_acl(path),
                          zkwire.get_children(path))
            for path in some:
                data, acl, below = (conn.next_reply() for _ in range(3))
                if below.err != 0:
                    continue            # Deleted meanwhile.
                if path not in UNLIKE and data.err == 0:
                    nodes[path] = Node(data.body['data'],
                                       acl.body.get('acl'),
                                       data.body['stat'])
                paths += [path.rstrip('/') + '/' + name
                          for name in below.body['children']]
        return nodes

    def log_tail(self, lines=40):
        try:
            with open(self.log_path, errors='replace') as log:
                tail = log.readlines()[-lines:]
        except OSError:
            tail = []
        return '==> %r: %s\n%s' % (self, self.log_path, ''.join(tail))

    def discard(self):
        self.kill()
        for port in self.ports:
            port.close()


class ScriptMember(Member):
    """A zkd that bin/zkServer.sh starts and stops, as users do.

    SERVER_JVMFLAGS carry the properties, ZOO_LOG_DIR is the folder.
    """

    def __init__(self, *args):
        super().__init__(*args)
        self.started = None             # The pid, once it was started.

    def script(self, *words):
        """Runs zkServer.sh; returns subprocess.CompletedProcess."""
        env = {name: value for name, value in os.environ.items()
               if not name.startswith(('ZOO', 'JVM', 'SERVER_JVM', 'JMX',
                                       'CLIENT_JVM', 'LOG4C'))}
        env.update(ZKD=servers.zkd_path(), ZOOCFGDIR=self.folder,
                   ZOO_LOG_DIR=self.folder, USER='tester',
                   HOSTNAME='testhost',
                   SERVER_JVMFLAGS=' '.join(
                       '-D%s=%s' % item
                       for item in sorted(self.properties.items())
                       if item[1] is not None))
        self.log_path = os.path.join(
            self.folder, 'zookeeper-tester-server-testhost.out')
        return subprocess.run(
            [os.path.join(TOP, 'bin', 'zkServer.sh'), *words], env=env,
            cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            universal_newlines=True, timeout=DEADLINE, check=False)

    def expect(self, verb, code, out):
        """Runs a verb over the member's file, its output must match."""
        ran = self.script(verb, self.config_path)
        if ran.returncode != code or not re.search(out, ran.stdout):
            self.ensemble.fail('zkServer.sh %s %s: exit %d\n%s%s' % (
                verb, self.config_path, ran.returncode, ran.stdout,
                ran.stderr))
        return ran.stdout

    def start(self):
        self.write_config()
        self.expect('start', 0, r'^Starting zookeeper \.\.\. STARTED\n$')
        with open(os.path.join(self.data, 'zookeeper_server.pid')) as pid:
            self.started = int(pid.read())
        return self

    def pid(self):
        return self.started if self.alive() else None

    def alive(self):
        if self.started is None:
            return False
        try:
            with open('/proc/%d/stat' % self.started) as stat:
                return stat.read().rpartition(')')[2].split()[0] not in 'ZX'
        except OSError:
            return False

    def check_alive(self):
        if not self.alive():
            self.ensemble.fail('%r ended by itself' % self)

    def stop(self):
        self.check_alive()
        self.resume()
        self.expect('stop', 0, r'^Stopping zookeeper \.\.\. STOPPED\n$')
        self.started = None

    def kill(self):
        if self.alive():
            os.kill(self.started, signal.SIGKILL)
            wait_until('%r is gone' % self, lambda: not self.alive())
        self.started = None
        self.paused = False

    def status(self):
        """What `zkServer.sh status` prints behind "Mode: "; None when it
        does not reach a server."""
        ran = self.script('status', self.config_path)
        found = re.search(r'^Mode: (.*)$', ran.stdout, re.MULTILINE)
        if (ran.returncode == 0) != bool(found):
            self.ensemble.fail('zkServer.sh status: exit %d\n%s%s' % (
                ran.returncode, ran.stdout, ran.stderr))
        return found.group(1) if found else None


class Ensemble:
    """Members, and what holds between them.  A context manager: the end
    kills all members and removes their folders.

    kinds: of the voters, in order of their ids; observers: their kinds, or how
    many more of the last kind; config, properties: of every member, over the
    defaults.
    """

    def __init__(self, *kinds, observers=0, config=None, properties=None):
        if isinstance(observers, int):
            observers = kinds[-1:] * observers
        n_voters = len(kinds)
        kinds += tuple(observers)
        if not n_voters or any(kind not in KINDS for kind in kinds):
            raise ValueError('kinds of servers: %s' % ', '.join(KINDS))
        self.folder = tempfile.mkdtemp(prefix='zkd-ensemble.')
        self.config = dict(DEFAULT_CONFIG)
        self.config.update(config or {})
        self.properties = dict(DEFAULT_PROPERTIES)
        self.properties.update(properties or {})
        self.clients = []
        self.members = {}
        for at, kind in enumerate(kinds):
            self.members[at + 1] = self.make_member(at + 1, kind,
                                                    at >= n_voters)

    def make_member(self, sid, kind, observer):
        make = ScriptMember if kind == 'script' else Member
        return make(self, sid, kind, observer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __iter__(self):
        return iter(list(self.members.values()))

    def __getitem__(self, sid):
        return self.members[sid]

    def voters(self):
        return [m for m in self if not m.observer]

    def alive(self):
        """Members that run and do not stand still."""
        return [m for m in self if m.alive() and not m.paused]

    def start(self):
        """Starts all that do not run; waits for nothing."""
        for member in self:
            if not member.alive():
                member.start()
        return self

    def stop(self):
        """Stops all that run, the leader last."""
        members = self.alive()
        members.sort(key=lambda m: m.role() == 'leader')
        for member in members:
            member.stop()

    def close(self):
        for zk in self.clients:
            _end_client(zk)
        self.clients = []
        for member in self:
            member.discard()
        if not os.environ.get('ZK_TEST_KEEP'):
            shutil.rmtree(self.folder, ignore_errors=True)

    # ---- roles

    def roles(self):
        """{sid: role()} of all that run."""
        return {m.sid: m.role() for m in self.alive()}

    def leader(self):
        """The one that says it leads, or None."""
        leading = [m for m in self.alive() if m.role() == 'leader']
        return leading[0] if len(leading) == 1 else None

    def wait_leader(self, seconds=DEADLINE):
        """Waits until one member leads; returns it."""
        return self.wait('one member leads', self.leader, seconds)

    def wait_role(self, member, *roles, seconds=DEADLINE):
        """Waits until the member has one of these roles; returns it."""
        return self.wait('%r is %s' % (member, ' or '.join(
            str(role) for role in roles)),
            lambda: _among(member.role(), roles), seconds)

    def wait_settled(self, seconds=DEADLINE):
        """Waits until every member that runs serves, one as the leader.
        Returns the leader."""
        return self.wait('one leads and all others serve', self._settled,
                         seconds)

    def _settled(self):
        members = self.alive()
        roles = [m.role() for m in members]
        wanted = [('observer',) if m.observer else ('leader', 'follower')
                  for m in members]
        if roles.count('leader') != 1 or not all(
                role in some for role, some in zip(roles, wanted)):
            return None
        return members[roles.index('leader')]

    # ---- data

    def client(self, *members, **options):
        """A started kazoo client of these members (all, if none is named);
        ended with the ensemble."""
        from kazoo.client import KazooClient
        from kazoo.retry import KazooRetry
        options.setdefault('timeout', 10.0)
        options.setdefault('connection_retry', KazooRetry(
            max_tries=-1, delay=0.05, max_delay=0.5))
        hosts = ','.join('%s:%d' % m.address for m in members or self)
        zk = KazooClient(hosts=hosts, **options)
        self.clients.append(zk)
        zk.start(timeout=DEADLINE)
        return zk

    def trees(self):
        """{sid: Member.tree()} of all members that run, taken while all of
        them stand at one zxid.  Returns None when they do not."""
        members = self.alive()
        conns = []
        try:
            for member in members:
                conns.append(member.connect(timeout=10000))
            # Sessions are transactions: what was opened must be everywhere.
            for conn in conns:
                if conn.call(zkwire.sync('/')).err != 0:
                    return None
            before = _transactions(members)
            if len(before) > 1 or None in before:
                return None
            trees = {m.sid: m.tree(c) for m, c in zip(members, conns)}
            return trees if before == _transactions(members) else None
        except (OSError, zkwire.Closed, zkwire.Timeout):
            return None
        finally:
            for conn in conns:
                end_session(conn)

    def wait_same_trees(self, seconds=DEADLINE):
        """Waits until all members that run stand at one zxid, and fails if
        their trees then differ.  Returns the tree: {path: Node}."""
        trees = self.wait('all members stand at one zxid', self.trees,
                          seconds)
        first, *others = sorted(trees)
        for other in others:
            difference = _difference(trees[first], trees[other])
            if difference:
                self.fail('the trees of members %d and %d differ:\n%s' % (
                    first, other, difference))
        return trees[first]

    # ---- failing

    def wait(self, what, condition, seconds=DEADLINE):
        """wait_until; a failure has the roles and logs."""
        try:
            return wait_until(what, condition, seconds)
        except Failed as failed:
            self.fail(str(failed))

    def fail(self, what):
        """Raises Failed with the roles and the ends of all logs."""
        raise Failed('%s\nroles: %s\n%s' % (
            what, {m.sid: m.role() if m.alive() else 'gone' for m in self},
            '\n'.join(m.log_tail() for m in self)))


def _transactions(members):
    """The last transactions that they know.  0x500000000 is not one: a
    leader's zxid at the start of its epoch, which others need not have."""
    zxids = {m.zxid() for m in members}
    return {zxid for zxid in zxids if zxid is None or zxid & 0xffffffff}


def _thread_states(pid):
    """The letters of /proc for each thread of a process."""
    states = []
    for path in glob.glob('/proc/%d/task/*/stat' % pid):
        try:
            with open(path) as stat:
                states.append(stat.read().rpartition(')')[2].split()[0])
        except OSError:
            pass                        # It has just ended.
    return states


def _among(role, roles):
    return role if role in roles else None


def _difference(left, right, most=10):
    """What differs between two trees, as text; '' when nothing does."""
    lines = []
    for path in sorted(set(left) | set(right)):
        if left.get(path) != right.get(path):
            lines.append('%s\n    %s\n    %s' % (path, left.get(path),
                                                 right.get(path)))
    if len(lines) > most:
        lines[most:] = ['... and %d more' % (len(lines) - most)]
    return '\n'.join(lines)


def end_session(conn):
    """Closes a session of ours so that it leaves nothing behind."""
    try:
        conn.post(zkwire.close_session())
        conn.wait_closed(5.0)
    except (OSError, zkwire.Closed, zkwire.Timeout, zkwire.DecodeError):
        pass
    conn.close()


def _end_client(zk):
    try:
        zk.stop()
        zk.close()
    except Exception as error:          # What is left of it dies with us.
        sys.stderr.write('kazoo: %s\n' % error)
