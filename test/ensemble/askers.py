# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Clients that keep asking, whatever happens, and note all in a History.

An Asker is a thread with a session: it sends batches of requests in one
segment, reads their answers, and comes back over the same or another member
when the connection is lost or silent.  It asks no operation twice: what was
not answered stays unsure.  Its requests are those of a Site: nodes below one
path, some of them everybody's.
"""

import collections
import random
import threading
import time
import traceback

import ensemble
import history
from ensemble import zkwire

HANDSHAKE_S = 2.0
RETRY_S = 0.03
MOVE_AFTER = 20                     # Vain attempts at the own member.
MAX_BATCH = 10
ASK_ON_S = 0.6                      # After so long without an answer.
PAUSE_S = 0.06                      # At most, between batches.


class Site:
    """The nodes of one round: registers that all write, a counter each, and
    what is created meanwhile."""

    def __init__(self, path, names):
        self.path = path
        self.shared = [path + '/shared-%d' % n for n in range(3)]
        self.counters = {name: '%s/own-%s' % (path, name) for name in names}
        self.made = []              # Paths that somebody asked to create.

    def below(self, name):
        return '%s/%s' % (self.path, name)

    def set_up(self, conn):
        """Over a zkwire.Conn."""
        for path in [self.path, self.below('n'), self.below('m'),
                     self.below('s'), self.below('e'), *self.shared,
                     *self.counters.values()]:
            reply = conn.call(zkwire.create(path))
            if reply.err not in (0, zkwire.NODE_EXISTS):
                raise ensemble.Failed('create %s: %r' % (path, reply))


class Asker(threading.Thread):
    """home: the member it prefers; roams: it goes to any at once.

    Attributes: fault (the first thing that must not be), session, timeout_ms,
    settled (it has met a server that serves, since settle()).
    """

    def __init__(self, e, site, log, name, home, roams, timeout_ms, seed):
        super().__init__(name=name, daemon=True)
        self.e, self.site, self.log = e, site, log
        self.home, self.roams = home, roams
        self.timeout_ms = timeout_ms
        self.rng = random.Random(seed)
        self.conn = None
        self.session, self.passwd = 0, b'\0' * 16
        self.last_zxid = 0
        self.at = 0
        self.versions = {}          # Last seen, of registers.
        self.mine = []              # Paths it has created and not deleted.
        self.vain = 0
        self.fault = None
        self.settled = False
        self.quiet = threading.Event()
        self.ending = threading.Event()

    # ---- life

    def run(self):
        try:
            while not self.ending.is_set():
                try:
                    if self.conn is None:
                        self.connect()
                    self.step()
                except (OSError, zkwire.Closed, zkwire.Timeout):
                    self.drop()
                    time.sleep(RETRY_S)
        except BaseException:
            self.fail(traceback.format_exc())
        if self.conn is not None:
            ensemble.end_session(self.conn)

    def fail(self, what):
        if self.fault is None:
            self.fault = '%s: %s' % (self.name, what)

    def step(self):
        if self.quiet.is_set():
            if not self.settled:
                self.batch(self.sync_all())
                self.settled = True
            self.quiet_ping()
        else:
            self.batch(self.some())
            self.wander()
            self.ending.wait(self.rng.random() * PAUSE_S)

    def settle(self):
        """Asks nothing new from now on, keeps its session, and is 'settled'
        once it has been answered after this."""
        self.settled = False
        self.quiet.set()

    def stop(self):
        self.ending.set()
        self.join(ensemble.DEADLINE)
        if self.is_alive():
            self.fail('it does not end')

    # ---- connections

    def member(self):
        members = list(self.e)
        if self.roams or self.vain > MOVE_AFTER:
            return self.rng.choice(members)
        return self.home

    def patience(self):
        """How long it waits for an answer; it must find another member
        before the session expires."""
        return min(self.timeout_ms / 2000, 6.0) * self.rng.uniform(0.4, 1.0)

    def drop(self):
        if self.conn is not None:
            self.conn.close()
            self.conn = None

    def connect(self):
        member = self.member()
        self.vain += 1
        with member.inside():
            conn = zkwire.Conn(member.address, HANDSHAKE_S)
        self.conn = conn
        op = self.begin('connect', str(member.sid))
        got = conn.handshake(session=self.session, passwd=self.passwd,
                             last_zxid=self.last_zxid,
                             timeout=self.timeout_ms)
        op.end = time.monotonic()
        op.err = 0
        if got.session == 0 or got.timeout <= 0:
            op.kind = 'expired'
            self.forget_session()
            raise zkwire.Closed('expired')
        if self.session not in (0, got.session):
            self.fail('session 0x%x became 0x%x' % (self.session,
                                                    got.session))
        if got.timeout != self.timeout_ms:
            self.fail('asked for %d ms, got %d' % (self.timeout_ms,
                                                   got.timeout))
        self.session, self.passwd = got.session, got.passwd
        op.session = got.session
        self.vain = 0
        self.wait_s = self.patience()

    def forget_session(self):
        self.session, self.passwd = 0, b'\0' * 16

    def is_short(self):
        """What it leaves behind will not be there for long."""
        return self.timeout_ms < 10000

    def wander(self):
        """Now and then it leaves: for another member, or for good."""
        dice = self.rng.random()
        if dice < 0.010:
            self.drop()
            if dice < 0.005:
                self.vain = MOVE_AFTER
        elif dice < 0.015 and self.is_short():
            self.batch([self.ask('close', None, zkwire.close_session())])
            self.forget_session()
            self.drop()
        elif dice < 0.018 and self.is_short():
            self.begin('abandon').end = time.monotonic()
            self.forget_session()
            self.drop()

    # ---- asking

    def begin(self, kind, path=None, **fields):
        self.at += 1
        return self.log.add(history.Op(
            self.name, self.at, self.session, kind, path, time.monotonic(),
            **fields))

    def ask(self, kind, path, request, **fields):
        return self.begin(kind, path, **fields), request

    def batch(self, asked):
        """asked: (Op, request) each, in order; they go out at once."""
        if not asked:
            return
        now = time.monotonic()
        for op, _ in asked:
            op.start = now
        if asked[-1][0].kind == 'close':
            # An end before the answer must not make it come back.
            self.forget_session()
        self.conn.post(*(request for _, request in asked))
        unanswered = collections.deque(op for op, _ in asked)
        waited_from = now
        while unanswered:
            reply = self.reply(unanswered, waited_from)
            waited_from = time.monotonic()
            if reply.xid != zkwire.XID_PING:
                self.take(unanswered.popleft(), reply)

    def reply(self, unanswered, waited_from):
        """The next one, or Timeout in the end.  Meanwhile it asks on: a
        server that has stood still finds much to answer."""
        while True:
            try:
                return self.conn.next(timeout=min(self.wait_s, ASK_ON_S))
            except zkwire.Timeout:
                if time.monotonic() - waited_from > self.wait_s:
                    raise
                more = [] if unanswered[-1].kind == 'close' \
                    else self.sync_get()
                self.conn.post(zkwire.ping(), *(
                    request for _, request in more))
                unanswered.extend(op for op, _ in more)

    def take(self, op, reply):
        expected = zkwire.OPS.get(OP_OF[op.kind])
        if reply.op != expected:
            self.fail('%r is answered by op %d, out of order' % (op,
                                                                 reply.op))
        if reply.err in (zkwire.SESSION_MOVED, CONNECTION_LOSS):
            # A leader that is not sure: it was not done, but nothing more
            # is known.
            op.err, op.end = reply.err, time.monotonic()
            raise zkwire.Closed('refused')
        op.end = time.monotonic()
        op.err, op.zxid = reply.err, reply.zxid
        if reply.zxid > self.last_zxid:
            self.last_zxid = reply.zxid
        if 'stat' in reply.body:
            data = reply.body.get('data')
            op.seen = history.Seen(reply.body['stat'],
                                   None if data is None else data.decode())
            self.versions[op.path] = op.seen.version
        if op.kind == 'sequential' and op.acked():
            op.name = reply.body['path']
            self.site.made.append(op.name)
        if op.err == zkwire.SESSION_EXPIRED:
            raise zkwire.Closed('expired')

    def quiet_ping(self):
        self.conn.post(zkwire.ping())
        self.conn.next(timeout=self.wait_s)
        self.ending.wait(min(0.3, self.timeout_ms / 10000))

    # ---- what it asks

    def value(self):
        """Unique: who, and its next operation's number."""
        return '%s.%d' % (self.name, self.at + 1)

    def some(self):
        count = self.rng.randint(1, MAX_BATCH)
        asked = []
        while len(asked) < count:
            method = self.rng.choices(METHODS, WEIGHTS)[0]
            asked += method(self)
        return asked

    def sync_all(self):
        """Everything that matters, once."""
        asked = [self.ask('sync', self.site.path,
                          zkwire.sync(self.site.path))]
        for path in [*self.site.shared, *self.site.counters.values()]:
            asked.append(self.ask('get', path, zkwire.get_data(path)))
        return asked

    def set_to(self, path, expect):
        value = self.value()
        return [self.ask('set', path, zkwire.set_data(
            path, value.encode(), expect), value=value, expect=expect)]

    def count(self):
        return self.set_to(self.site.counters[self.name], -1)

    def set_shared(self):
        return self.set_to(self.rng.choice(self.site.shared), -1)

    def set_if(self):
        path = self.rng.choice(self.site.shared)
        return self.set_to(path, self.versions.get(path, 0))

    def get(self):
        path = self.rng.choice([*self.site.shared,
                                *self.site.counters.values()])
        return [self.ask('get', path, zkwire.get_data(path))]

    def get_own(self):
        path = self.site.counters[self.name]
        return [self.ask('get', path, zkwire.get_data(path))]

    def sync_get(self):
        return [self.ask('sync', self.site.path,
                         zkwire.sync(self.site.path))] + self.get()

    def new_node(self, kind, parent, flags):
        value = self.value()
        path = '%s/%s' % (self.site.below(parent), value)
        self.site.made.append(path)
        self.mine.append(path)
        return [self.ask(kind, path, zkwire.create2(
            path, value.encode(), flags=flags), value=value)]

    def create(self):
        return self.new_node('create', 'n', zkwire.PERSISTENT)

    def ephemeral(self):
        return self.new_node('ephemeral', 'e', zkwire.EPHEMERAL)

    def sequential(self):
        value = self.value()
        return [self.ask('sequential', self.site.below('s/n-'),
                         zkwire.create2(self.site.below('s/n-'),
                                        value.encode(),
                                        flags=zkwire.SEQUENTIAL),
                         value=value)]

    def multi(self):
        """Two nodes or none."""
        value = self.value()
        paths = ['%s/%s-%s' % (self.site.below('m'), value, end)
                 for end in 'ab']
        return [self.ask('multi', paths[0][:-2], zkwire.multi(*(
            zkwire.create(path, value.encode()) for path in paths)),
            value=value)]

    def delete(self):
        if not self.mine:
            return self.get()
        path = self.mine.pop(self.rng.randrange(len(self.mine)))
        return [self.ask('delete', path, zkwire.delete(path))]

    def exists(self):
        if not self.site.made:
            return self.get()
        path = self.rng.choice(self.site.made[-200:])
        return [self.ask('exists', path, zkwire.exists(path))]


CONNECTION_LOSS = -4
OP_OF = {'set': 'setData', 'get': 'getData', 'exists': 'exists',
         'sync': 'sync', 'create': 'create2', 'ephemeral': 'create2',
         'sequential': 'create2', 'multi': 'multi', 'delete': 'delete',
         'close': 'closeSession'}
METHODS, WEIGHTS = zip(
    (Asker.count, 20), (Asker.set_shared, 5), (Asker.set_if, 10),
    (Asker.get, 20), (Asker.get_own, 8), (Asker.sync_get, 8),
    (Asker.create, 5), (Asker.ephemeral, 4), (Asker.sequential, 3),
    (Asker.multi, 2), (Asker.delete, 4), (Asker.exists, 12))
