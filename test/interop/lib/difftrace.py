# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Plays a script of requests on a server and records all that comes back.

A script is a list of Steps, each acting on one named connection.  The
steps run one after the other, so every message that a connection receives
has one possible place in that connection's stream: an event caused by an
earlier step stands before the reply of the connection's next request.
The recorded traces of two servers can therefore be compared step by step.
"""

import time

import zkwire as zk

# How long a server may take for one message; a healthy one needs
# milliseconds.
PATIENCE = 15.0


class Step:
    """One action.

    kind   open, attach, call, drop, closed, expire, walk or restart
    conn   name of the connection it acts on
    what   call: list of requests (or functions of the Player that make
           one); attach: dict with 'of' (connection whose session is
           wanted) and 'passwd' (None: the right one); expire: the path of
           an ephemeral node that must go away; open, attach: 'fields' of
           the ConnectRequest
    closes the server must close the connection after the replies
    rule   name of the version rule when the two servers are known to
           differ here; old and new say what each must answer, as
           summary() writes it
    """

    def __init__(self, kind, conn, what=None, closes=False, rule=None,
                 old=None, new=None):
        self.kind = kind
        self.conn = conn
        self.what = what
        self.closes = closes
        self.rule = rule
        self.old = old
        self.new = new

    def requests(self):
        return len(self.what) if self.kind == 'call' else 1


class Message:
    """Something a connection received during a step.

    kind is reply, event, connect, closed, silent or broken; value the
    decoded record or a text.  For an event, loose says that a session
    ended since the connection's last reply: the order in which a server
    deletes the ephemeral nodes of a session is its own affair.
    """

    def __init__(self, kind, value, request=None, loose=False):
        self.kind = kind
        self.value = value
        self.request = request
        self.loose = loose


class Trace:
    """What one server answered to a script."""

    def __init__(self, server):
        self.newest = server.newest
        self.name = server.kind
        self.steps = []         # per step: list of Messages
        self.texts = []         # per step: what was asked, for people
        self.sessions = {0: 0}  # session id -> order of appearance
        self.effects = {}       # zxid -> set of (event type, path)
        self.clock = [0, 0]     # wall clock of the run, ms


class Player:
    """Runs Steps against one server."""

    def __init__(self, server):
        self.server = server
        self.trace = Trace(server)
        self.conns = {}
        self.ended = {}         # conn name -> a session ended meanwhile
        self.sequential = ['/none']
        self.owned = {}         # session id -> ephemeral paths it made
        self.last_zxid = 0

    def play(self, steps):
        self.trace.clock[0] = int(time.time() * 1000) - 5000
        try:
            for step in steps:
                messages, text = [], []
                self.trace.steps.append(messages)
                try:
                    getattr(self, '_' + step.kind)(step, messages, text)
                finally:
                    self.trace.texts.append('; '.join(text) or step.kind)
                self.server.check_alive()
        finally:
            self.trace.clock[1] = int(time.time() * 1000) + 5000
            for conn in self.conns.values():
                conn.close()
        return self.trace

    # -- kinds of steps

    def _open(self, step, messages, text):
        fields = dict(step.what or {})
        fields.setdefault('timeout', 300000)
        text.append('%s: open %r' % (step.conn, fields))
        self._handshake(step.conn, fields, messages)

    def _attach(self, step, messages, text):
        fields = dict(step.what)
        old = self.conns[fields.pop('of')]
        fields.setdefault('passwd', old.passwd)
        fields.setdefault('timeout', 300000)
        fields['session'] = fields.get('session', old.session)
        text.append('%s: attach to session %s %r' % (
            step.conn, self.trace.sessions.get(old.session), step.what))
        self._handshake(step.conn, fields, messages)

    def _handshake(self, name, fields, messages):
        conn = zk.Conn(self.server.address, PATIENCE)
        if name in self.conns:
            self.conns[name].close()
        self.conns[name] = conn
        self.ended[name] = False
        try:
            reply = conn.handshake(**fields)
        except (zk.Closed, zk.Timeout, zk.DecodeError) as error:
            messages.append(_failure(error))
            return
        sessions = self.trace.sessions
        sessions.setdefault(reply.session, len(sessions))
        messages.append(Message('connect', reply))
        if reply.timeout <= 0:
            self._until_closed(conn, name, messages)

    def _drop(self, step, messages, text):
        text.append('%s: drop' % step.conn)
        self.conns[step.conn].close()

    def _closed(self, step, messages, text):
        text.append('%s: must be closed by now' % step.conn)
        self._until_closed(self.conns[step.conn], step.conn, messages)

    def _call(self, step, messages, text):
        conn = self.conns[step.conn]
        requests = [r if isinstance(r, zk.Request) else r(self)
                    for r in step.what]
        text.append('%s: %s' % (step.conn, '; '.join(map(repr, requests))))
        asked = {}
        try:
            for xid, request in zip(conn.post(*requests), requests):
                xid = zk.XID_PING if request.op == 11 else xid
                asked.setdefault(xid, []).append(request)
            left = len(requests)
            while left and not (step.closes and self._over(messages)):
                message = self._receive(conn, step.conn, asked)
                messages.append(message)
                left -= message.kind == 'reply'
        except (zk.Closed, zk.Timeout, zk.DecodeError) as error:
            messages.append(_failure(error))
            return
        if step.closes:
            self._until_closed(conn, step.conn, messages)

    @staticmethod
    def _over(messages):
        """No reply is expected after one that ends the connection."""
        if not messages or messages[-1].kind != 'reply':
            return False
        reply = messages[-1].value
        return reply.op == -11 or reply.err in (-6, -115)

    def _receive(self, conn, name, asked):
        value = conn.next()
        if isinstance(value, zk.Event):
            return Message('event', value, loose=self.ended[name])
        self.ended[name] = False
        request = asked[value.xid].pop(0)
        self._note(conn, request, value)
        return Message('reply', value, request)

    def _until_closed(self, conn, name, messages):
        try:
            while True:
                messages.append(self._receive(conn, name, {}))
        except (zk.Closed, zk.Timeout, zk.DecodeError) as error:
            messages.append(_failure(error))

    def _expire(self, step, messages, text):
        """Drops the connection and waits for its session's end.

        step.what is an ephemeral node of that session.  The polls use a
        connection of their own and are not recorded: they are reads, so
        they change nothing that could be compared.
        """
        text.append('%s: expire, waiting for %s to go' % (step.conn,
                                                          step.what))
        gone = self.conns[step.conn]
        gone.close()
        observer = self.conns['observer']
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            reply = observer.call(zk.exists(step.what))
            if reply.err == zk.NO_NODE:
                self._session_ended(gone.session, reply.zxid)
                messages.append(Message('gone', reply.zxid))
                return
            time.sleep(0.02)
        messages.append(Message('silent', '%s is still there' % step.what))

    def _walk(self, step, messages, text):
        """Reads the whole tree, parents first, names sorted."""
        text.append('%s: walk the tree' % step.conn)
        todo = ['/']
        while todo:
            path = todo.pop(0)
            for request in (zk.get_data(path), zk.get_acl(path),
                            zk.get_children2(path)):
                probe = Step('call', step.conn, [request])
                self._call(probe, messages, [])
            last = messages[-1]
            if last.kind != 'reply' or last.value.err:
                continue
            todo += ['%s/%s' % ('' if path == '/' else path, name)
                     for name in sorted(last.value.body['children'])]

    def _restart(self, step, messages, text):
        """Stops and starts the server; what = True for kill -9."""
        text.append('restart the server (crash: %s)' % bool(step.what))
        self.server.restart(crash=bool(step.what))

    # -- what requests did, to explain events

    def _note(self, conn, request, reply):
        self.last_zxid = max(self.last_zxid, reply.zxid)
        if reply.err:
            return
        if request.op == -11:
            self._session_ended(conn.session, reply.zxid)
            return
        body = reply.body
        if request.op in (14, 22):
            if any(r.err for r in body['results']):
                return
            pairs = list(zip(parse_multi(request), body['results']))
            for op, result in pairs:
                self._note_op(conn, op, result.body, reply.zxid)
            return
        self._note_op(conn, request, body, reply.zxid)

    def _note_op(self, conn, request, body, zxid):
        effects = self.trace.effects.setdefault(zxid, set())
        op = request.op
        if op in (1, 15, 19, 21):
            path = body['path']
            effects |= {(1, path), (4, parent_of(path))}
            self.owned.setdefault(conn.session, []).append(path)
            if path != request_path(request):
                self.sequential.append(path)
        elif op == 2:
            path = request_path(request)
            effects |= {(2, path), (4, parent_of(path))}
        elif op == 5:
            effects.add((3, request_path(request)))

    def _session_ended(self, session, zxid):
        effects = self.trace.effects.setdefault(zxid, set())
        for path in self.owned.get(session, ()):
            effects |= {(2, path), (4, parent_of(path))}
        for name in self.ended:
            self.ended[name] = True


def _failure(error):
    if isinstance(error, zk.Closed):
        return Message('closed', 'closed')
    kind = 'silent' if isinstance(error, zk.Timeout) else 'broken'
    return Message(kind, str(error))


def parent_of(path):
    return path[:path.rindex('/')] or '/'


def request_path(request):
    return zk.Reader(request.body).string()


def parse_multi(request):
    """The sub-requests of a multi, op and body each."""
    reader, out = zk.Reader(request.body), []
    while True:
        op, done, _ = reader.int(), reader.boolean(), reader.int()
        if done:
            return out
        start = reader.pos
        reader.string()
        if op in (1, 15, 19, 21):
            reader.buffer(), reader.acls(), reader.int()
            if op == 21:
                reader.long()
        elif op == 5:
            reader.buffer(), reader.int()
        elif op in (2, 13):
            reader.int()
        else:
            reader.boolean()
        out.append(zk.Request(op, request.body[start:reader.pos]))


def summary(messages):
    """Messages as short texts, for the rules of a Step."""
    out = []
    for message in messages:
        value = message.value
        if message.kind == 'event':
            out.append('%s %s' % (zk.EVENT_NAMES.get(value.type),
                                  value.path))
        elif message.kind == 'reply' and value.op in (14, 22) \
                and value.err == 0:
            out.append('multi ' + ' '.join(
                '%d:%d' % (r.type, r.err) for r in value.body['results']))
        elif message.kind == 'reply':
            out.append(str(value.err))
        else:
            out.append(message.kind)
    return out
