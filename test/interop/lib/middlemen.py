# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Servers that misbehave: one between a client and a real server, which falls
silent or hangs up at a certain request, and one that is made up whole.

Each has one thread a connection, and ends with close().
"""

import socket
import struct
import threading

import servers
import zkwire

PING, CLOSE_SESSION = 11, -11

# A test waits so long at most for what comes much earlier.
PATIENCE = 60.0


def read_exactly(sock, size):
    data = b''
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            raise ConnectionError('the end')
        data += more
    return data


def read_frame(sock):
    """A frame without its length."""
    return read_exactly(sock, struct.unpack('>i', read_exactly(sock, 4))[0])


class Listener:
    """Accepts on a port of its own and serves each connection on a thread."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind((servers.HOST, 0))
        self.socket.listen(10)
        self.address = '%s:%d' % self.socket.getsockname()
        self.open = [self.socket]
        self.threads = []
        self.start(self.accept)

    def start(self, run, *args):
        thread = threading.Thread(target=self.guard, args=(run,) + args,
                                  daemon=True)
        self.threads.append(thread)
        thread.start()

    @staticmethod
    def guard(run, *args):
        try:
            run(*args)
        except (OSError, ConnectionError):
            pass                        # Either side has gone.

    def accept(self):
        while True:
            sock, _ = self.socket.accept()
            self.open.append(sock)
            self.start(self.serve, sock)

    def close(self):
        for sock in self.open:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()


class Middleman(Listener):
    """Passes on what a client and a server say until the client asks for the
    op 'at': then 'silent' passes nothing on, and else the link is cut and no
    other one is taken.  'reached' is set by then; 'asked' holds the ops that
    came, in order."""

    def __init__(self, address, at, silent=True):
        self.target = address
        self.at, self.silent = at, silent
        self.reached = threading.Event()
        self.asked = []
        super().__init__()

    def serve(self, sock):
        server = socket.create_connection(self.target)
        self.open.append(server)
        frame = read_frame(sock)        # ConnectRequest has no op.
        server.sendall(struct.pack('>i', len(frame)) + frame)
        self.start(self.answer, sock, server)
        while True:
            frame = read_frame(sock)
            self.asked.append(struct.unpack('>i', frame[4:8])[0])
            if self.asked[-1] == self.at:
                self.reached.set()
            if not self.reached.is_set():
                server.sendall(struct.pack('>i', len(frame)) + frame)
            elif not self.silent:
                self.close()
                return

    def answer(self, sock, server):
        while True:
            frame = read_frame(server)
            if not self.reached.is_set():
                sock.sendall(struct.pack('>i', len(frame)) + frame)


class Scripted(Listener):
    """A server that takes a session and then does what the test says: 'talk'
    is called with the socket on its thread."""

    def __init__(self, talk, timeout=30000, read_only=False):
        self.talk = talk
        self.timeout, self.read_only = timeout, read_only
        super().__init__()

    def serve(self, sock):
        read_frame(sock)
        body = zkwire.Writer().int(0).int(self.timeout).long(0x77)
        body = body.buffer(b'0123456789abcdef').boolean(self.read_only)
        self.say(sock, body.bytes())
        self.talk(sock)

    @staticmethod
    def say(sock, frame):
        sock.sendall(struct.pack('>i', len(frame)) + frame)

    @classmethod
    def reply(cls, sock, xid, err=0, zxid=1, body=b''):
        cls.say(sock, struct.pack('>iqi', xid, zxid, err) + body)


def answer_all(sock, body):
    """Answers every request with the same body."""
    while True:
        xid, op = struct.unpack('>ii', read_frame(sock)[:8])
        Scripted.reply(sock, xid, body=b'' if op == PING else body)
        if op == CLOSE_SESSION:
            return
