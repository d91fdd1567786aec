#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stands for zkd where a test needs a server that misbehaves on demand.

Takes zkd's command line, and zktool's, whose words it prints.  FAKE_ZKD in
the environment says how it behaves as a server: "listen" (default), "die"
(ends at once with 2), "linger" (does not listen, ends with 2 after a moment),
"mute" (lives, never listens).  FAKE_ZKD_ARGV names a file that gets the
arguments, one a line.
"""
import os
import signal
import socket
import sys

TOOL_COMMANDS = ("compare", "init", "log", "purge", "snapshot")
VERSION = "Apache ZooKeeper, version 3.9.4-zkd-0.1.0 2026-01-01 00:00 UTC"


def four_letter_word(place, word):
    host, port = place.rsplit(":", 1)
    host = host.strip("[]")
    with socket.create_connection((host, int(port)), 5) as sock:
        sock.sendall(word.encode())
        while True:
            data = sock.recv(4096)
            if not data:
                return 0
            sys.stdout.write(data.decode())


def client_port(config):
    port = 0
    with open(config, encoding="latin-1") as lines:
        for line in lines:
            key, _, value = line.partition("=")
            if key.strip() == "clientPort":
                port = int(value)
    return port


def serve(config):
    how = os.environ.get("FAKE_ZKD", "listen")
    signal.signal(signal.SIGTERM, lambda *args: sys.exit(0))
    if how == "die":
        print("Invalid config, exiting abnormally", file=sys.stderr)
        return 2
    if how == "linger":
        signal.sigtimedwait([signal.SIGUSR1], 0.5)
        return 2
    if how == "mute":
        signal.pause()
    listener = socket.create_server(("127.0.0.1", client_port(config)))
    while True:
        sock, _ = listener.accept()
        with sock:
            word = sock.recv(4)
            if word == b"srvr":
                sock.sendall(b"Zookeeper version: 3.9.4\nMode: standalone\n")


def main():
    words = sys.argv[1:]
    if os.environ.get("FAKE_ZKD_ARGV"):
        with open(os.environ["FAKE_ZKD_ARGV"], "a", encoding="utf-8") as out:
            out.write("".join(word + "\n" for word in words))
    words = [word for word in words if not word.startswith("-D")]
    if words[0] == "--version":
        print("zkd 0.1.0\n" + VERSION)
        return 0
    if words[0] == "--four-letter-word":
        return four_letter_word(words[1], words[2])
    if words[0] in TOOL_COMMANDS:
        print(" ".join(words))
        return 0
    return serve(words[0])


if __name__ == "__main__":
    sys.exit(main())
