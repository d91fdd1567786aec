# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Members whose links are TLS: what they are given, and what they show.

    world = secure.world(test)              # removed when the test ends
    secure.switch(member, ssl=True)         # zoo.cfg, before start
    secure.give(member, world.server, world.ca, 'JKS')
    secure.certificate_at(member, ELECTION, world.client, world.ca)
                                            # the one that it shows there
    with secure.Reader(member) as log:      # what it logs from here on
        member.restart()
        log.wait('TLSv1')
"""

import os
import re
import shutil
import socket
import ssl
import sys
import tempfile

import ensemble

sys.path.insert(0, os.path.join(ensemble.TOP, 'test', 'lib'))

import certs                                                # noqa: E402

# Apache's server looks for TLS at its quorum ports with classes of Netty's.
os.environ.setdefault('ZK_JAVA_CP', ensemble.servers.JAVA_CP
                      + ''.join(':/usr/share/java/netty-%s.jar' % part
                                for part in ('buffer', 'codec', 'common',
                                             'handler', 'resolver',
                                             'transport')))

QUORUM, ELECTION = 1, 2                 # Places in member.ports.
PREFIX = 'ssl.quorum.'


def world(test):
    """A certs.World; goes with the unittest.TestCase."""
    folder = tempfile.mkdtemp(prefix='zkd-certs.')
    test.addCleanup(shutil.rmtree, folder, True)
    return certs.World(folder)


def switch(member, ssl=False, both=False):              # noqa: W0621
    """sslQuorum and portUnification of its next start."""
    member.config['sslQuorum'] = str(ssl).lower()
    member.config['portUnification'] = str(both).lower()


def give(member, certificate, trusted, kind='PEM', copy=False):
    """Its stores; 'copy': files of its own, which may be replaced."""
    lines = certs.properties(PREFIX, certificate, trusted, kind)
    if copy:
        for name in lines:
            if name.endswith('.location'):
                lines[name] = shutil.copy(lines[name], os.path.join(
                    member.folder, name + certs.EXTENSIONS[kind]))
    for name in [name for name in member.config
                 if name.startswith(PREFIX) and 'Store' in name]:
        del member.config[name]
    member.config.update(lines)


def replace(member, which, path):
    """Puts another store ('keyStore', 'trustStore') in the place of one that
    it was given as a copy, in one step."""
    at = member.config['%s%s.location' % (PREFIX, which)]
    shutil.copy(path, at + '.new')
    os.rename(at + '.new', at)


def dial(member, port, timeout=10.0):
    return socket.create_connection(
        (ensemble.HOST, member.ports[port].number), timeout)


def certificate_at(member, port, certificate, trusted):
    """Its certificate, in DER, as a client with this certificate and trust
    sees it; None when there is no handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(trusted.cert)
    context.load_cert_chain(certificate.key_store())
    try:
        with dial(member, port) as plain, context.wrap_socket(
                plain, server_hostname=ensemble.HOST) as s:
            return s.getpeercert(True)
    except OSError:
        return None


def der(certificate):
    return ssl.PEM_cert_to_DER_cert(certs.read(certificate.cert))


def hangs_up(member, port, first, timeout=30.0):
    """Sends 'first' in plain text; does it hang up without an answer?"""
    with dial(member, port, timeout) as s:
        s.sendall(first)
        try:
            while True:
                got = s.recv(4096)
                # A TLS server may say in an alert what it thinks of that.
                if not got.startswith(b'\x15'):
                    return got == b''
        except ConnectionResetError:
            return True


class Reader:
    """What a member logs from now on."""

    def __init__(self, member):
        self.member = member
        self.at = 0
        if os.path.exists(member.log_path):
            self.at = os.path.getsize(member.log_path)

    def text(self):
        with open(self.member.log_path, errors='replace') as log:
            log.seek(self.at)
            return log.read()

    def wait(self, pattern, seconds=ensemble.DEADLINE):
        """Waits for a line that matches; returns the match."""
        return self.member.ensemble.wait(
            '%r logs /%s/' % (self.member, pattern),
            lambda: re.search(pattern, self.text()), seconds)
