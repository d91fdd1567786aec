#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Ensembles of zkd whose links are TLS.

    Links       stores of each kind, all roles, members that come and go
    Rotation    keys and trust replaced under load (sslQuorumReloadCertFiles);
                a store that cannot be read changes nothing
    Strangers   each thing that can be wrong with a member or its keys: what
                it comes to, and what the logs say of it
    Stalls      connections that never finish their handshake

77 without openssl, keytool or kazoo.
"""
import faulthandler
import logging
import os
import socket
import struct
import sys
import threading
import unittest

import busy
import ensemble
import secure
from secure import ELECTION, QUORUM, certs

try:
    import kazoo.client                                     # noqa: F401
except ImportError:
    kazoo = None

HELLO = struct.pack('>qqi', -65536, 1, 15) + b'127.0.0.1:12345'
FOLLOWERINFO = struct.pack('>iqi', 11, 0, -1) + struct.pack('>i', -1)


class TlsCase(unittest.TestCase):
    def ensemble(self, *kinds, **options):
        self.e = ensemble.Ensemble(*kinds, **options)
        self.addCleanup(self.e.close)
        self.world = secure.world(self)
        return self.e

    def secure(self, **options):
        """Three members with keys; they run."""
        self.ensemble('zkd', 'zkd', 'zkd')
        for member in self.e:
            member.config.update(options)
            secure.switch(member, ssl=True)
            secure.give(member, self.world.server, self.world.ca, copy=True)
        self.e.start()
        return self.e.wait_settled()

    def write(self, path):
        with self.e.wait_leader().connect(timeout=10000) as conn:
            self.assertEqual(0, conn.call(ensemble.zkwire.create(path)).err)
            ensemble.end_session(conn)
        self.e.wait_same_trees()


class Links(TlsCase):
    def check_no_plain_link(self):
        for member in self.e:
            text = secure.Reader(member)
            text.at = 0
            self.assertIn('(TLSv1.3 ', text.text())
            self.assertNotIn('(plain)', text.text())
            self.assertNotIn('Cannot open channel', ''.join(
                line for line in text.text().splitlines()
                if 'TLS' in line))
            self.assertTrue(secure.hangs_up(member, ELECTION, HELLO))

    def test_every_kind_of_store(self):
        """A member with each kind, and an observer; the leader is killed,
        and then the next one: each follows each."""
        self.ensemble('zkd', 'zkd', 'zkd', observers=1,
                      config={'maxSessionTimeout': '60000',
                              'ssl.quorum.protocol': 'TLSv1.3'})
        for member, kind in zip(self.e, (*certs.KINDS, 'PEM')):
            secure.switch(member, ssl=True)
            # One brings the certificate of an authority in between along.
            secure.give(member, self.world.chained if kind == 'PKCS12'
                        else self.world.server, self.world.ca, kind)
        self.e.start()
        self.e.wait_settled()
        with busy.Crowd(self.e, of_each=1) as crowd:
            crowd.wait_steps()
            for _ in range(3):
                leader = self.e.wait_settled()
                self.assertTrue(secure.hangs_up(leader, QUORUM,
                                                FOLLOWERINFO))
                leader.kill()
                self.e.wait_settled()
                crowd.wait_steps()
                leader.start()
                self.e.wait_settled()
        crowd.check(self.e.wait_same_trees())
        self.check_no_plain_link()


class Rotation(TlsCase):
    def show(self, member, certificate, trusted):
        """New handshakes are made with this certificate."""
        wanted = secure.der(certificate)
        self.e.wait('%r shows %s' % (member, certificate.name), lambda:
                    secure.certificate_at(member, ELECTION, self.world.client,
                                          trusted) == wanted)

    def test_rotation_under_load(self):
        """Keys of another authority: it is trusted first, then all get keys
        of it, then only it is trusted."""
        self.secure(sslQuorumReloadCertFiles='true',
                    maxSessionTimeout='60000')
        world = self.world
        fresh = world.other_ca.issue('fresh')
        both = certs.trust_store(os.path.join(world.folder, 'both.pem'),
                                 'PEM', [world.ca, world.other_ca])
        with busy.Crowd(self.e, of_each=1) as crowd:
            crowd.wait_steps()
            for member in self.e:
                self.show(member, world.server, world.ca)
                log = secure.Reader(member)
                secure.replace(member, 'trustStore', both)
                log.wait('(?i)trust.*(reload|read again|replaced)|'
                         '(reload|read again|replaced).*')
            for member in self.e:
                secure.replace(member, 'keyStore', fresh.key_store())
            for member in self.e:
                self.show(member, fresh, world.other_ca)
                crowd.wait_steps()
            # Links that stand go on with what they began with; new ones are
            # made when members come back.
            for member in self.e:
                member.restart(crash=True)
                self.e.wait_settled()
                crowd.wait_steps()
        crowd.check(self.e.wait_same_trees())

    def test_a_store_that_cannot_be_read_changes_nothing(self):
        self.secure(sslQuorumReloadCertFiles='true')
        member = self.e[1]
        at = member.config['ssl.quorum.keyStore.location']
        log = secure.Reader(member)
        with open(at + '.new', 'w') as out:
            out.write('no store\n')
        os.rename(at + '.new', at)
        log.wait('(WARN|ERROR).*%s' % os.path.basename(at))
        self.show(member, self.world.server, self.world.ca)
        self.e[2].restart(crash=True)
        self.e.wait_settled()
        # And once it can be read again it counts.
        fresh = self.world.ca.issue('fresh')
        secure.replace(member, 'keyStore', fresh.key_store())
        self.show(member, fresh, self.world.ca)
        self.write('/after')


class Strangers(TlsCase):
    """Two good members; the third is wrong in one way after the other."""

    def setUp(self):
        self.secure(**{'ssl.quorum.hostnameVerification': 'true',
                       'ssl.quorum.clientHostnameVerification': 'true'})
        self.stranger = self.e[3]
        self.others = [self.e[1], self.e[2]]
        self.stranger.stop()
        self.e.wait_settled()

    def check_refuses_to_start(self, *texts):
        log = secure.Reader(self.stranger)
        self.stranger.start()
        self.e.wait('it ends', lambda: not self.stranger.alive())
        self.assertEqual(2, self.stranger.process.returncode)
        self.stranger.kill()
        for text in ('Invalid config, exiting abnormally', *texts):
            self.assertIn(text, log.text())

    def check_stays_out(self, ours, theirs):
        """It runs and finds nobody; all say why.  Then, without what is
        wrong, it is let in."""
        logs = [secure.Reader(member) for member in self.others]
        log = secure.Reader(self.stranger)
        self.stranger.start()
        for one in logs:
            one.wait(ours)
        log.wait(theirs)
        self.assertIsNone(self.stranger.role())
        self.stranger.kill()

    def be_good(self):
        secure.switch(self.stranger, ssl=True)
        secure.give(self.stranger, self.world.server, self.world.ca)

    def check_let_in(self):
        self.be_good()
        self.stranger.start()
        self.e.wait_settled()
        self.write('/let-in')

    def give(self, **lines):
        self.be_good()
        for name, value in lines.items():
            self.stranger.config['ssl.quorum.' + name.replace(
                '_', '.')] = value

    def test_stores_that_cannot_be_read(self):
        world = self.world
        p12 = world.server.key_store('PKCS12')
        name = 'ssl.quorum.keyStore.location'
        self.give(keyStore_location=p12, keyStore_password='wrong')
        self.check_refuses_to_start('sslQuorum=true', 'ssl.quorum.keyStore',
                                    p12, 'password')
        for kind in certs.KINDS:
            whole = world.server.key_store(kind)
            damaged = os.path.join(world.folder, 'damaged'
                                   + certs.EXTENSIONS[kind])
            with open(whole, 'rb') as good, open(damaged, 'wb') as bad:
                data = good.read()
                bad.write(data[:len(data) // 3])
            self.give(keyStore_location=damaged,
                      keyStore_password=certs.PASSWORD)
            self.check_refuses_to_start('sslQuorum=true', damaged)
        self.give(keyStore_location='/none.pem')
        self.check_refuses_to_start('/none.pem', 'No such file')
        self.give(trustStore_location='/none.pem')
        self.check_refuses_to_start('/none.pem', 'No such file')
        self.give()
        del self.stranger.config[name]
        self.check_refuses_to_start('sslQuorum=true', 'keyStore.location')
        self.check_let_in()

    def test_certificates_that_are_not_believed(self):
        for certificate, why in (
                (self.world.expired, 'expired'),
                (self.world.foreign, 'unable to get local issuer|'
                                     'self.signed|unknown|trust'),
                (self.world.wrong_name, '127.0.0.1')):
            secure.give(self.stranger, certificate, self.world.ca)
            self.check_stays_out(
                r'Closing the connection from 127\.0\.0\.1:\d+: .*'
                r'TLS handshake: .*(?i:%s)' % why,
                r'(Cannot open channel to|Cannot send to id|Connection broken '
                r'for id) \d.*127\.0\.0\.1.*our certificate')
        self.check_let_in()

    def test_plain_text_at_tls_ports(self):
        secure.switch(self.stranger)
        self.check_stays_out('Closing the connection .* does not speak TLS',
                             'Connection broken|Cannot send|Cannot open')
        for member in self.others:
            self.assertTrue(secure.hangs_up(member, ELECTION, HELLO))
        self.assertTrue(secure.hangs_up(self.e.wait_leader(), QUORUM,
                                        FOLLOWERINFO))
        self.check_let_in()


class Plain(TlsCase):
    def test_tls_at_plain_ports(self):
        """A member with sslQuorum=true among others without."""
        self.ensemble('zkd', 'zkd', 'zkd')
        stranger = self.e[3]
        secure.switch(stranger, ssl=True)
        secure.give(stranger, self.world.server, self.world.ca)
        logs = [secure.Reader(self.e[sid]) for sid in (1, 2)]
        log = secure.Reader(stranger)
        self.e.start()
        log.wait(r'Cannot open channel to \d: .*TLS handshake')
        for one in logs:
            one.wait('Closing the connection .*it speaks TLS')
        stranger.kill()
        leader = self.e.wait_settled()
        log = secure.Reader(leader)
        self.assertIsNone(secure.certificate_at(
            leader, QUORUM, self.world.client, self.world.ca))
        log.wait('connection .* is closed: .*it speaks TLS')
        # With portUnification it is let in: see test_tls_migration.py.
        secure.switch(stranger)
        stranger.start()
        self.e.wait_settled()

    def test_unification_without_keys(self):
        """It is warned of, and plain links are what they were."""
        self.ensemble('zkd', 'zkd', 'zkd')
        for member in self.e:
            secure.switch(member, both=True)
        log = secure.Reader(self.e[1])
        self.e.start()
        log.wait('WARN.*portUnification=true, but ssl.quorum.keyStore')
        self.e.wait_settled()
        self.write('/plain')


class Flood(threading.Thread):
    """Keeps connections to a port that begin like TLS and never go on."""

    def __init__(self, member, port, count):
        super().__init__(daemon=True)
        self.address = (ensemble.HOST, member.ports[port].number)
        self.sockets = []
        self.count = count
        self.opened = 0
        self.ending = threading.Event()

    def is_over(self, s):
        try:
            return s.recv(4096) == b''
        except BlockingIOError:
            return False
        except OSError:
            return True

    def run(self):
        """Whoever is closed is followed by another."""
        while not self.ending.wait(0.01):
            for s in [s for s in self.sockets if self.is_over(s)]:
                self.sockets.remove(s)
                s.close()
            if len(self.sockets) < self.count:
                try:
                    s = socket.create_connection(self.address, 5.0)
                    s.sendall(b'\x16\x03\x01\x02\x00'[:self.opened % 6])
                    s.setblocking(False)
                except OSError:
                    continue
                self.sockets.append(s)
                self.opened += 1

    def stop(self):
        self.ending.set()
        self.join()
        for s in self.sockets:
            s.close()


class Stalls(TlsCase):
    def flood(self, member, port, count=150):
        flood = Flood(member, port, count)
        self.addCleanup(flood.stop)
        flood.start()
        return flood

    def test_stalled_handshakes_hold_nobody(self):
        """More than there are threads for, at every port, while followers
        come back and then the leader goes."""
        leader = self.secure()
        floods = [self.flood(member, ELECTION) for member in self.e]
        floods.append(self.flood(leader, QUORUM))
        self.e.wait('there are many', lambda: all(
            flood.opened > 100 for flood in floods))
        for member in self.e:
            if member is not leader:
                member.restart(crash=True)
                self.e.wait_settled()
        self.write('/among-stalls')
        leader.kill()
        self.flood(self.e.wait_settled(), QUORUM)
        leader.start()
        self.e.wait_settled()
        self.write('/and-behind')


if __name__ == '__main__':
    if kazoo is None or certs.missing():
        sys.exit(77)
    logging.getLogger('kazoo').addHandler(logging.NullHandler())
    logging.getLogger('kazoo').propagate = False
    faulthandler.dump_traceback_later(
        float(os.environ.get('ZK_TEST_LIMIT', 300)), exit=True)
    unittest.main()
