# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Just enough of a ZooKeeper client to see when an ensemble writes again: it
notices within milliseconds, where a full client waits before it reconnects.
"""

import socket
import struct

CREATE, CLOSE = 1, -11
EPHEMERAL_SEQUENTIAL = 3


class Refused(Exception):
    """The server did not do it (now)."""


def four_letter_word(port, word, timeout=2):
    """The answer, or '' when there is none."""
    try:
        with socket.create_connection(('127.0.0.1', port), timeout) as s:
            s.sendall(word)
            answer = b''
            while True:
                part = s.recv(65536)
                if not part:
                    return answer.decode('utf-8', 'replace')
                answer += part
    except OSError:
        return ''


def mode(port):
    """'leader', 'follower', ... or None."""
    for line in four_letter_word(port, b'srvr').splitlines():
        if line.startswith('Mode: '):
            return line[6:].strip()
    return None


class Session:
    """One connection with a session of its own."""

    def __init__(self, port, timeout):
        try:
            self.socket = socket.create_connection(('127.0.0.1', port),
                                                   timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._send(struct.pack('>iqiqi', 0, 0, 10000, 0, 16) + bytes(17))
            answer = self._receive()
        except OSError as e:
            raise Refused(str(e)) from e
        if struct.unpack('>q', answer[8:16])[0] == 0:
            raise Refused('no session')
        self.xid = 0

    def _send(self, body):
        self.socket.sendall(struct.pack('>i', len(body)) + body)

    def _exactly(self, n):
        data = b''
        while len(data) < n:
            part = self.socket.recv(n - len(data))
            if not part:
                raise Refused('the server closed the connection')
            data += part
        return data

    def _receive(self):
        return self._exactly(struct.unpack('>i', self._exactly(4))[0])

    def create(self, path):
        """Creates an ephemeral sequential node."""
        name = path.encode()
        self.xid += 1
        body = struct.pack('>iii', self.xid, CREATE, len(name)) + name
        body += struct.pack('>i', 1) + b'x'
        body += struct.pack('>iii', 1, 31, 5) + b'world'
        body += struct.pack('>i', 6) + b'anyone'
        body += struct.pack('>i', EPHEMERAL_SEQUENTIAL)
        try:
            self._send(body)
            xid, _, err = struct.unpack('>iqi', self._receive()[:16])
        except OSError as e:
            raise Refused(str(e)) from e
        if xid != self.xid or err != 0:
            raise Refused('create: xid %d, err %d' % (xid, err))

    def close(self):
        try:
            self._send(struct.pack('>ii', self.xid + 1, CLOSE))
        except OSError:
            pass
        self.socket.close()
