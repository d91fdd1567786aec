# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Judges a History against what ZooKeeper promises.

    problems = checker.Checker(history.ops, tree, live, timeouts).run()

tree: {path: ensemble.Node}, what all members hold in the end; live: the
sessions that live then; timeouts: {client: ms}.  problems: texts, none when
all is well.

The rules:
    order       what ended before another operation began has a smaller zxid
                than that one, if that is a transaction; a sync's answer is no
                older than what was answered before the sync began
    sessions    zxids of a client's answers never fall; its transactions took
                effect in the order in which they were sent, whether answered
                or not
    registers   each version was written once, by an operation that asked for
                it and was not refused; versions and zxids rise together
    reads       an answer with zxid z shows just what was there after z
    nodes       what was created stays until it is deleted or its session
                ends; refused and half done things are nowhere
    expiry      no session ends before its time
"""

import bisect
import collections

import history

FOREVER = 1 << 62
# What an expiry may be too early by, as clients see it: learners tell of
# their clients every half tick, and that may get lost on a link that ends.
EARLY_S = 1.0
NO_NODE, NODE_EXISTS, BAD_VERSION = -101, -110, -103


class Register:
    """The versions of a node that is never deleted, as far as they were
    seen: {version: (zxid, value)}."""

    def __init__(self, path):
        self.path = path
        self.seen = {}
        self.versions, self.zxids = [], []

    def see(self, version, zxid, value):
        """None, or what was seen before and differs."""
        known = self.seen.setdefault(version, (zxid, value))
        if known[1] is None and value is not None and known[0] == zxid:
            self.seen[version] = known = (zxid, value)
        same = known[0] == zxid and (value is None or known[1] == value)
        return None if same else known

    def sort(self):
        """None, or two neighbours whose zxids fall."""
        self.versions = sorted(self.seen)
        self.zxids = [self.seen[version][0] for version in self.versions]
        for at in range(1, len(self.zxids)):
            if self.zxids[at - 1] >= self.zxids[at]:
                return self.versions[at - 1:at + 1]
        return None

    def next_zxid(self, version):
        """When the first known one after 'version' came, or FOREVER."""
        at = bisect.bisect_right(self.versions, version)
        return self.zxids[at] if at < len(self.zxids) else FOREVER


class Life:
    """A node that is created once, under a name of its own."""

    def __init__(self, op):
        self.made_by = op
        self.czxid = op.zxid if op.acked() else None
        self.deletes = []


class Checker:
    def __init__(self, ops, tree, live, timeouts):
        self.ops, self.tree = ops, tree
        self.live, self.timeouts = live, timeouts
        self.problems = []
        self.registers = {}
        self.lives = {}
        self.writers = {}               # By value.
        self.effects = {}               # Of unsure operations: their zxid.

    def problem(self, text, *args):
        self.problems.append(text % args)

    def run(self):
        self.gather()
        self.check_order()
        self.check_sessions()
        self.check_registers()
        self.check_reads()
        self.check_nodes()
        self.check_ephemerals()
        self.check_expiry()
        return self.problems

    # ---- what is known

    def gather(self):
        deleted = [op for op in self.ops if op.kind == 'delete']
        for op in self.ops:
            if op.value is not None:
                self.writers[op.value] = op
            if op.kind == 'set':
                self.registers.setdefault(op.path, Register(op.path))
            elif op.kind in ('create', 'ephemeral'):
                self.lives[op.path] = Life(op)
            elif op.kind == 'sequential' and op.name is not None:
                if op.name in self.lives:
                    self.problem('%r and %r made one node', op,
                                 self.lives[op.name].made_by)
                self.lives[op.name] = Life(op)
            elif op.kind == 'multi':
                for end in 'ab':
                    self.lives['%s-%s' % (op.path, end)] = Life(op)
        for op in deleted:
            self.lives[op.path].deletes.append(op)
        for op in self.ops:
            if op.acked() and op.seen is not None:
                self.see(op.path if op.name is None else op.name, op.seen,
                         op, op.value if op.kind in history.WRITES else None)
        for path, node in self.tree.items():
            self.see(path, history.Seen(node.stat, node.data.decode()),
                     'the end', None)

    def see(self, path, seen, where, written):
        """What an answer shows tells who wrote it."""
        value = seen.value if written is None else written
        if path in self.registers:
            known = self.registers[path].see(seen.version, seen.mzxid, value)
            if known:
                self.problem('%s: version %d with zxid 0x%x, %s, in %r; it '
                             'was seen with zxid 0x%x, %s', path,
                             seen.version, seen.mzxid, value, where, *known)
        if not value:
            return
        writer = self.writers.get(value)
        if writer is None:
            if path in self.registers or path in self.lives:
                self.problem('%s holds %s, which nobody wrote: %r', path,
                             value, where)
            return
        if writer.err not in (None, 0):
            self.problem('%r was refused and is seen in %r', writer, where)
        if writer.unsure():
            zxid = self.effects.setdefault(writer, seen.mzxid)
            if zxid != seen.mzxid:
                self.problem('%r was done twice: 0x%x, 0x%x', writer, zxid,
                             seen.mzxid)
        elif writer.acked() and writer.zxid != seen.mzxid:
            self.problem('%r is seen with zxid 0x%x in %r', writer,
                         seen.mzxid, where)

    def zxid_of(self, op):
        """When a transaction took effect, as far as known."""
        return self.effects.get(op) if op.unsure() else op.zxid

    # ---- order in time

    def check_order(self):
        answered = sorted((op for op in self.ops
                           if op.end is not None and op.zxid),
                          key=lambda op: op.end)
        ends = [op.end for op in answered]
        highest, so_far = [], None
        for op in answered:
            if so_far is None or op.zxid > so_far.zxid:
                so_far = op
            highest.append(so_far)
        for op in self.ops:
            write = op.kind in history.WRITES
            zxid = self.zxid_of(op) if write else op.zxid
            if zxid is None or not (write or op.kind == 'sync'
                                    and op.acked()):
                continue
            at = bisect.bisect_left(ends, op.start)
            before = highest[at - 1] if at else None
            if before is None:
                continue
            if zxid <= before.zxid if write else zxid < before.zxid:
                self.problem('%r (zxid 0x%x) began %.3f s after the end of '
                             '%r', op, zxid, op.start - before.end, before)

    def by_client(self):
        clients = collections.defaultdict(list)
        for op in self.ops:
            clients[op.client].append(op)
        return clients.values()

    def check_sessions(self):
        for ops in self.by_client():
            answer = effect = None
            for op in ops:
                if op.zxid and op.zxid > 0:
                    if answer is not None and op.zxid < answer.zxid:
                        self.problem('zxids fall: %r, then %r', answer, op)
                    answer = op
                if op.kind not in history.WRITES:
                    continue
                zxid = self.zxid_of(op)
                if zxid is None:
                    continue
                if effect is not None and zxid <= self.zxid_of(effect):
                    self.problem('%r (0x%x) overtook %r (0x%x)', op, zxid,
                                 effect, self.zxid_of(effect))
                effect = op

    # ---- registers

    def check_registers(self):
        for register in self.registers.values():
            fallen = register.sort()
            if fallen:
                self.problem('%s: the zxids of versions %s fall: %s',
                             register.path, fallen,
                             [register.seen[v] for v in fallen])
        unseen = collections.Counter()
        for op in self.ops:
            if op.kind != 'set':
                continue
            register = self.registers[op.path]
            if op.acked():
                self.check_set(register, op)
            elif op.err == BAD_VERSION:
                self.check_refused(register, op)
            elif op.unsure() and op not in self.effects:
                unseen[op.path] += 1
        for path, register in self.registers.items():
            if path not in self.tree:
                self.problem('%s is gone', path)
                continue
            last = self.tree[path].stat.version
            if last < register.versions[-1]:
                self.problem('%s is lost: version %d is the last, but %d was '
                             'seen', path, last, register.versions[-1])
            holes = last - sum(version > 0 for version in register.seen)
            if holes > unseen[path]:
                self.problem('%s: %d versions were written by nobody', path,
                             holes - unseen[path])

    def check_set(self, register, op):
        if op.expect != -1 and op.seen.version != op.expect + 1:
            self.problem('%r of version %d made version %d', op, op.expect,
                         op.seen.version)
        if op.seen.mzxid != op.zxid:
            self.problem('%r: mzxid 0x%x', op, op.seen.mzxid)

    def check_refused(self, register, op):
        """Just before its zxid another version must have been there."""
        if self.version_at(register, op.zxid - 1) == op.expect:
            self.problem('%r was refused, but version %d was there', op,
                         op.expect)

    def version_at(self, register, zxid):
        """The version that was there after 'zxid', None if not known."""
        at = bisect.bisect_right(register.zxids, zxid) - 1
        if at < 0:
            return None
        version = register.versions[at]
        following = register.versions[at + 1:at + 2]
        last = version == self.tree[register.path].stat.version
        return version if last or following == [version + 1] else None

    # ---- reads

    def check_reads(self):
        for op in self.ops:
            if op.kind not in history.READS or op.end is None:
                continue
            if op.path in self.registers:
                self.check_register_read(op)
            elif op.path in self.lives:
                self.check_node_read(op, self.lives[op.path])

    def check_register_read(self, op):
        register = self.registers[op.path]
        if not op.acked():
            self.problem('%r: it is always there', op)
        elif op.seen.mzxid > op.zxid:
            self.problem('%r shows zxid 0x%x', op, op.seen.mzxid)
        elif register.next_zxid(op.seen.version) <= op.zxid:
            self.problem('%r shows version %d, but there was a newer one '
                         'since 0x%x', op, op.seen.version,
                         register.next_zxid(op.seen.version))

    def check_node_read(self, op, life):
        deletes = [d.zxid for d in life.deletes if d.acked()]
        if op.acked():
            if op.seen.czxid > op.zxid:
                self.problem('%r shows zxid 0x%x', op, op.seen.czxid)
            if life.made_by.err not in (None, 0):
                self.problem('%r was refused: %r', life.made_by, op)
            if deletes and min(deletes) <= op.zxid:
                self.problem('%r, but it was deleted at 0x%x', op,
                             min(deletes))
        elif op.err == NO_NODE:
            if self.must_be_there(life, op.zxid):
                self.problem('%r was done, but %r', life.made_by, op)
        else:
            self.problem('%r', op)

    def must_be_there(self, life, zxid):
        """The node, after 'zxid'."""
        maker = life.made_by
        czxid = self.zxid_of(maker)
        if czxid is None or czxid > zxid:
            return False
        if maker.kind == 'ephemeral' and maker.session not in self.live:
            return False
        return not any(d.unsure() or d.acked() and d.zxid <= zxid
                       for d in life.deletes)

    # ---- nodes

    def check_nodes(self):
        for path, life in self.lives.items():
            maker = life.made_by
            if path not in self.tree:
                if self.must_be_there(life, FOREVER):
                    self.problem('%r is lost', maker)
                continue
            if any(d.acked() for d in life.deletes):
                self.problem('%s is there, but %s', path, life.deletes)
            if maker.acked() \
                    and self.tree[path].stat.czxid != maker.zxid:
                self.problem('%r is another: %s', maker, self.tree[path])
        for op in self.ops:
            if op.err == NODE_EXISTS:
                self.problem('%r: nobody else makes it', op)
            elif op.kind == 'delete' and op.err == NO_NODE:
                self.check_vain_delete(op)
            elif op.kind == 'multi':
                self.check_multi(op)
        self.check_once()

    def check_vain_delete(self, op):
        life = self.lives[op.path]
        if self.must_be_there(life, op.zxid):
            self.problem('%r, but %r', op, life.made_by)

    def check_multi(self, op):
        ends = ['%s-%s' % (op.path, end) for end in 'ab']
        found = [self.tree[path].stat.czxid for path in ends
                 if path in self.tree]
        if len(found) == 1 or len(set(found)) == 2:
            self.problem('%r was done in part: %s', op, found)

    def check_once(self):
        """No operation was applied twice."""
        holders = collections.defaultdict(set)
        for path, node in self.tree.items():
            if node.data.decode(errors='replace') in self.writers:
                holders[node.data.decode()].add(node.stat.mzxid)
        for value, zxids in holders.items():
            if len(zxids) > 1:
                self.problem('%r was done twice: %s', self.writers[value],
                             zxids)

    # ---- sessions

    def check_ephemerals(self):
        for path, node in self.tree.items():
            owner = node.stat.ephemeralOwner
            if owner and owner not in self.live:
                self.problem('%s is there, its session 0x%x is not', path,
                             owner)
            if owner and path in self.lives \
                    and owner != self.lives[path].made_by.session:
                self.problem('%r has owner 0x%x', self.lives[path].made_by,
                             owner)

    def check_expiry(self):
        """A session may be found expired only if the leader was not reached
        for nearly its time-out before."""
        for ops in self.by_client():
            last = {}
            for op in ops:
                if op.kind == 'expired':
                    self.check_expired(op, last.get(op.session))
                elif op.kind == 'close':
                    last[op.session] = None
                elif op.acked() and op.kind not in history.READS \
                        and op.kind != 'abandon':
                    last[op.session] = op.start

    def check_expired(self, op, last):
        allowed = self.timeouts[op.client] / 1000 - EARLY_S
        if last is not None and op.end - last < allowed:
            self.problem('session 0x%x (%d ms) of %s is gone, %.3f s after '
                         'the leader was reached', op.session,
                         self.timeouts[op.client], op.client, op.end - last)
