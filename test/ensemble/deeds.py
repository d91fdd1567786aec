# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""What clients do, through every member of an ensemble: writes of all kinds
and their errors, bursts, watches and sync between members, sessions that
move and that expire, ephemeral nodes.

    deeds = Deeds(e, '/first')          # everything stands below '/first'
    deeds.all()                         # leaves no session of its own

Everything is checked by what the protocol promises, whatever the kinds of
the members: a failure is a Failed of ensemble.py.
"""

import ensemble
from ensemble import zkwire

# Sessions that nobody pings must outlive a round on a busy machine.
SESSION_MS = 40000
BURST = 60
ASLEEP_SECONDS = 6.0
LARGE = b'z' * 300000
WRITER = (zkwire.ACL(zkwire.ALL, 'auth', ''),)


class Deeds:
    def __init__(self, e, root):
        self.e = e
        self.root = root
        self.members = e.alive()
        self.conns = {}

    def all(self):
        """Every deed, once."""
        for member in self.members:
            self.conns[member.sid] = member.connect(timeout=SESSION_MS)
        try:
            first = self.members[0]
            self.ok(first, zkwire.create(self.root))
            dying = [self.start_dying(m) for m in self.members]
            for member in self.members:
                self.writes(member)
                self.errors(member)
                self.multis(member)
            self.bursts()
            for at, member in enumerate(self.members):
                other = self.members[at - 1]
                self.watches(member, other)
                self.syncs(member, other)
                self.moves(member, other)
            for path in dying:
                self.wait_dead(path)
            self.same_everywhere()
        except (OSError, zkwire.Closed, zkwire.Timeout) as error:
            self.e.fail('a member does not answer: %r' % error)
        finally:
            for conn in self.conns.values():
                ensemble.end_session(conn)

    # ---- asking

    def path(self, member, name):
        return '%s/%d-%s' % (self.root, member.sid, name)

    def ask(self, member, request, conn=None):
        """The Reply.

        3.8.0 may fall asleep over a request until the next commit wakes it
        (ZOOKEEPER-4537): that is one of another member's then.
        """
        conn = conn or self.conns[member.sid]
        if member.kind != 'java':
            return conn.call(request)
        conn.post(request)
        try:
            return conn.next_reply(ASLEEP_SECONDS)
        except zkwire.Timeout:
            waker = next(m for m in self.members if m.kind == 'zkd')
            other = waker.connect(timeout=SESSION_MS)
            other.call(zkwire.set_data(self.root, b'awake'))
            ensemble.end_session(other)
            return conn.next_reply()

    def call(self, member, request, err=zkwire.OK, conn=None):
        """One request over the member; the Reply, which must have 'err'."""
        try:
            reply = self.ask(member, request, conn)
        except (zkwire.Closed, zkwire.Timeout) as error:
            self.e.fail('%r over %r: %r' % (request, member, error))
        if reply.err != err:
            self.e.fail('%r over %r: err %d, not %d' % (
                request, member, reply.err, err))
        return reply

    def ok(self, member, *requests):
        """All of them succeed; the last Reply."""
        reply = None
        for request in requests:
            reply = self.call(member, request)
        return reply

    def require(self, what, condition):
        if not condition:
            self.e.fail('not so: ' + what)

    # ---- writes

    def writes(self, member):
        """Every kind of node, and every change of one."""
        mine = self.path(member, 'w')
        self.ok(member,
                zkwire.auth('digest', b'deed:doer'),
                zkwire.create(mine, b'1'),
                zkwire.create2(mine + '/two', b'2'),
                zkwire.create(mine + '/gone'),
                zkwire.create(mine + '/large', LARGE),
                zkwire.create(mine + '/e', flags=zkwire.EPHEMERAL),
                zkwire.create2(mine + '/e-',
                               flags=zkwire.EPHEMERAL_SEQUENTIAL),
                zkwire.create_container(mine + '/box'),
                zkwire.create(mine + '/box/in'),
                zkwire.create_ttl(mine + '/ttl', ttl=3600000),
                zkwire.create_ttl(mine + '/ttl-', ttl=3600000,
                                  flags=zkwire.TTL_SEQUENTIAL),
                zkwire.set_data(mine, b'one', 0),
                zkwire.set_data(mine, b'One', -1),
                zkwire.create(mine + '/acl', acl=WRITER),
                zkwire.set_acl(mine + '/acl', zkwire.READ_ONLY, 0),
                zkwire.delete(mine + '/gone', 0),
                zkwire.sync(mine))
        names = [self.ok(member, zkwire.create(
            mine + '/s-', flags=zkwire.SEQUENTIAL)).body['path']
            for _ in range(3)]
        self.require('sequential names rise: %s' % names,
                     names == sorted(set(names)))
        stat = self.ok(member, zkwire.get_data(mine)).body['stat']
        self.require('%s changed twice, 11 below it' % mine,
                     (stat.version, stat.numChildren) == (2, 11))

    def errors(self, member):
        """Writes that the leader refuses; each is a transaction, too."""
        mine = self.path(member, 'w')
        for request, err in (
                (zkwire.create(mine), zkwire.NODE_EXISTS),
                (zkwire.create(mine + '/no/such'), zkwire.NO_NODE),
                (zkwire.create(mine + '/e/below'),
                 zkwire.NO_CHILDREN_FOR_EPHEMERALS),
                (zkwire.create(mine + '/x', acl=()), zkwire.INVALID_ACL),
                (zkwire.set_data(mine, b'', 7), zkwire.BAD_VERSION),
                (zkwire.set_data(mine + '/no'), zkwire.NO_NODE),
                (zkwire.set_data(mine + '/acl'), zkwire.NO_AUTH),
                (zkwire.set_acl(mine, zkwire.OPEN, 9), zkwire.BAD_VERSION),
                (zkwire.delete(mine), zkwire.NOT_EMPTY),
                (zkwire.delete(mine + '/two', 4), zkwire.BAD_VERSION),
                (zkwire.reconfig(leaving='1'), zkwire.RECONFIG_DISABLED)):
            self.call(member, request, err)

    def multis(self, member):
        """One that succeeds as a whole, one that fails as a whole."""
        mine = self.path(member, 'm')
        results = self.ok(member, zkwire.multi(
            zkwire.create(mine),
            zkwire.create(mine + '/a-', flags=zkwire.SEQUENTIAL),
            zkwire.create(mine + '/e', flags=zkwire.EPHEMERAL),
            zkwire.create(mine + '/b'),
            zkwire.set_data(mine, b'set', 0),
            zkwire.check(mine, 1),
            zkwire.delete(mine + '/b', 0))).body['results']
        self.require('7 results: %r' % (results,), len(results) == 7
                     and all(r.err == 0 for r in results))
        results = self.ok(member, zkwire.multi(
            zkwire.create(mine + '/never'),
            zkwire.delete(mine + '/e'),
            zkwire.check(mine, 7),
            zkwire.set_data(mine, b'never'))).body['results']
        self.require('the third fails: %r' % (results,), [
            r.body.get('err') for r in results] == [
                0, 0, zkwire.BAD_VERSION, zkwire.RUNTIME_INCONSISTENCY])
        self.call(member, zkwire.exists(mine + '/never'), zkwire.NO_NODE)
        self.ok(member, zkwire.exists(mine + '/e'))
        self.require('%s is as the first left it' % mine,
                     self.ok(member, zkwire.get_data(mine)).body['data']
                     == b'set')

    def bursts(self):
        """All members at once, many requests each before the first answer:
        every connection is answered in order."""
        asked = {}
        for member in self.members:
            mine = self.path(member, 'burst')
            requests = [zkwire.create(mine)]
            for n in range(BURST):
                requests += [
                    zkwire.create(mine + '/n-', b'%d' % n,
                                  flags=zkwire.SEQUENTIAL),
                    zkwire.set_data(mine, b'%d' % n),
                    zkwire.get_data(mine)]
            asked[member.sid] = self.conns[member.sid].post(*requests)
        for member in self.members:
            replies = [self.conns[member.sid].next_reply()
                       for _ in asked[member.sid]]
            self.require('answers come in order over %r' % member,
                         [r.xid for r in replies] == asked[member.sid])
            self.require('no error over %r' % member,
                         not any(r.err for r in replies))
            self.require('every read sees the write before it',
                         [r.body['data'] for r in replies[3::3]]
                         == [b'%d' % n for n in range(BURST)])
            names = [r.body['path'] for r in replies[1::3]]
            self.require('sequential names rise', names == sorted(names))
            zxids = [r.zxid for r in replies]
            self.require('zxids rise', zxids == sorted(zxids))

    # ---- between members

    def event(self, conn, name, path):
        """Waits for one event over the connection."""
        while True:
            for at, event in enumerate(conn.events):
                if (zkwire.EVENT_NAMES.get(event.type), event.path) == (
                        name, path):
                    del conn.events[at]
                    return
            try:
                message = conn.next()
            except (zkwire.Timeout, zkwire.Closed) as error:
                self.e.fail('no %s for %s: %r; there were %r' % (
                    name, path, error, conn.events))
            if isinstance(message, zkwire.Event):
                conn.events.append(message)

    def watches(self, watcher, writer):
        """Watches are set over one member, and fire for writes of another
        one's clients."""
        path = '%s/watch-%d-%d' % (self.root, watcher.sid, writer.sid)
        below = path + '/below'
        conn = self.conns[watcher.sid]
        self.call(watcher, zkwire.exists(path, True), zkwire.NO_NODE)
        # Not the same path: 3.8.0 keeps only one kind of watch for it.
        self.ok(watcher, zkwire.add_watch(below, zkwire.ADD_RECURSIVE))
        self.ok(writer, zkwire.create(path))
        self.event(conn, 'NodeCreated', path)
        self.ok(watcher, zkwire.get_data(path, True),
                zkwire.get_children(path, True))
        self.ok(writer, zkwire.set_data(path, b'now'),
                zkwire.create(below), zkwire.create(below + '/child'),
                zkwire.set_data(below + '/child', b'set'),
                zkwire.delete(below + '/child'))
        self.event(conn, 'NodeDataChanged', path)
        self.event(conn, 'NodeChildrenChanged', path)
        self.event(conn, 'NodeCreated', below)
        self.event(conn, 'NodeCreated', below + '/child')
        self.event(conn, 'NodeDataChanged', below + '/child')
        self.event(conn, 'NodeDeleted', below + '/child')
        self.ok(watcher, zkwire.remove_watches(below, zkwire.WATCH_ANY))
        self.require('no event is left: %s' % conn.events,
                     not conn.drain())

    def syncs(self, reader, writer):
        """Behind a sync everything is seen that was written before.  Apache's
        leader does not hold that for its own clients: it answers at once,
        before it has applied what is committed."""
        if reader.kind == 'java' and reader.role() == 'leader':
            return
        path = '%s/sync-%d-%d' % (self.root, reader.sid, writer.sid)
        self.ok(writer, zkwire.create(path))
        for n in range(5):
            self.ok(writer, zkwire.set_data(path, b'%d' % n))
            self.ok(reader, zkwire.sync(path))
            data = self.ok(reader, zkwire.get_data(path)).body['data']
            self.require('%r sees %d after a sync, not %r' % (reader, n,
                                                              data),
                         data == b'%d' % n)

    def moves(self, old, new):
        """A session comes back over another member; the old connection can
        do nothing more, its ephemeral node stays."""
        path = '%s/move-%d-%d' % (self.root, old.sid, new.sid)
        before = old.connect(timeout=SESSION_MS)
        after = zkwire.Conn(new.address)
        # As clients do: a commit is known by session and xid, so the old
        # member would take a write of the new one for its own.
        after.next_xid = 100
        try:
            self.call(old, zkwire.create(path, flags=zkwire.EPHEMERAL),
                      conn=before)
            # A member that has not seen as much as the client refuses it.
            self.e.wait('%r has seen %x' % (new, before.last_zxid), lambda: (
                new.zxid() or 0) >= before.last_zxid)
            got = after.handshake(session=before.session,
                                  passwd=before.passwd,
                                  last_zxid=before.last_zxid,
                                  timeout=SESSION_MS)
            self.require('the session moves from %r to %r: %r' % (
                old, new, got), got.session == before.session != 0)
            stat = self.call(new, zkwire.exists(path),
                             conn=after).body['stat']
            self.require('%s is of the session' % path,
                         stat.ephemeralOwner == before.session)
            self.call(new, zkwire.set_data(path, b'new'), conn=after)
            self.refused(before, zkwire.set_data(path, b'old'))
            self.require('only the new connection writes', self.call(
                new, zkwire.get_data(path),
                conn=after).body['data'] == b'new')
        finally:
            before.close()
            ensemble.end_session(after)
        self.wait_dead(path)

    def refused(self, conn, request):
        """SessionMoved, or the end of the connection at once."""
        try:
            err = conn.call(request).err
        except zkwire.Closed:
            return
        except zkwire.Timeout:
            err = 'none'
        self.require('%r is refused: err %s' % (request, err),
                     err == zkwire.SESSION_MOVED)

    def start_dying(self, member):
        """A session that ends by itself; returns the path of its node."""
        path = self.path(member, 'dying')
        conn = member.connect(timeout=1)
        try:
            self.call(member, zkwire.create(path, flags=zkwire.EPHEMERAL),
                      conn=conn)
        finally:
            conn.close()
        return path

    def wait_dead(self, path):
        def gone():
            for member in self.members:
                self.ok(member, zkwire.sync(path))
                if self.ask(member, zkwire.exists(path)).err \
                        != zkwire.NO_NODE:
                    return False
            return True
        self.e.wait('%s is gone everywhere' % path, gone)

    def same_everywhere(self):
        """All members stand at one zxid with the same tree, while sessions
        with ephemeral nodes live."""
        owned = [name for name, node in self.e.wait_same_trees().items()
                 if node.stat.ephemeralOwner in [
                     c.session for c in self.conns.values()]]
        self.require('3 ephemeral nodes of each connection are left: %s'
                     % owned, len(owned) == 3 * len(self.members))
