# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""What clients asked an ensemble and what they were told, with times."""

import json

# The kinds of operations; those of the first line are transactions.
WRITES = ('set', 'create', 'sequential', 'ephemeral', 'delete', 'multi',
          'close')
READS = ('get', 'exists')
# And: sync; connect (a session was opened, or opened again, or was refused
# since it had expired: 'expired'); abandon (a client leaves its session).


class Op:
    """One operation of one client.

    client  its name; at: its number among that client's operations
    session, kind, path, value (unique; what a write writes), expect (the
            version that a set names, or -1)
    start, end  monotonic; end is None when no answer came
    err     of the answer, None when none came: done, or not done
    zxid    of the answer
    seen    Seen of the answer: what is there
    name    the path that a sequential create got
    """

    __slots__ = ('client', 'at', 'session', 'kind', 'path', 'value',
                 'expect', 'start', 'end', 'err', 'zxid', 'seen', 'name')

    def __init__(self, client, at, session, kind, path, start, value=None,
                 expect=-1):
        self.client, self.at = client, at
        self.session = session
        self.kind, self.path = kind, path
        self.value, self.expect = value, expect
        self.start = start
        self.end = self.err = self.zxid = self.seen = self.name = None

    def acked(self):
        return self.err == 0

    def unsure(self):
        """It was done, or it was not."""
        return self.err is None

    def fields(self):
        return {name: getattr(self, name) for name in self.__slots__
                if getattr(self, name) is not None}

    def __repr__(self):
        return '%s#%d %s %s%s%s' % (
            self.client, self.at, self.kind, self.path,
            '' if self.value is None else '=%s' % self.value,
            '?' if self.unsure() else ' err %d zxid 0x%x' % (
                self.err, self.zxid or 0))


class Seen:
    """A node as an answer shows it; value None: the answer has no data."""

    __slots__ = ('value', 'version', 'czxid', 'mzxid', 'owner')

    def __init__(self, stat, value=None):
        self.value = value
        self.version, self.owner = stat.version, stat.ephemeralOwner
        self.czxid, self.mzxid = stat.czxid, stat.mzxid

    def fields(self):
        return {name: getattr(self, name) for name in self.__slots__}


class History:
    """Operations in the order in which they began, of all clients; each is
    changed by its client's thread alone."""

    def __init__(self):
        self.ops = []

    def add(self, op):
        self.ops.append(op)
        return op

    def write(self, path):
        """One operation a line, as JSON."""
        with open(path, 'w') as out:
            for op in self.ops:
                out.write(json.dumps(op.fields(),
                                     default=lambda seen: seen.fields()))
                out.write('\n')
