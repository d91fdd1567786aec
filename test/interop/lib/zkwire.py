# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""The client protocol, byte by byte.

The interoperability tests must see exactly what a server sends: which
frame came first, which bytes follow an error, when the socket closed.
Client libraries hide all that, so the tests speak the protocol with this
module.  It knows nothing about servers and holds no state but that of one
connection.

Strings are carried as str.  Bytes that are not UTF-8 survive a round trip
(surrogateescape); None stands for the null string, buffer or vector.
"""

import collections
import hashlib
import base64
import socket
import struct
import time

# ---------------------------------------------------------------- constants

OPS = {
    'create': 1, 'delete': 2, 'exists': 3, 'getData': 4, 'setData': 5,
    'getACL': 6, 'setACL': 7, 'getChildren': 8, 'sync': 9, 'ping': 11,
    'getChildren2': 12, 'check': 13, 'multi': 14, 'create2': 15,
    'reconfig': 16, 'checkWatches': 17, 'removeWatches': 18,
    'createContainer': 19, 'deleteContainer': 20, 'createTTL': 21,
    'multiRead': 22, 'auth': 100, 'setWatches': 101, 'sasl': 102,
    'getEphemerals': 103, 'getAllChildrenNumber': 104, 'setWatches2': 105,
    'addWatch': 106, 'whoAmI': 107, 'createSession': -10,
    'closeSession': -11,
}
OP_NAMES = {number: name for name, number in OPS.items()}

OK = 0
RUNTIME_INCONSISTENCY = -2
MARSHALLING = -5
UNIMPLEMENTED = -6
BAD_ARGUMENTS = -8
NO_NODE = -101
NO_AUTH = -102
BAD_VERSION = -103
NO_CHILDREN_FOR_EPHEMERALS = -108
NODE_EXISTS = -110
NOT_EMPTY = -111
SESSION_EXPIRED = -112
INVALID_ACL = -114
AUTH_FAILED = -115
SESSION_MOVED = -118
NO_WATCHER = -121
RECONFIG_DISABLED = -123
QUOTA_EXCEEDED = -125

PERSISTENT = 0
EPHEMERAL = 1
SEQUENTIAL = 2
EPHEMERAL_SEQUENTIAL = 3
CONTAINER = 4
TTL = 5
TTL_SEQUENTIAL = 6

READ, WRITE, CREATE, DELETE, ADMIN, ALL = 1, 2, 4, 8, 16, 31

XID_EVENT = -1
XID_PING = -2
XID_AUTH = -4
XID_SET_WATCHES = -8

EVENT_NAMES = {1: 'NodeCreated', 2: 'NodeDeleted', 3: 'NodeDataChanged',
               4: 'NodeChildrenChanged'}

WATCH_CHILDREN, WATCH_DATA, WATCH_ANY = 1, 2, 3
ADD_PERSISTENT, ADD_RECURSIVE = 0, 1

ACL = collections.namedtuple('ACL', 'perms scheme id')
OPEN = (ACL(ALL, 'world', 'anyone'),)
READ_ONLY = (ACL(READ, 'world', 'anyone'),)

Stat = collections.namedtuple(
    'Stat', 'czxid mzxid ctime mtime version cversion aversion '
            'ephemeralOwner dataLength numChildren pzxid')
ConnectResponse = collections.namedtuple(
    'ConnectResponse', 'protocol timeout session passwd read_only size')
Event = collections.namedtuple('Event', 'zxid type state path')
Reply = collections.namedtuple('Reply', 'xid zxid err body op rest')
SubResult = collections.namedtuple('SubResult', 'type err body')


class DecodeError(Exception):
    """The bytes of a frame do not form the expected record."""


class Closed(Exception):
    """The server closed the connection."""


class Timeout(Exception):
    """Nothing came before the deadline."""


# ------------------------------------------------------------------- jute

class Writer:
    """Builds a record; every method returns self so that calls chain."""

    def __init__(self):
        self.parts = []

    def raw(self, data):
        self.parts.append(bytes(data))
        return self

    def byte(self, value):
        return self.raw(struct.pack('>b', value))

    def boolean(self, value):
        return self.raw(b'\x01' if value else b'\x00')

    def int(self, value):
        return self.raw(struct.pack('>i', value))

    def long(self, value):
        return self.raw(struct.pack('>q', value))

    def buffer(self, data):
        if data is None:
            return self.int(-1)
        return self.int(len(data)).raw(data)

    def string(self, text):
        if isinstance(text, str):
            text = text.encode('utf-8', 'surrogateescape')
        return self.buffer(text)

    def vector(self, items, put):
        if items is None:
            return self.int(-1)
        self.int(len(items))
        for item in items:
            put(self, item)
        return self

    def strings(self, items):
        return self.vector(items, Writer.string)

    def acls(self, items):
        return self.vector(items, _put_acl)

    def bytes(self):
        return b''.join(self.parts)


def _put_acl(out, acl):
    out.int(acl.perms).string(acl.scheme).string(acl.id)


class Reader:
    """Takes a record apart; raises DecodeError when the bytes end."""

    def __init__(self, data):
        self.data = data
        self.pos = 0

    def raw(self, size):
        if size < 0 or self.pos + size > len(self.data):
            raise DecodeError('%d bytes wanted at offset %d of %d'
                              % (size, self.pos, len(self.data)))
        piece = self.data[self.pos:self.pos + size]
        self.pos += size
        return piece

    def boolean(self):
        return self.raw(1) != b'\x00'

    def int(self):
        return struct.unpack('>i', self.raw(4))[0]

    def long(self):
        return struct.unpack('>q', self.raw(8))[0]

    def buffer(self):
        size = self.int()
        return None if size == -1 else self.raw(size)

    def string(self):
        data = self.buffer()
        return None if data is None else data.decode('utf-8',
                                                     'surrogateescape')

    def vector(self, get):
        count = self.int()
        if count == -1:
            return None
        return [get(self) for _ in range(count)]

    def strings(self):
        return self.vector(Reader.string)

    def acls(self):
        return self.vector(
            lambda r: ACL(r.int(), r.string(), r.string()))

    def stat(self):
        return Stat(self.long(), self.long(), self.long(), self.long(),
                    self.int(), self.int(), self.int(), self.long(),
                    self.int(), self.int(), self.long())

    def rest(self):
        return self.data[self.pos:]


# --------------------------------------------------------------- requests

class Request:
    """One request: opcode, encoded body, and a text for people.

    xid None lets the connection number it.
    """

    def __init__(self, op, body=b'', text=None, xid=None):
        self.op = op
        self.body = body
        self.xid = xid
        self.text = text or OP_NAMES.get(op, 'op%d' % op)

    def __repr__(self):
        return self.text

    def frame(self, xid):
        data = struct.pack('>ii', xid, self.op) + self.body
        return struct.pack('>i', len(data)) + data

    def cut(self, size):
        """The same request whose body ends after size bytes."""
        return Request(self.op, self.body[:size],
                       '%s cut to %d of %d body bytes'
                       % (self.text, size, len(self.body)), self.xid)

    def padded(self, tail):
        """The same request with bytes behind its body."""
        return Request(self.op, self.body + tail,
                       '%s + %d trailing bytes' % (self.text, len(tail)),
                       self.xid)


def _show(value):
    if isinstance(value, bytes) and len(value) > 40:
        return '%r..(%d)' % (value[:16], len(value))
    if isinstance(value, str) and len(value) > 120:
        return '%r..(%d)' % (value[:60], len(value))
    if value == OPEN:
        return 'OPEN'
    if isinstance(value, (list, tuple)) and value \
            and isinstance(value[0], ACL):
        return '[%s]' % ' '.join('%s:%s:%d' % (a.scheme, a.id, a.perms)
                                 for a in value)
    return repr(value)


def _text(name, *fields):
    return '%s(%s)' % (name, ', '.join(_show(f) for f in fields))


def _creator(name, path, data, acl, flags):
    body = Writer().string(path).buffer(data).acls(acl).int(flags).bytes()
    return Request(OPS[name], body, _text(name, path, data, acl, flags))


def create(path, data=b'', acl=OPEN, flags=PERSISTENT):
    return _creator('create', path, data, acl, flags)


def create2(path, data=b'', acl=OPEN, flags=PERSISTENT):
    return _creator('create2', path, data, acl, flags)


def create_container(path, data=b'', acl=OPEN, flags=CONTAINER):
    return _creator('createContainer', path, data, acl, flags)


def create_ttl(path, data=b'', acl=OPEN, flags=TTL, ttl=60000):
    body = Writer().string(path).buffer(data).acls(acl).int(flags)
    return Request(21, body.long(ttl).bytes(),
                   _text('createTTL', path, data, acl, flags, ttl))


def _path_int(name, path, number):
    return Request(OPS[name], Writer().string(path).int(number).bytes(),
                   _text(name, path, number))


def delete(path, version=-1):
    return _path_int('delete', path, version)


def check(path, version=-1):
    return _path_int('check', path, version)


def check_watches(path, kind):
    return _path_int('checkWatches', path, kind)


def remove_watches(path, kind):
    return _path_int('removeWatches', path, kind)


def add_watch(path, mode):
    return _path_int('addWatch', path, mode)


def _path_watch(name, path, watch):
    return Request(OPS[name], Writer().string(path).boolean(watch).bytes(),
                   _text(name, path, watch))


def exists(path, watch=False):
    return _path_watch('exists', path, watch)


def get_data(path, watch=False):
    return _path_watch('getData', path, watch)


def get_children(path, watch=False):
    return _path_watch('getChildren', path, watch)


def get_children2(path, watch=False):
    return _path_watch('getChildren2', path, watch)


def set_data(path, data=b'', version=-1):
    body = Writer().string(path).buffer(data).int(version).bytes()
    return Request(5, body, _text('setData', path, data, version))


def _path_only(name, path):
    return Request(OPS[name], Writer().string(path).bytes(),
                   _text(name, path))


def get_acl(path):
    return _path_only('getACL', path)


def sync(path):
    return _path_only('sync', path)


def get_ephemerals(prefix='/'):
    return _path_only('getEphemerals', prefix)


def get_all_children_number(path):
    return _path_only('getAllChildrenNumber', path)


def set_acl(path, acl=OPEN, version=-1):
    body = Writer().string(path).acls(acl).int(version).bytes()
    return Request(7, body, _text('setACL', path, acl, version))


def delete_container(path):
    """Both layouts that servers used inside are tried by the tests."""
    return Request(20, Writer().string(path).bytes(),
                   _text('deleteContainer', path))


def reconfig(joining=None, leaving=None, members=None, config_id=-1):
    body = Writer().string(joining).string(leaving).string(members)
    return Request(16, body.long(config_id).bytes(),
                   _text('reconfig', joining, leaving, members, config_id))


def ping(xid=XID_PING):
    return Request(11, b'', 'ping(xid %d)' % xid, xid)


def who_am_i():
    return Request(107, b'', 'whoAmI()')


def close_session():
    return Request(-11, b'', 'closeSession()')


def auth(scheme, data):
    body = Writer().int(0).string(scheme).buffer(data).bytes()
    return Request(100, body, _text('auth', scheme, data), XID_AUTH)


def sasl(token):
    return Request(102, Writer().buffer(token).bytes(),
                   _text('sasl', token))


def set_watches(zxid, data=(), exist=(), child=()):
    body = Writer().long(zxid)
    for paths in (data, exist, child):
        body.strings(paths)
    return Request(101, body.bytes(),
                   _text('setWatches', zxid, data, exist, child),
                   XID_SET_WATCHES)


def set_watches2(zxid, data=(), exist=(), child=(), persistent=(),
                 recursive=()):
    body = Writer().long(zxid)
    for paths in (data, exist, child, persistent, recursive):
        body.strings(paths)
    return Request(105, body.bytes(),
                   _text('setWatches2', zxid, data, exist, child,
                         persistent, recursive), XID_SET_WATCHES)


def _multi(op, requests):
    out = Writer()
    for request in requests:
        out.int(request.op).boolean(False).int(-1).raw(request.body)
    out.int(-1).boolean(True).int(-1)
    return Request(op, out.bytes(), '%s[%s]' % (
        OP_NAMES[op], '; '.join(r.text for r in requests)))


def multi(*requests):
    return _multi(14, requests)


def multi_read(*requests):
    return _multi(22, requests)


def connect_request(session=0, passwd=b'\0' * 16, timeout=30000,
                    last_zxid=0, read_only=False, protocol=0):
    """The first frame; read_only None leaves the byte out (old form)."""
    out = Writer().int(protocol).long(last_zxid).int(timeout)
    out.long(session).buffer(passwd)
    if read_only is not None:
        out.boolean(read_only)
    return out.bytes()


def digest_id(user, password):
    """The ACL id that the digest scheme gives to user:password."""
    text = ('%s:%s' % (user, password)).encode()
    return '%s:%s' % (user, base64.b64encode(
        hashlib.sha1(text).digest()).decode())


def session_password(session):
    """The password every server gives to this session id.

    java.util.Random's generator: 48-bit linear congruential, the upper 32
    bits of each state emitted least significant byte first.
    """
    mask = (1 << 48) - 1
    seed = ((session ^ 0xB3415C00) ^ 0x5DEECE66D) & mask
    out = b''
    for _ in range(4):
        seed = (seed * 0x5DEECE66D + 0xB) & mask
        out += struct.pack('<I', seed >> 16)
    return out


# ---------------------------------------------------------------- replies

def _body_stat(r):
    return {'stat': r.stat()}


def _body_path_stat(r):
    return {'path': r.string(), 'stat': r.stat()}


def _body_path(r):
    return {'path': r.string()}


def _body_data(r):
    return {'data': r.buffer(), 'stat': r.stat()}


def _body_children(r):
    return {'children': r.strings()}


def _body_children2(r):
    return {'children': r.strings(), 'stat': r.stat()}


def _body_multi(r):
    results = []
    while True:
        kind, done, err = r.int(), r.boolean(), r.int()
        if done:
            if (kind, err) != (-1, -1):
                raise DecodeError('multi ends with %d,%d' % (kind, err))
            return {'results': results}
        if kind == -1:
            body = {'err': r.int()}
        elif kind in SUB_BODIES:
            body = SUB_BODIES[kind](r)
        else:
            raise DecodeError('multi result of type %d' % kind)
        results.append(SubResult(kind, err, body))


def _body_none(_):
    return {}


SUB_BODIES = {
    1: _body_path, 2: _body_none, 4: _body_data, 5: _body_stat,
    8: _body_children, 13: _body_none, 15: _body_path_stat,
}

BODIES = {
    1: _body_path, 2: _body_none, 3: _body_stat, 4: _body_data,
    5: _body_stat,
    6: lambda r: {'acl': r.acls(), 'stat': r.stat()},
    7: _body_stat, 8: _body_children, 9: _body_path, 11: _body_none,
    12: _body_children2, 13: _body_stat, 14: _body_multi,
    15: _body_path_stat, 16: _body_data, 17: _body_none, 18: _body_none,
    19: _body_path_stat, 20: _body_none, 21: _body_path_stat,
    22: _body_multi, 100: _body_none, 101: _body_none,
    102: lambda r: {'token': r.buffer()},
    103: lambda r: {'ephemerals': r.strings()},
    104: lambda r: {'total': r.int()}, 105: _body_none,
    106: lambda r: {'err': r.int()},
    107: lambda r: {'ids': r.vector(lambda q: (q.string(), q.string()))},
    -11: _body_none,
}


def decode_event(reader, zxid):
    event = Event(zxid, reader.int(), reader.int(), reader.string())
    if reader.rest():
        raise DecodeError('bytes after an event: %r' % reader.rest())
    return event


def decode_reply(op, data):
    """The Reply in data (a frame without its length) to opcode op.

    The body is decoded when err is 0; whatever stands behind it, or
    behind the header of an error, is kept in rest.
    """
    reader = Reader(data)
    xid, zxid, err = reader.int(), reader.long(), reader.int()
    body = {}
    if err == 0 and op in BODIES:
        body = BODIES[op](reader)
    return Reply(xid, zxid, err, body, op, reader.rest())


def decode_connect_response(data):
    reader = Reader(data)
    protocol, timeout = reader.int(), reader.int()
    session, passwd = reader.long(), reader.buffer()
    read_only = reader.boolean() if reader.rest() else None
    if reader.rest():
        raise DecodeError('bytes after a ConnectResponse')
    return ConnectResponse(protocol, timeout, session, passwd, read_only,
                           len(data))


# ------------------------------------------------------------ connections

class Conn:
    """One TCP connection to a server, frames in and out.

    Nothing happens behind the caller's back: no thread, no ping, no
    reconnection.  Every wait has a deadline (seconds, monotonic clock).
    """

    def __init__(self, address, timeout=20.0):
        self.timeout = timeout
        self.socket = socket.create_connection(address, timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.inbox = bytearray()
        self.pending = []       # (xid expected in the reply, opcode)
        self.events = []        # filled by call() and drain()
        self.next_xid = 1
        self.session = 0
        self.passwd = b'\0' * 16
        self.last_zxid = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Drops the connection; the session lives on."""
        self.socket.close()

    def send_raw(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionError) as error:
            raise Closed(str(error))

    def read_frame(self, timeout=None):
        """The next frame's bytes, without its length."""
        deadline = time.monotonic() + (timeout or self.timeout)
        size = None
        while True:
            if size is None and len(self.inbox) >= 4:
                size = struct.unpack('>i', self.inbox[:4])[0]
                if size < 0:
                    raise DecodeError('frame of length %d' % size)
            if size is not None and len(self.inbox) >= 4 + size:
                frame = bytes(self.inbox[4:4 + size])
                del self.inbox[:4 + size]
                return frame
            self._fill(deadline)

    def _fill(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise Timeout('no frame before the deadline; %d bytes held'
                          % len(self.inbox))
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(262144)
        except socket.timeout:
            return
        except ConnectionError as error:
            raise Closed(str(error))
        if not data:
            raise Closed('end of stream; %d bytes held' % len(self.inbox))
        self.inbox += data

    def read_to_end(self, timeout=None):
        """All bytes until the server closes (four-letter words)."""
        deadline = time.monotonic() + (timeout or self.timeout)
        while True:
            try:
                self._fill(deadline)
            except Closed:
                return bytes(self.inbox)

    def handshake(self, **fields):
        """Sends a ConnectRequest and returns the ConnectResponse."""
        data = connect_request(**fields)
        self.send_raw(struct.pack('>i', len(data)) + data)
        return self.handshake_reply()

    def handshake_reply(self):
        reply = decode_connect_response(self.read_frame())
        self.session, self.passwd = reply.session, reply.passwd
        return reply

    def post(self, *requests):
        """Sends requests in one segment; returns their xids."""
        data, xids = b'', []
        for request in requests:
            xid = request.xid
            if xid is None:
                xid = self.next_xid
                self.next_xid += 1
            data += request.frame(xid)
            expect = XID_PING if request.op == 11 else xid
            self.pending.append((expect, request.op))
            xids.append(xid)
        self.send_raw(data)
        return xids

    def next(self, timeout=None):
        """The next Reply or Event from the server."""
        data = self.read_frame(timeout)
        reader = Reader(data)
        xid, zxid, err = reader.int(), reader.long(), reader.int()
        if xid == XID_EVENT:
            if err != 0:
                raise DecodeError('event with err %d' % err)
            return decode_event(reader, zxid)
        for at, (expect, op) in enumerate(self.pending):
            if expect == xid:
                del self.pending[at]
                reply = decode_reply(op, data)
                if zxid > self.last_zxid:
                    self.last_zxid = zxid
                return reply
        raise DecodeError('reply to unknown xid %d: %s' % (xid, data.hex()))

    def next_reply(self, timeout=None):
        """The next Reply; events met on the way go to self.events."""
        while True:
            message = self.next(timeout)
            if isinstance(message, Reply):
                return message
            self.events.append(message)

    def call(self, request, timeout=None):
        """Sends one request and returns its Reply."""
        self.post(request)
        return self.next_reply(timeout)

    def drain(self):
        """The events that reached us until now.

        A ping's reply comes after every event that was queued before the
        ping was read, so nothing is missed and nothing is waited for.
        """
        reply = self.call(ping())
        if reply.err != 0:
            raise DecodeError('ping failed: %r' % (reply,))
        events, self.events = self.events, []
        return events

    def wait_closed(self, timeout=None):
        """Returns the frames that come before the server closes."""
        frames = []
        while True:
            try:
                frames.append(self.read_frame(timeout))
            except Closed:
                return frames


def connect(address, **fields):
    """A connection with a session; fields as in connect_request()."""
    conn = Conn(address)
    try:
        conn.handshake(**fields)
    except BaseException:
        conn.close()
        raise
    return conn


def four_letter_word(address, word, timeout=5.0):
    """The text a server answers to a four-letter word."""
    conn = Conn(address, timeout)
    try:
        conn.send_raw(word.encode())
        return conn.read_to_end().decode('utf-8', 'replace')
    finally:
        conn.close()
