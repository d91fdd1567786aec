# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Load on a server that may die at any moment, and what must be there
afterwards.

A Worker owns the tree below /w<n> and one session; it alone writes there.
Its requests are numbered by what they do to a Model of that tree, so the
state after any number of them is known in advance, names of sequential nodes
included.  A server answers a session's requests in order; so after a crash
the tree must be the model after all requests that were acknowledged and some
first part (none, all) of those that were not.  A request that shows in part,
out of order or not at all although it was acknowledged fits no such state.
"""

import collections
import copy
import os
import random
import threading

import files
import zkwire

WINDOW = 8              # Requests in flight.
TIMEOUT_MS = 600000     # No session ends by itself.
TTL_MS = 1 << 35

GONE = (OSError, zkwire.Closed)


class Lost(AssertionError):
    """A server broke a promise; says which."""


class Node:
    """What a znode must look like; None: not known yet."""

    FIELDS = ('data', 'version', 'aversion', 'owner', 'cversion', 'children',
              'czxid', 'mzxid', 'pzxid', 'ctime', 'mtime')

    def __init__(self, data, owner, zxid):
        self.data = data
        self.owner = owner
        self.version = self.aversion = 0
        self.made = self.removed = 0    # Children, ever.
        self.czxid = self.mzxid = self.pzxid = zxid
        self.ctime = self.mtime = None
        self.acl = zkwire.OPEN

    @property
    def cversion(self):
        return self.made + self.removed

    @property
    def children(self):
        return self.made - self.removed


class Seen:
    """A znode as the server shows it."""

    def __init__(self, data, stat, acl):
        self.data, self.acl = data, acl
        self.version, self.aversion = stat.version, stat.aversion
        self.owner = stat.ephemeralOwner
        self.cversion, self.children = stat.cversion, stat.numChildren
        self.czxid, self.mzxid, self.pzxid = (stat.czxid, stat.mzxid,
                                              stat.pzxid)
        self.ctime, self.mtime = stat.ctime, stat.mtime


class Model:
    """The tree of one worker: path -> Node."""

    def __init__(self):
        self.nodes = {}

    def parent(self, path):
        return self.nodes.get(path.rpartition('/')[0])

    def apply(self, change, zxid):
        getattr(self, 'do_' + change[0])(zxid, *change[1:])

    def do_create(self, zxid, path, data, owner):
        self.nodes[path] = Node(data, owner, zxid)
        parent = self.parent(path)
        if parent is not None:
            parent.made += 1
            parent.pzxid = zxid

    def do_delete(self, zxid, path):
        del self.nodes[path]
        parent = self.parent(path)
        if parent is not None:
            parent.removed += 1
            parent.pzxid = zxid

    def do_set(self, zxid, path, data):
        node = self.nodes[path]
        node.data = data
        node.version += 1
        node.mzxid, node.mtime = zxid, None

    def do_acl(self, _, path, acl):
        node = self.nodes[path]
        node.acl = acl
        node.aversion += 1

    def do_end(self, zxid, session):
        """The session's end takes its ephemerals with it."""
        for path in [p for p, n in self.nodes.items()
                     if n.owner == session]:
            self.do_delete(zxid, path)

    def difference(self, seen):
        """None, or what is not as it must be."""
        for path in sorted(set(self.nodes) | set(seen)):
            want, got = self.nodes.get(path), seen.get(path)
            if want is None:
                return '%s is there, and must not be' % path
            if got is None:
                return '%s is missing' % path
            if want.acl != got.acl:
                return '%s: acl is %r, not %r' % (path, got.acl, want.acl)
            for field in Node.FIELDS:
                value = getattr(want, field)
                if value is not None and value != getattr(got, field):
                    return '%s: %s is %r, not %r' % (
                        path, field, getattr(got, field), value)
        return None

    def learn(self, seen):
        """Fills in what only the server could know."""
        for path, node in self.nodes.items():
            for field in ('czxid', 'mzxid', 'pzxid', 'ctime', 'mtime'):
                setattr(node, field, getattr(seen[path], field))


class Op:
    """A request, the changes it makes, and the error it must get."""

    def __init__(self, request, changes, err=0, path=None):
        self.request = request
        self.changes = changes
        self.err = err
        self.path = path        # That the reply must name.

    def apply(self, model, zxid):
        for change in self.changes:
            model.apply(change, zxid)


class Worker:
    """One client; run() is called on a thread of its own, the rest not
    meanwhile."""

    def __init__(self, number, seed, on_ack=lambda: None, heavy=True):
        self.name = 'w%d' % number
        self.root = '/' + self.name
        self.random = random.Random('%s %s' % (seed, number))
        self.on_ack = on_ack
        self.heavy = heavy      # Side sessions, too.
        self.conn = None
        self.session = 0
        self.passwd = b'\0' * 16
        self.last_zxid = 0
        self.sure = Model()     # After all that was acknowledged.
        self.ahead = Model()    # After all that was sent.
        self.flying = collections.deque()
        self.living = {}        # Side sessions: id -> password.
        self.ended = {}
        self.ending = None      # A side session whose close is in flight.
        self.acked = 0
        self.count = 0
        self.stop = threading.Event()
        self.failure = None

    # ------------------------------------------------------ what to send

    def fresh(self, kind):
        self.count += 1
        return '%s/%s%d' % (self.root, kind, self.count)

    def data(self):
        size = self.random.choice((0, 1, 20, 300, 3000))
        return bytes(self.random.getrandbits(8) for _ in range(size))

    def pick(self, childless=False):
        """Any node but the fixed ones, or None."""
        paths = [p for p, n in self.ahead.nodes.items()
                 if p not in (self.root, self.root + '/seq')
                 and not (childless and n.children)]
        return self.random.choice(paths) if paths else None

    def op_create(self):
        path, data = self.fresh('n'), self.data()
        return Op(self.random.choice((zkwire.create, zkwire.create2))(
            path, data), [('create', path, data, 0)], path=path)

    def op_ephemeral(self):
        path, data = self.fresh('e'), self.data()
        return Op(zkwire.create(path, data, flags=zkwire.EPHEMERAL),
                  [('create', path, data, self.session)], path=path)

    def op_sequential(self):
        parent = self.root + '/seq'
        ephemeral = self.random.random() < 0.3
        prefix = parent + '/s-'
        # Only ever created: the counter is the number of children made.
        path = '%s%010d' % (prefix, self.ahead.nodes[parent].made)
        data = self.data()
        flags = zkwire.EPHEMERAL_SEQUENTIAL if ephemeral \
            else zkwire.SEQUENTIAL
        return Op(zkwire.create(prefix, data, flags=flags),
                  [('create', path, data, self.session if ephemeral else 0)],
                  path=path)

    def op_container(self):
        path = self.fresh('c')
        return Op(zkwire.create_container(path),
                  [('create', path, b'', 0)], path=path)

    def op_ttl(self):
        path = self.fresh('t')
        return Op(zkwire.create_ttl(path, ttl=TTL_MS),
                  [('create', path, b'', 0)], path=path)

    def op_set(self):
        path = self.pick()
        if path is None:
            return self.op_create()
        data = self.data()
        version = self.random.choice((-1, self.ahead.nodes[path].version))
        return Op(zkwire.set_data(path, data, version),
                  [('set', path, data)])

    def op_set_acl(self):
        path = self.pick()
        if path is None:
            return self.op_create()
        acl = tuple(zkwire.OPEN) + (zkwire.ACL(
            zkwire.READ, 'ip', '10.0.0.%d' % self.random.randrange(99)),)
        return Op(zkwire.set_acl(path, acl), [('acl', path, acl)])

    def op_delete(self):
        path = self.pick(childless=True)
        if path is None:
            return self.op_create()
        return Op(zkwire.delete(path, self.ahead.nodes[path].version),
                  [('delete', path)])

    def op_multi(self):
        path, data, more = self.fresh('m'), self.data(), self.data()
        child = path + '/child'
        requests = [zkwire.create(path, data),
                    zkwire.set_data(path, more, 0),
                    zkwire.create(child, more, flags=zkwire.EPHEMERAL),
                    zkwire.check(path, 1)]
        changes = [('create', path, data, 0), ('set', path, more),
                   ('create', child, more, self.session)]
        victim = self.pick(childless=True)
        if victim is not None:
            requests.append(zkwire.delete(victim))
            changes.append(('delete', victim))
        return Op(zkwire.multi(*requests), changes)

    def op_multi_that_fails(self):
        path = self.fresh('x')
        return Op(zkwire.multi(zkwire.create(path, b'half'),
                               zkwire.set_data(path, b'of it', 0),
                               zkwire.delete(path, 77)), [])

    def op_that_fails(self):
        return Op(zkwire.create(self.root), [], err=zkwire.NODE_EXISTS)

    CHOICES = (('op_create', 24), ('op_set', 24), ('op_delete', 16),
               ('op_ephemeral', 8), ('op_sequential', 10), ('op_multi', 8),
               ('op_multi_that_fails', 4), ('op_that_fails', 4),
               ('op_set_acl', 4), ('op_container', 2), ('op_ttl', 2))
    MANY = 60               # Nodes beyond which they are deleted.

    def choose(self):
        if not self.ahead.nodes:
            return Op(zkwire.create(self.root),
                      [('create', self.root, b'', 0)])
        if self.root + '/seq' not in self.ahead.nodes:
            path = self.root + '/seq'
            return Op(zkwire.create(path), [('create', path, b'', 0)])
        if len(self.ahead.nodes) > self.MANY:
            return self.op_delete()
        names, weights = zip(*self.CHOICES)
        return getattr(self, self.random.choices(names, weights)[0])()

    # ------------------------------------------------------------ sending

    def send(self):
        op = self.choose()
        self.ahead_apply(op)
        self.flying.append(op)
        self.conn.post(op.request)

    def ahead_apply(self, op):
        op.apply(self.ahead, None)

    def receive(self):
        reply = self.conn.next_reply()
        self.acknowledged(reply)

    def acknowledged(self, reply):
        op = self.flying.popleft()
        if reply.op != op.request.op or reply.err != op.err:
            raise Lost('%s answered %r' % (op.request, reply))
        if op.path is not None and reply.body['path'] != op.path:
            raise Lost('%s made %s, not %s' % (
                op.request, reply.body['path'], op.path))
        if reply.op == zkwire.OPS['multi']:
            failed = [r.err for r in reply.body['results']
                      if r.type == -1 and r.err != 0]
            if bool(failed) == bool(op.changes):
                raise Lost('%s answered %r' % (op.request, reply))
        if reply.zxid <= self.last_zxid:
            raise Lost('zxid 0x%x of %s comes after 0x%x' % (
                reply.zxid, op.request, self.last_zxid))
        self.last_zxid = reply.zxid
        op.apply(self.sure, reply.zxid)
        self.acked += 1
        self.on_ack()

    def settle(self):
        while self.flying:
            self.receive()

    def run(self, address):
        """Writes until the server is gone or stop is set.  What goes wrong
        otherwise is kept in failure."""
        self.failure = None
        self.stop.clear()
        try:
            self.connect(address)
            while not self.stop.is_set():
                self.step(address)
            self.settle()
        except GONE:
            self.drain()
        except Exception as error:      # pylint: disable=broad-except
            self.failure = error
        finally:
            self.disconnect()

    def step(self, address):
        if self.heavy and self.random.random() < 0.03:
            self.settle()
            self.side_session(address)
            return
        while len(self.flying) < WINDOW:
            self.send()
        for _ in range(self.random.randrange(1, WINDOW + 1)):
            self.receive()

    def drain(self):
        """Takes the replies that came before the server went."""
        try:
            while self.flying:
                self.receive()
        except GONE:
            pass
        except Exception as error:      # pylint: disable=broad-except
            self.failure = error

    def disconnect(self):
        if self.conn is not None:
            self.conn.close()
            self.conn = None

    # ----------------------------------------------------------- sessions

    def connect(self, address):
        """Comes back to the session, or begins it."""
        conn = zkwire.connect(address, session=self.session,
                              passwd=self.passwd, timeout=TIMEOUT_MS,
                              last_zxid=self.last_zxid)
        if conn.session == 0 or self.session not in (0, conn.session):
            conn.close()
            raise Lost('session 0x%x cannot be resumed: got 0x%x' % (
                self.session, conn.session))
        self.session, self.passwd = conn.session, conn.passwd
        self.conn = conn

    def side_session(self, address):
        """Another session makes an ephemeral; some end at once, others are
        left behind and ended later.  Nothing else is in flight."""
        if len(self.living) > 3:
            session, passwd = self.random.choice(sorted(
                self.living.items()))
            conn = zkwire.connect(address, session=session, passwd=passwd,
                                  timeout=TIMEOUT_MS)
        else:
            conn = zkwire.connect(address, timeout=TIMEOUT_MS)
            session, passwd = conn.session, conn.passwd
        with conn:
            if conn.session == 0:
                raise Lost('session 0x%x is not known any more' % session)
            if session not in self.living:
                self.living[session] = passwd
                path = self.fresh('side')
                self.alone(conn, Op(
                    zkwire.create(path, flags=zkwire.EPHEMERAL),
                    [('create', path, b'', session)], path=path))
                if self.random.random() < 0.5:
                    return
            self.ending = session
            self.alone(conn, Op(zkwire.close_session(),
                                [('end', session)]))
            self.close_is_sure()

    def alone(self, conn, op):
        self.ahead_apply(op)
        self.flying.append(op)
        self.acknowledged(conn.call(op.request))

    def close_is_sure(self):
        self.ended[self.ending] = self.living.pop(self.ending)
        self.ending = None

    # ----------------------------------------------------------- checking

    def check(self, address):
        """After a crash, on a server that serves: is it all there?  Knows
        afterwards what became of the requests in flight."""
        if self.failure is not None:
            raise Lost('%s: %r' % (self.name, self.failure)) \
                from self.failure
        try:
            self.connect(address)
        except zkwire.Closed:
            # What a server does to a client that has seen more than it has.
            raise Lost('%s is refused: zxids went back to before 0x%x'
                       % (self.name, self.last_zxid))
        try:
            seen = read_tree(self.conn, self.root)
            self.resolve(seen)
            self.check_sessions(address)
            self.last_zxid = max(self.last_zxid, self.conn.last_zxid)
        finally:
            self.disconnect()

    def resolve(self, seen):
        model = copy.deepcopy(self.sure)
        found = model.difference(seen)
        differences = [found]
        for op in self.flying:
            if found is None:
                break
            op.apply(model, None)
            found = model.difference(seen)
            differences.append(found)
        if found is not None:
            raise Lost(self.explain(differences))
        if self.ending is not None:
            self.resolve_end(seen, len(differences) - 1)
        self.flying.clear()
        model.learn(seen)
        self.sure, self.ahead = model, copy.deepcopy(model)

    def resolve_end(self, seen, done):
        """The end of a side session, alone in flight: it came to pass or
        not, or, when no ephemeral of it was left, nobody can tell."""
        after = copy.deepcopy(self.sure)
        for op in self.flying:
            op.apply(after, None)
        if done == len(self.flying):
            self.close_is_sure()
        elif after.difference(seen) is None:
            del self.living[self.ending]
        self.ending = None

    def explain(self, differences):
        lines = ['%s: no state that the server may be in (%d acknowledged, '
                 '%d not)' % (self.name, self.acked, len(self.flying))]
        for n, text in enumerate(differences):
            what = 'after those acknowledged' if n == 0 else \
                'and after %s' % self.flying[n - 1].request
            lines.append('  %s: %s' % (what, text))
        return '\n'.join(lines)

    def check_sessions(self, address):
        for session, passwd in self.living.items():
            with zkwire.connect(address, session=session, passwd=passwd,
                                timeout=TIMEOUT_MS) as conn:
                if conn.session != session:
                    raise Lost('session 0x%x, never closed, is gone'
                               % session)
        for session, passwd in list(self.ended.items())[-5:]:
            with zkwire.connect(address, session=session, passwd=passwd,
                                timeout=TIMEOUT_MS) as conn:
                if conn.session != 0:
                    raise Lost('session 0x%x, closed, is back' % session)


def read_tree(conn, root):
    """path -> Seen, for root and all below it; {} when there is no root."""
    seen, paths = {}, [root]
    while paths:
        batch, paths = paths[:20], paths[20:]
        conn.post(*[make(path) for path in batch for make in (
            zkwire.get_data, zkwire.get_acl, zkwire.get_children2)])
        for path in batch:
            data, acl, below = [conn.next_reply() for _ in range(3)]
            errors = {data.err, acl.err, below.err}
            if errors == {zkwire.NO_NODE} and path == root:
                return {}
            if errors != {0}:
                raise Lost('%s cannot be read: %s' % (path, errors))
            if data.body['stat'] != below.body['stat']:
                raise Lost('%s changes: %r, %r' % (path, data, below))
            seen[path] = Seen(data.body['data'], data.body['stat'],
                              tuple(acl.body['acl']))
            paths += [path.rstrip('/') + '/' + name
                      for name in below.body['children']]
    return seen


SHIM = os.path.join(files.BUILD, 'test/lib/io_faults.so')


def preloaded(**more):
    """The environment of a server that runs over test/lib/io_faults.c."""
    # A sanitizer wants to be the first library; it can be second.
    asan = os.environ.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0'
    return dict(more, LD_PRELOAD=SHIM, ASAN_OPTIONS=asan)


def start_server(server, environ, wait=True):
    """Starts it with more in its environment."""
    before = {name: os.environ.get(name) for name in environ}
    os.environ.update(environ)
    try:
        server.start(wait)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def check_sanitizers(server):
    """A server that is killed has no exit code to tell of its mistakes."""
    if not os.path.exists(server.log_path):
        return                  # It was never started.
    with open(server.log_path, errors='replace') as log:
        for line in log:
            if 'Sanitizer' in line or 'runtime error' in line:
                raise Lost(line + ''.join(log.readlines()[:60]))


class Load:
    """Several workers at once."""

    def __init__(self, workers, seed, heavy=True):
        self.lock = threading.Condition()
        self.acked = 0
        self.workers = [Worker(n, seed, self._on_ack, heavy)
                        for n in range(workers)]
        self.threads = []
        self.ended = 0

    def _on_ack(self):
        with self.lock:
            self.acked += 1
            self.lock.notify_all()

    def _run(self, worker, address):
        worker.run(address)
        with self.lock:
            self.ended += 1
            self.lock.notify_all()

    def start(self, address):
        self.ended = 0
        self.threads = [threading.Thread(target=self._run,
                                         args=(worker, address), daemon=True)
                        for worker in self.workers]
        for thread in self.threads:
            thread.start()

    def wait_acked(self, more, seconds=60.0):
        """Waits until this many more requests were acknowledged.  False
        when all workers ended before."""
        with self.lock:
            goal = self.acked + more
            done = self.lock.wait_for(
                lambda: self.acked >= goal
                or self.ended == len(self.workers), seconds)
            if not done:
                raise Lost('%d of %d requests answered in %g s' % (
                    self.acked + more - goal, more, seconds))
            return self.acked >= goal

    def join(self, seconds=60.0):
        """Waits until the workers have noticed that the server is gone."""
        for thread in self.threads:
            thread.join(seconds)
            if thread.is_alive():
                raise Lost('a client still waits %g s after the end of the '
                           'server' % seconds)

    def stop(self):
        for worker in self.workers:
            worker.stop.set()
        self.join()

    def check(self, address):
        for worker in self.workers:
            worker.check(address)
