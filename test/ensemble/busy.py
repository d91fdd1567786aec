# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Clients that are busy while members of an ensemble come and go.

Each runs in a thread until stop(), on a session of its own that must live
all the time, and checks each answer against what it was told before.
'fault' is what went wrong first; 'steps' counts what it has done.

    Writer      versioned writes of its node and sequential creates: no
                acknowledged one is lost, applied twice or out of order
    Holder      holds an ephemeral node
    Locker      takes a lock with others (kazoo's recipe) and counts in it
    Watcher     watches a Writer's node with its own protocol code; comes back
                over another member with SetWatches, as Java's client does

    with busy.Crowd(e) as crowd:
        ... crowd.wait_steps() ...
    crowd.check(tree)                   # of wait_same_trees()
"""

import itertools
import threading
import time
import traceback

import ensemble
from ensemble import zkwire

SESSION_S = 30.0
PAUSE_S = 0.005                     # Between steps, for the others.


class Busy(threading.Thread):
    def __init__(self, e, name):
        super().__init__(name=name, daemon=True)
        self.e = e
        self.fault = None
        self.steps = 0
        self.ending = threading.Event()

    def run(self):
        try:
            while not self.ending.wait(PAUSE_S) and self.fault is None:
                self.step()
        except BaseException:
            self.fail(traceback.format_exc())

    def stop(self):
        self.ending.set()
        self.join(ensemble.DEADLINE)
        if self.is_alive():
            self.fail('it does not end')

    def fail(self, what):
        if self.fault is None:
            self.fault = '%s: %s' % (self.name, what)

    def require(self, what, condition):
        if not condition:
            raise AssertionError(what)

    def check(self, tree):
        """The tree holds what this client was promised."""


class KazooBusy(Busy):
    def __init__(self, e, name):
        super().__init__(e, name)
        from kazoo import exceptions
        # The answer did not come: it was done, or it was not.
        self.unsure = (exceptions.ConnectionLoss,
                       exceptions.ConnectionClosedError,
                       exceptions.OperationTimeoutError,
                       exceptions.SessionMovedError)
        self.zk = e.client(timeout=SESSION_S)
        self.session = self.zk.client_id[0]
        self.zk.add_listener(self.listen)
        self.began()

    def listen(self, state):
        if state == 'LOST' and not self.ending.is_set():
            self.fail('the session is lost')

    def again(self, call, *args, **options):
        """A call that may be made twice, until it is answered."""
        deadline = time.monotonic() + ensemble.DEADLINE
        while True:
            try:
                return call(*args, **options)
            except self.unsure:
                if time.monotonic() > deadline:
                    raise
                time.sleep(ensemble.TICK)

    def now(self, path):
        """Its node as it is behind all that this session has asked for."""
        def look():
            self.zk.sync(path)
            return self.zk.get(path)
        return self.again(look)


class Writer(KazooBusy):
    def began(self):
        self.path = '/writers/' + self.name
        self.again(self.zk.ensure_path, self.path)
        self.version = self.now(self.path)[1].version
        self.zxid = 0
        self.items = []

    def note(self, data, stat):
        self.require('%s is %r %s behind version %d, zxid 0x%x' % (
            self.path, data, stat, self.version, self.zxid),
            stat.version == self.version and stat.mzxid > self.zxid)
        self.zxid = stat.mzxid

    def write(self):
        data = b'%d' % (self.version + 1)
        try:
            stat = self.zk.set(self.path, data, self.version)
        except self.unsure:
            found, stat = self.now(self.path)
            if stat.version == self.version:
                return                      # It was not done.
            self.require('what is there is ours', found == data)
        self.version += 1
        self.note(data, stat)

    def create(self):
        try:
            self.items.append(self.zk.create(
                self.path + '/n-', b'%d' % len(self.items), sequence=True))
        except self.unsure:
            pass

    def step(self):
        self.write()
        self.create()
        data, stat = self.again(self.zk.get, self.path)
        self.require('it reads what it wrote: %r %s' % (data, stat),
                     stat.version == self.version
                     and data == b'%d' % self.version)
        self.steps += 1

    def check(self, tree):
        node = tree[self.path]
        self.require('%s ends with version %d: %s' % (
            self.path, self.version, node.stat),
            node.stat.version == self.version)
        zxids = [tree[path].stat.czxid for path in self.items]
        self.require('items stand in their order',
                     zxids == sorted(set(zxids))
                     and self.items == sorted(set(self.items)))
        for at, path in enumerate(self.items):
            self.require('%s holds %d' % (path, at),
                         tree[path].data == b'%d' % at)


class Holder(KazooBusy):
    def began(self):
        self.path = '/held-by-' + self.name
        self.again(self.zk.create, self.path, ephemeral=True)
        self.stat = self.again(self.zk.exists, self.path)

    def step(self):
        stat = self.again(self.zk.exists, self.path)
        self.require('%s is as it was: %s, %s' % (self.path, self.stat,
                                                  stat), stat == self.stat)
        self.steps += 1

    def check(self, tree):
        self.require('the session is the same',
                     self.zk.client_id[0] == self.session)
        self.require('%s is held' % self.path, tree[
            self.path].stat.ephemeralOwner == self.session)


class Locker(KazooBusy):
    PATH = '/locked'
    holder = None                       # Of this process: one at most.
    counted = 0

    def began(self):
        self.again(self.zk.ensure_path, self.PATH)
        self.lock = self.zk.Lock('/lock', self.name)

    def count(self):
        data, stat = self.now(self.PATH)
        number = int(data or b'0')
        self.require('nobody lost a count: %d, %d' % (
            number, Locker.counted), number == Locker.counted)
        try:
            self.zk.set(self.PATH, b'%d' % (number + 1))
        except self.unsure:
            if self.now(self.PATH)[1].version == stat.version:
                return
        Locker.counted = number + 1

    def step(self):
        if not self.lock.acquire(timeout=ensemble.DEADLINE):
            return
        self.require('%s holds the lock' % Locker.holder,
                     Locker.holder is None)
        Locker.holder = self.name
        try:
            self.count()
        finally:
            Locker.holder = None
            self.lock.release()
        self.steps += 1

    def check(self, tree):
        self.require('the lock is free', not [
            path for path in tree if path.startswith('/lock/')])
        self.require('all is counted',
                     int(tree[self.PATH].data) == Locker.counted)


class Watcher(Busy):
    """Each reply that shows a change has the watch's event before it."""

    def __init__(self, e, name, path):
        super().__init__(e, name)
        self.path = path
        self.addresses = itertools.cycle([m.address for m in e])
        self.conn = None
        self.session, self.passwd = 0, b'\0' * 16
        self.zxid = 0
        self.version = -1
        self.watching = False
        self.moves = 0

    def connect(self):
        conn = zkwire.Conn(next(self.addresses), timeout=5.0)
        try:
            conn.next_xid = self.steps * 4 + 1
            got = conn.handshake(
                session=self.session, passwd=self.passwd,
                last_zxid=self.zxid, timeout=int(SESSION_S * 1000))
            self.require('the session goes on: %r' % (got,),
                         self.session in (0, got.session)
                         and got.session != 0)
            self.session, self.passwd = got.session, got.passwd
            if self.watching:
                conn.call(zkwire.set_watches(self.zxid, data=[self.path]))
        except BaseException:
            conn.close()
            raise
        self.moves += 1
        self.conn = conn

    def look(self):
        reply = self.conn.call(zkwire.get_data(self.path,
                                               not self.watching))
        if reply.err == zkwire.SESSION_MOVED:
            raise zkwire.Closed('moved')
        self.require('the node is there: %r' % (reply,), reply.err == 0)
        self.require('zxids of replies never fall: 0x%x, 0x%x' % (
            self.zxid, reply.zxid), reply.zxid >= self.zxid)
        self.zxid = reply.zxid
        version = reply.body['stat'].version
        self.require('versions never fall: %d, %d' % (self.version, version),
                     version >= self.version)
        fired = bool(self.conn.events)
        self.require('an event comes before what it tells of: %r' % (reply,),
                     fired or not self.watching or version == self.version)
        self.require('one event: %r' % self.conn.events,
                     len(self.conn.events) <= int(self.watching))
        self.conn.events.clear()
        self.version = version
        # This read has set one unless one was set already, and it lives
        # until its event.
        self.watching = not fired

    def step(self):
        try:
            if self.conn is None:
                self.connect()
            self.look()
        except (OSError, zkwire.Closed, zkwire.Timeout):
            if self.conn is not None:
                self.conn.close()
            self.conn = None
            time.sleep(ensemble.TICK)
            return
        self.steps += 1

    def stop(self):
        super().stop()
        if self.conn is not None:
            ensemble.end_session(self.conn)

    def check(self, tree):
        self.require('it saw the last version', self.version
                     <= tree[self.path].stat.version)
        self.require('it met another member', self.moves > 1)


class Crowd:
    """Some of each; stopped at the end of a with statement."""

    def __init__(self, e, of_each=2):
        self.e = e
        self.clients = []
        Locker.holder, Locker.counted = None, 0
        for n in range(of_each):
            writer = Writer(e, 'writer-%d' % n)
            self.clients += [writer, Holder(e, 'holder-%d' % n),
                             Locker(e, 'locker-%d' % n),
                             Watcher(e, 'watcher-%d' % n, writer.path)]

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.ending.set()
        for client in self.clients:
            client.stop()

    def faults(self):
        return [c.fault for c in self.clients if c.fault]

    def wait_steps(self, n=3):
        """Waits until each has done n steps more."""
        goals = {c: c.steps + n for c in self.clients}
        self.e.wait('all clients go on', lambda: self.faults() or all(
            c.steps >= goals[c] for c in self.clients))
        self.fail_if_faulty()

    def fail_if_faulty(self):
        if self.faults():
            self.e.fail('\n'.join(self.faults()))

    def check(self, tree):
        self.fail_if_faulty()
        for client in self.clients:
            try:
                client.check(tree)
            except (AssertionError, LookupError) as error:
                self.e.fail('%s: %r' % (client.name, error))
