# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Compares two traces of one script; every tolerated difference is named.

What is compared: the messages of every step in order, with all fields of
replies, events and Stats.  What cannot be equal is replaced by what can:

  session ids    by the order in which the sessions appeared
  passwords      by whether they are the one that belongs to the session
  times          by "set", once they are seen to lie within the run and to
                 agree with each other: one time per zxid, rising with it

Everything else that may differ is in RULES, with the reason.  The rules
about versions apply only when the server under test follows 3.9; when two
3.8.0 servers are compared they tolerate nothing.
"""

import zkwire as zk
from difftrace import parse_multi, summary

RULES = {
    'children in any order':
        'getChildren, getChildren2 and getEphemerals list names in an '
        'order that is not defined; Apache lists them in hash order',
    'ids of a session in any order':
        'whoAmI and the expansion of the auth scheme list the ids of a '
        'session; Apache keeps them in a hash set',
    'deletes at the end of a session in any order':
        'Apache deletes the ephemeral nodes of a session in hash order; '
        'the events of that transaction are compared as a set',
    'event zxid':
        'ZOOKEEPER-4655 (3.9.0): an event carries the zxid of its '
        'transaction, before it was -1; checked against the transaction',
    'exists needs READ':
        'ZOOKEEPER-2590 (3.8.4, 3.9.2): exists on a node that the caller '
        'may not read is -102; checked with a getData behind it',
    'create2 in multi':
        'ZOOKEEPER-4026 (3.9.0): create2, and createContainer with other '
        'flags, keep their kind inside multi and are answered with path '
        'and Stat as type 15, before with the path as type 1',
    'bad flags in multi':
        'ZOOKEEPER-4026 (3.9.0): a create with unknown flags makes the '
        'whole multi unreadable (-5), before its result was -8',
    'watch kinds side by side':
        'ZOOKEEPER-4466 (3.9.0): standard, persistent and recursive '
        'watches of one connection on one path are kept apart; before, '
        'the last one set decided',
    'watch types 4 and 5':
        'ZOOKEEPER-4472 (3.9.0): checkWatches and removeWatches know the '
        'types Persistent and PersistentRecursive; before -5',
    'checkWatches of others':
        '3.8.0 answers checkWatches with 0 when anybody watches the path',
    'checkWatches of odd paths':
        'ZOOKEEPER-4466 (3.9.0): the row of just that path is looked up; '
        '3.8.0 walks up its parents and trips over one without a slash',
    'createTTL flags in multi':
        'ZOOKEEPER-4026 (3.9.0): op 1 with TTL flags inside multi is a '
        'TTL node without a ttl (-8); 3.8.0 fails to convert it (-5)',
}

# A time may appear for these without a transaction of its own.
CLOCK_FREE = ('/zookeeper/config',)


class Times:
    """Checks the times of one trace against its zxids."""

    def __init__(self, clock):
        self.clock = clock
        self.seen = {}

    def check(self, zxid, value):
        if value == 0 and zxid == 0:
            return 0
        if not self.clock[0] <= value <= self.clock[1]:
            return 'not of this run: %d' % value
        if zxid > 0 and self.seen.setdefault(zxid, value) != value:
            return 'zxid %d had time %d, now %d' % (
                zxid, self.seen[zxid], value)
        return 'set'

    def disorder(self):
        """The pairs of zxids whose times run backwards, by > 2 s.

        The wall clock may be stepped back a little while tests run.
        """
        out, last = [], (0, 0)
        for zxid, value in sorted(self.seen.items()):
            if value < last[1] - 2000:
                out.append('zxid %d at %d, zxid %d at %d' % (
                    last + (zxid, value)))
            last = (zxid, value)
        return out


class Normaliser:
    """Turns the messages of one trace into comparable tuples."""

    def __init__(self, trace, used):
        self.trace = trace
        self.used = used
        self.times = Times(trace.clock)

    def step(self, messages):
        out, run = [], []
        allowed = any(m.kind == 'reply' and m.value.op in (101, 105)
                      for m in messages)
        for message in messages + [None]:
            if message is not None and message.kind == 'event' \
                    and message.loose:
                run.append(self._event(message.value, allowed))
                continue
            if len(run) > 1:
                self._use('deletes at the end of a session in any order')
            out += sorted(run)
            run = []
            if message is not None:
                out.append(self._message(message, allowed))
        return out

    def _use(self, rule):
        self.used[rule] = self.used.get(rule, 0) + 1

    def _message(self, message, allowed):
        value = message.value
        if message.kind == 'event':
            return self._event(value, allowed)
        if message.kind == 'connect':
            return self._connect(value)
        if message.kind == 'reply':
            return ('reply', value.xid, value.zxid, value.err,
                    self._body(value.body, message.request), value.rest)
        return (message.kind, value)

    def _connect(self, value):
        known = value.session in self.trace.sessions
        right = value.passwd == (b'\0' * 16 if value.session == 0 else
                                 zk.session_password(value.session))
        return ('connect', value.protocol, value.timeout,
                self.trace.sessions[value.session] if known else 'unknown',
                'right' if right else value.passwd.hex(), value.read_only,
                value.size)

    def _event(self, event, allowed):
        """allowed: the step holds setWatches, whose events have -1."""
        zxid = event.zxid
        if not self.trace.newest:
            zxid = '*' if zxid == -1 else zxid
        elif zxid == -1 and allowed:
            zxid = '*'
        elif (event.type, event.path) in self.trace.effects.get(zxid, ()):
            zxid = '*'
            self._use('event zxid')
        else:
            zxid = 'no such change at zxid %d' % zxid
        return ('event', zxid, event.type, event.state, event.path)

    def _body(self, body, request):
        out = {}
        for name, value in body.items():
            if name == 'stat':
                value = self._stat(value, request)
            elif name in ('children', 'ephemerals') and value is not None:
                if len(value) > 1:
                    self._use('children in any order')
                value = tuple(sorted(value))
            elif name == 'ids':
                if len(value) > 1:
                    self._use('ids of a session in any order')
                value = tuple(sorted(value))
            elif name == 'acl' and value is not None:
                value = self._acl(value)
            elif name == 'results':
                value = tuple((r.type, r.err, self._body(r.body, request))
                              for r in value)
            out[name] = value
        return out

    def _acl(self, entries):
        """Sorts neighbours that one entry of scheme auth may have made."""
        out, run = [], []
        for entry in list(entries) + [None]:
            if run and (entry is None or entry.scheme != 'digest'
                        or entry.perms != run[0].perms):
                if len(run) > 1:
                    self._use('ids of a session in any order')
                out += sorted(run)
                run = []
            if entry is not None and entry.scheme == 'digest':
                run.append(entry)
            elif entry is not None:
                out.append(entry)
        return tuple(out)

    def _stat(self, stat, request):
        owner = stat.ephemeralOwner
        if owner in self.trace.sessions:
            owner = 'session %d' % self.trace.sessions[owner]
        else:
            owner = 'unknown 0x%x' % owner
        free = request is not None and any(
            p.encode() in request.body for p in CLOCK_FREE)
        if free:
            ctime = mtime = 'free'
        else:
            ctime = self.times.check(stat.czxid, stat.ctime)
            mtime = self.times.check(stat.mzxid, stat.mtime)
        return stat._replace(ctime=ctime, mtime=mtime,
                             ephemeralOwner=owner)


class Difference:
    """One step whose messages differ."""

    def __init__(self, index, text, old, new, why=''):
        self.index, self.text = index, text
        self.old, self.new, self.why = old, new, why


class Comparison:
    """Compares the oracle's trace with that of the server under test."""

    def __init__(self, steps, old, new):
        self.steps = steps
        self.old, self.new = old, new
        self.used = {}
        self.differences = []
        self.newest = new.newest and not old.newest

    def run(self, limit=20):
        old = Normaliser(self.old, {})
        new = Normaliser(self.new, self.used)
        for index, step in enumerate(self.steps):
            if index >= len(self.old.steps) or index >= len(self.new.steps):
                break       # a server failed; the caller says so
            a, b = self.old.steps[index], self.new.steps[index]
            if step.rule:
                self._ruled(index, step, a, b)
            else:
                left, right = old.step(a), new.step(b)
                self._compare(index, left, right, a, b)
            if len(self.differences) >= limit:
                break
        for name, side in (('oracle', old), ('subject', new)):
            for text in side.times.disorder():
                self._differ(len(self.steps) - 1, [], [],
                             'times of the %s run backwards: %s'
                             % (name, text))
        return self.differences

    def _differ(self, index, old, new, why=''):
        text = self.new.texts[index] if index < len(self.new.texts) else '?'
        self.differences.append(Difference(index, text, old, new, why))

    def _ruled(self, index, step, a, b):
        """A step for which the script itself says who answers what."""
        want = step.new if self.newest else step.old
        left, right = summary(a), summary(b)
        if left != step.old:
            self._differ(index, left, right, 'rule "%s": the oracle should '
                         'answer %s' % (step.rule, step.old))
        if right != want:
            self._differ(index, left, right, 'rule "%s": expected %s'
                         % (step.rule, want))
        elif self.newest:
            self.used[step.rule] = self.used.get(step.rule, 0) + 1

    def _compare(self, index, left, right, a, b):
        if left == right:
            return
        if self.newest and len(left) == len(right):
            if all(x == y or self._excused(x, y, left, right, at,
                                           request_of(a, b, at))
                   for at, (x, y) in enumerate(zip(left, right))):
                return
        self._differ(index, left, right)

    def _excused(self, x, y, left, right, at, request):
        """A difference of versions between two replies."""
        if x[0] != 'reply' or y[0] != 'reply' or x[1:3] != y[1:3] \
                or request is None:
            return False
        rule = None
        if request.op == 3 and (x[3], y[3]) == (0, zk.NO_AUTH):
            # The getData sent behind it shows that READ is missing.
            if at + 1 < len(left) and left[at + 1][0] == 'reply' \
                    and left[at + 1] == right[at + 1] \
                    and left[at + 1][3] == zk.NO_AUTH:
                rule = 'exists needs READ'
        elif request.op == 14 and x[3] == 0 and y[3] == 0:
            if self._create2(x, y, request):
                rule = 'create2 in multi'
        elif request.op == 14 and (x[3], y[3]) == (0, zk.MARSHALLING):
            if unknown_flags(request):
                rule = 'bad flags in multi'
        if rule:
            self.used[rule] = self.used.get(rule, 0) + 1
        return rule is not None

    @staticmethod
    def _create2(x, y, request):
        ops = parse_multi(request)
        old, new = x[4].get('results', ()), y[4].get('results', ())
        if not len(ops) == len(old) == len(new):
            return False
        for op, before, after in zip(ops, old, new):
            if before == after:
                continue
            if op.op not in (15, 19) \
                    or (before[0], after[0]) != (1, 15):
                return False
            stat = after[2]['stat']
            if before[2]['path'] != after[2]['path'] \
                    or (stat.czxid, stat.mzxid) != (y[2], y[2]):
                return False
        return True


def request_of(a, b, at):
    """The request of the message at this place in both lists."""
    if at < len(b) and at < len(a) and a[at].request is not None \
            and b[at].request is not None \
            and a[at].request.op == b[at].request.op:
        return b[at].request
    return None


def unknown_flags(request):
    for op in parse_multi(request):
        if op.op in (1, 15, 19):
            reader = zk.Reader(op.body)
            reader.string(), reader.buffer(), reader.acls()
            if not 0 <= reader.int() <= 6:
                return True
    return False


def describe(message):
    """A normalised message for people."""
    if isinstance(message, str):
        return message
    if message[0] != 'reply':
        return ' '.join(map(str, message))
    _, xid, zxid, err, body, rest = message
    text = 'reply xid %d zxid 0x%x err %d' % (xid, zxid, err)
    for name, value in body.items():
        text += '\n        %s: %s' % (name, value)
    if rest:
        text += '\n        bytes behind: ' + rest.hex()
    return text
