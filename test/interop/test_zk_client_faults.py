#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""What the client of this project (src/client) does when a server that is
none of the well-behaved ends or blocks the link in the middle of a write."""
import os
import socket
import struct
import sys
import threading

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, 'lib'))

import harness                                              # noqa: E402
import middlemen                                            # noqa: E402
from clientdriver import ClientCase                         # noqa: E402

# More than the buffers of a connection take.
MUCH = 'x' * (32 << 20)
SILENT = '600000'                       # So long no time-out helps.
SOON = 30.0


class ServerThatDoesNotRead(ClientCase):
    """The client is in the middle of a write."""

    def begin(self, then):
        """A server that reads two requests and no third one; it calls
        then(socket) when it is told to by self.go."""
        self.go, self.over = threading.Event(), threading.Event()
        writing = threading.Event()

        def talk(sock):
            middlemen.read_frame(sock)
            middlemen.read_frame(sock)
            sock.recv(1, socket.MSG_PEEK)       # The third has begun.
            writing.set()
            self.go.wait(middlemen.PATIENCE)
            then(sock)
            self.over.wait(middlemen.PATIENCE)

        server = middlemen.Scripted(talk, timeout=int(SILENT))
        self.addCleanup(server.close)
        self.addCleanup(self.over.set)
        self.addCleanup(self.go.set)
        c = self.client(server.address, '-t', SILENT)
        self.tells(c, '! None SyncConnected')
        c.send('&auth', 'digest', 'bob:secret')
        c.send('&get', '/a')
        c.send('&set', '/a', MUCH)
        self.assertTrue(writing.wait(middlemen.PATIENCE))
        return c

    def test_refuses_while_the_client_closes(self):
        """an auth that is refused: close is answered, nothing aborts"""
        c = self.begin(lambda sock: middlemen.Scripted.reply(sock, -4, -115))
        c.send('close', '20000')
        self.go.set()
        self.assertEqual(c.answers.get(timeout=SOON), '= AuthFailed')
        told = sorted(c.next(SOON).split(' zxid')[0] for _ in range(4))
        self.assertEqual(told, ['! None AuthFailed'] + ['& AuthFailed'] * 3)
        self.assertEqual(c.state('state'), 'AUTH_FAILED')

    def test_talks_nonsense(self):
        """an answer that is none ends the write"""
        c = self.begin(lambda sock: sock.sendall(struct.pack('>i', -1)))
        self.go.set()
        told = sorted(c.next(SOON).split(' zxid')[0] for _ in range(4))
        self.assertEqual(told, ['! None Disconnected']
                         + ['& ConnectionLoss'] * 3)

    def test_is_no_longer_wanted(self):
        """other servers: the write ends, too"""
        c = self.begin(lambda sock: None)
        self.assertEqual(c.ask('servers', '127.0.0.1:1').err, 'ZK_OK')
        while c.next(SOON) != '! None Disconnected':
            pass


if __name__ == '__main__':
    harness.main('__main__')
