#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""fixtures.py SET FOLDER: the files that the CUnit tests of TLS read.

SET is stores (every format, and what can be wrong with one), peers (those
who meet in handshakes), reload, or corpus: the seeds of the fuzzers, for
FOLDER test/fuzz/corpus.  Ends with 77 when openssl or keytool is not there.
"""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), 'lib'))
import certs  # noqa: E402 (the path is set just before)

PASSWORD = 'pass:' + certs.PASSWORD
LETTERS = 'p\u00e4ss\u20acw\U0001f600rd'


class Fixtures:
    """Files in a folder; keys and certificates come from a World."""

    def __init__(self, folder):
        self.folder = folder
        self.world = certs.World(os.path.join(folder, 'world'))

    def path(self, name):
        return os.path.join(self.folder, name)

    def copy(self, name, path):
        shutil.copy(path, self.path(name))

    def join(self, name, *paths):
        """The files one behind the other."""
        certs.write(self.path(name), ''.join(certs.read(p) for p in paths))

    def keys(self, name, certificate, kinds=certs.KINDS):
        for kind in kinds:
            self.copy(name + certs.EXTENSIONS[kind],
                      certificate.key_store(kind))

    def trust(self, name, *certificates, kinds=certs.KINDS):
        for kind in kinds:
            certs.trust_store(self.path(name + certs.EXTENSIONS[kind]), kind,
                              certificates)

    # ---- formats -----------------------------------------------------------

    def pem(self):
        """Every way to write a private key, and files that are no key
        store."""
        w = self.world
        rsa = w.ca.issue('rsa', key='RSA')
        self.keys('rsa', rsa)
        self.copy('encrypted.pem',
                  w.server.key_store('PEM', encrypted=True))
        old = self.path('old.key')
        for name, how in (('scrypt', ('-scrypt',)),
                          ('rounds', ('-iter', '5000001'))):
            certs.run('openssl', 'pkcs8', '-topk8', '-in', w.server.key,
                      '-out', old, '-passout', PASSWORD, *how)
            self.join(name + '.pem', old, w.server.cert)
        certs.run('openssl', 'ec', '-in', w.server.key, '-out', old)
        self.join('sec1.pem', old, w.server.cert)
        certs.run('openssl', 'ec', '-in', w.server.key, '-aes128', '-out',
                  old, '-passout', PASSWORD)
        self.join('sec1-encrypted.pem', old, w.server.cert)
        certs.run('openssl', 'rsa', '-traditional', '-in', rsa.key, '-out',
                  old)
        self.join('pkcs1.pem', old, rsa.cert)
        self.join('key-behind.pem', w.server.cert, w.server.key)
        # The chain upside down, the root and a stranger with it.
        self.join('shuffled.pem', w.ca.cert, w.other_ca.cert, w.sub_ca.cert,
                  w.chained.cert, w.chained.key)
        self.join('mismatch.pem', w.server.key, w.client.cert)
        self.join('no-cert.pem', w.server.key)
        self.join('no-key.pem', w.server.cert)
        text = certs.read(w.server.cert).splitlines(keepends=True)
        certs.write(self.path('cut.pem'), certs.read(w.server.key)
                    + ''.join(text[:-3]))
        certs.write(self.path('broken.pem'), certs.read(w.server.key)
                    + text[0] + 'MIIB\n' + text[-1])

    def pkcs12(self):
        w = self.world
        words = ['openssl', 'pkcs12', '-export', '-inkey', w.server.key,
                 '-in', w.server.cert]
        certs.run(*words, '-legacy', '-certpbe', 'PBE-SHA1-RC2-40',
                  '-passout', PASSWORD, '-out', self.path('legacy.p12'))
        certs.run(*words, '-nomac', '-passout', PASSWORD, '-out',
                  self.path('no-mac.p12'))
        certs.run(*words, '-passout', 'pass:', '-out',
                  self.path('no-password.p12'))
        certs.run('openssl', 'pkcs12', '-export', '-nokeys', '-in', w.ca.cert,
                  '-passout', PASSWORD, '-out', self.path('no-keys.p12'))
        # Key and chain, nothing marked as trusted.
        self.copy('own-chain.p12', w.chained.key_store('PKCS12'))

    def jks(self):
        w = self.world
        self.copy('other-password.jks', w.server.key_store('JKS'))
        certs.keytool('-keypasswd', '-keystore',
                      self.path('other-password.jks'), '-storetype', 'JKS',
                      '-storepass', certs.PASSWORD, '-alias', 'server',
                      '-new', 'something-else')
        # Neither Latin-1 nor of one UTF-16 unit each.
        self.copy('letters.jks', w.server.key_store('JKS'))
        for word in ('-storepasswd',), ('-keypasswd', '-alias', 'server',
                                        '-keypass', certs.PASSWORD):
            certs.keytool(*word, '-keystore', self.path('letters.jks'),
                          '-storetype', 'JKS', '-storepass',
                          certs.PASSWORD if len(word) == 1 else LETTERS,
                          '-new', LETTERS)
        # One store with everything: a key, and who is trusted.
        self.copy('both-uses.jks', w.server.key_store('JKS'))
        certs.keytool('-importcert', '-noprompt', '-alias', 'ca', '-file',
                      w.ca.cert, '-keystore', self.path('both-uses.jks'),
                      '-storetype', 'JKS', '-storepass', certs.PASSWORD)
        certs.keytool('-importkeystore', '-noprompt', '-srckeystore',
                      w.server.key_store('PKCS12'), '-srcstoretype',
                      'PKCS12', '-srcstorepass', certs.PASSWORD,
                      '-destkeystore', self.path('server.jceks'),
                      '-deststoretype', 'JCEKS', '-deststorepass',
                      certs.PASSWORD)

    def damaged(self):
        """Bytes that are no store, or not all of one."""
        open(self.path('empty.p12'), 'wb').close()
        with open(self.path('junk.dat'), 'wb') as file:
            file.write(b'neither one nor the other')
        for name in ('server.jks', 'server.p12'):
            with open(self.path(name), 'rb') as file:
                data = bytearray(file.read())
            data[len(data) // 2] ^= 1
            with open(self.path('damaged-' + name), 'wb') as file:
                file.write(data)
            with open(self.path('short-' + name), 'wb') as file:
                file.write(data[:len(data) // 3])

    # ---- sets --------------------------------------------------------------

    def stores(self):
        w = self.world
        self.keys('server', w.server)
        self.keys('chained', w.chained)
        self.trust('trust', w.ca)
        self.trust('trust-both', w.ca, w.other_ca)
        self.pem()
        self.pkcs12()
        self.jks()
        self.damaged()
        for name, text in (('password', 'changeit\n'),
                           ('password-bare', 'changeit'),
                           ('password-twice', 'changeit\n\n')):
            certs.write(self.path(name), text)

    def peers(self):
        w = self.world
        for name in ('server', 'client', 'chained', 'expired', 'future',
                     'foreign', 'wrong_name', 'no_names', 'self_signed'):
            self.keys(name, getattr(w, name), kinds=('PEM',))
        self.keys('rsa', w.ca.issue('rsa', key='RSA'), kinds=('PEM',))
        for name, names in (('wild', ('*.example.org', 'a*b.example.com')),
                            ('only_ip', ())):
            self.keys(name, w.ca.issue(name, dns=names), kinds=('PEM',))
        self.keys('only_server', w.ca.issue('only_server',
                                            usage='serverAuth'),
                  kinds=('PEM',))
        # One that names a list, on which nobody is.
        crl = os.path.abspath(self.path('ca.crl'))
        w.ca.crl(crl)
        self.keys('listed', w.ca.issue(
            'listed', extensions='crlDistributionPoints=URI:file://%s\n'
            % crl), kinds=('PEM',))
        # An authority that has expired since it issued a certificate.
        old = certs.Authority(w.folder, 'old-ca', begin=-20 * certs.DAY,
                              end=-1 * certs.DAY)
        self.keys('of_old', old.issue('of-old'), kinds=('PEM',))
        self.trust('trust_old', old, kinds=('PEM',))
        self.trust('trust_expired', w.expired, kinds=('PEM',))
        self.trust('trust', w.ca, kinds=('PEM',))
        self.trust('trust_self', w.self_signed, kinds=('PEM',))
        self.trust('trust_leaf', w.client, kinds=('PEM',))

    def reload(self):
        w = self.world
        for name in ('server', 'client', 'foreign'):
            self.keys(name, getattr(w, name), kinds=('PEM',))
        renewed = w.ca.issue('renewed')
        self.keys('renewed', renewed, kinds=('PEM',))
        self.keys('sealed', w.server, kinds=('PKCS12',))
        self.keys('sealed-renewed', renewed, kinds=('PKCS12',))
        certs.write(self.path('password'), certs.PASSWORD)
        self.trust('trust', w.ca, kinds=('PEM',))
        self.trust('trust-both', w.ca, w.other_ca, kinds=('PEM',))

    def seed(self, target, name, *parts):
        folder = self.path(target)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name), 'wb') as file:
            for part in parts:
                file.write(part)

    def corpus(self):
        """The first byte of a seed is what the target takes it for."""
        w = self.world

        def content(path):
            with open(path, 'rb') as file:
                return file.read()

        both = self.path('both.jks')
        shutil.copy(w.chained.key_store('JKS'), both)
        certs.keytool('-importcert', '-noprompt', '-alias', 'ca', '-file',
                      w.ca.cert, '-keystore', both, '-storetype', 'JKS',
                      '-storepass', certs.PASSWORD)
        # Without the SHA-1 at the end.
        self.seed('jks', 'keys', b'\0', content(both)[:-20])
        self.seed('jks', 'trust', b'\1', content(both)[:-20])
        os.remove(both)
        plain = w.server.path('-plain.p12')
        certs.run('openssl', 'pkcs12', '-export', '-inkey', w.server.key,
                  '-in', w.server.cert, '-keypbe', 'NONE', '-certpbe',
                  'NONE', '-nomac', '-out', plain, '-passout', PASSWORD)
        der = w.server.path('.der')
        certs.run('openssl', 'x509', '-in', w.server.cert, '-outform', 'DER',
                  '-out', der)
        store = 'tls_store'
        self.seed(store, 'pem', b'\0', content(w.chained.key_store('PEM')))
        self.seed(store, 'pem-encrypted', b'\0',
                  content(w.server.key_store('PEM', encrypted=True)))
        self.seed(store, 'pem-trust', b'\1', content(w.ca.cert))
        self.seed(store, 'pkcs12', b'\2',
                  content(w.server.key_store('PKCS12')))
        self.seed(store, 'pkcs12-plain', b'\2', content(plain))
        self.seed(store, 'pkcs12-trust', b'\3',
                  content(w.ca.trust_store('PKCS12')))
        # C=DE, O=",x", and an RDN of 0.1.2=IA5String "b" and CN=" a".
        self.seed(store, 'name', b'\4', bytes.fromhex(
            '3030310b3009060355040613024445310b3009060355040a0c022c78'
            '3114300706020102160162300906035504030c022061'))
        self.seed(store, 'sniff', b'\5\x16\x03\x01\x02\0')
        self.seed(store, 'host', b'\6127.0.0.1\n', content(der))
        self.seed(store, 'host-name', b'\6localhost\n', content(der))
        shutil.rmtree(os.path.join(self.folder, 'world'))


def main():
    if certs.missing():
        print('not installed: ' + ' '.join(certs.missing()))
        return 77
    os.makedirs(sys.argv[2], exist_ok=True)
    getattr(Fixtures(sys.argv[2]), sys.argv[1])()
    return 0


if __name__ == '__main__':
    sys.exit(main())
