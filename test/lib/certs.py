# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Certificates and stores for tests of TLS, made with openssl and keytool.

    world = certs.World(folder)         # in a folder of the test's own
    world.server                        # for localhost, 127.0.0.1 and ::1
    world.server.key_store('JKS')       # -> a file; kinds: PEM PKCS12 JKS
    world.ca.trust_store('PKCS12')
    certs.lines('ssl.quorum.', world.server, world.ca, 'PKCS12')
                                        # -> lines for zoo.cfg

Everything is made when it is first asked for, and once: keytool is a JVM.
Stores have the password PASSWORD; keys in PEM files have none unless asked
for.  `python3 certs.py FOLDER` makes all there is and prints the files.
"""

import datetime
import functools
import os
import shutil
import subprocess
import sys
import threading

PASSWORD = 'changeit'
KINDS = ('PEM', 'PKCS12', 'JKS')
EXTENSIONS = {'PEM': '.pem', 'PKCS12': '.p12', 'JKS': '.jks'}
DAY = datetime.timedelta(days=1)
# A JVM on a busy machine.
SECONDS = 120

_CA_CONFIG = """
[ca]
default_ca = this
[this]
database = {folder}/index.txt
new_certs_dir = {folder}
certificate = {cert}
private_key = {key}
default_md = sha256
default_days = 365
default_crl_days = 30
crlnumber = {folder}/crlnumber
rand_serial = yes
unique_subject = no
policy = any
copy_extensions = none
string_mask = utf8only
[any]
countryName = optional
stateOrProvinceName = optional
localityName = optional
organizationName = optional
organizationalUnitName = optional
commonName = optional
emailAddress = optional
"""


def missing():
    """The programs that are needed and not there."""
    return [name for name in ('openssl', 'keytool')
            if shutil.which(name) is None]


def run(*words, **how):
    """Runs a program; what it said stands in the error if it fails."""
    done = subprocess.run([str(word) for word in words], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, timeout=SECONDS,
                          check=False, **how)
    if done.returncode != 0:
        raise RuntimeError('%s: %s' % (' '.join(map(str, words)),
                                       done.stdout))
    return done.stdout


def keytool(*words):
    """Runs keytool without its own options of the environment."""
    env = dict(os.environ, LC_ALL='C.UTF-8')
    env.pop('JDK_JAVA_OPTIONS', None)
    env.pop('JAVA_TOOL_OPTIONS', None)
    return run('keytool', '-J-Xshare:auto', '-J-XX:TieredStopAtLevel=1',
               *words, env=env)


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def write(path, text):
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)


def make_key(path, kind='EC'):
    """A new private key in PKCS#8, not encrypted."""
    how = {'EC': ('EC', 'ec_paramgen_curve:P-256'),
           'RSA': ('RSA', 'rsa_keygen_bits:2048')}[kind]
    run('openssl', 'genpkey', '-algorithm', how[0], '-pkeyopt', how[1],
        '-out', path)


def _time(when):
    return when.strftime('%Y%m%d%H%M%SZ')


def _once(method):
    """The method makes a file: for the same words, once."""
    @functools.wraps(method)
    def wrapper(self, *words, **named):
        key = (method.__name__, words, tuple(sorted(named.items())))
        with self.lock:
            if key not in self.made:
                self.made[key] = method(self, *words, **named)
            return self.made[key]
    return wrapper


class Certificate:
    """A certificate with its key; 'chain' holds those of its issuers that
    belong behind it (all but the root)."""

    def __init__(self, folder, name, chain=()):
        self.folder = folder
        self.name = name
        self.chain = tuple(chain)
        self.key = os.path.join(folder, name + '.key')
        self.cert = os.path.join(folder, name + '.crt')
        self.made = {}
        self.lock = threading.RLock()

    def path(self, end):
        return os.path.join(self.folder, self.name + end)

    @property
    @_once
    def subject(self):
        """As RFC 2253 has it."""
        text = run('openssl', 'x509', '-in', self.cert, '-noout', '-subject',
                   '-nameopt', 'RFC2253')
        return text.strip().partition('=')[2].strip()

    @_once
    def key_store(self, kind='PEM', password=PASSWORD, encrypted=False):
        """Key, certificate and chain in one file.  A key in PEM is
        encrypted, with the password, only if 'encrypted'."""
        if kind == 'PEM':
            return self._pem(password if encrypted else None)
        p12 = self.path('-key.p12' if password == PASSWORD
                        else '-key-%s.p12' % password)
        if not os.path.exists(p12):
            chain = self.path('-chain.crt')
            write(chain, ''.join(read(cert) for cert in self.chain))
            words = ['openssl', 'pkcs12', '-export', '-inkey', self.key,
                     '-in', self.cert, '-name', self.name,
                     '-passout', 'pass:' + password, '-out', p12]
            if self.chain:
                words += ['-certfile', chain]
            run(*words)
        if kind == 'PKCS12':
            return p12
        jks = p12[:-len('.p12')] + '.jks'
        keytool('-importkeystore', '-noprompt', '-srckeystore', p12,
                '-srcstoretype', 'PKCS12', '-srcstorepass', password,
                '-destkeystore', jks, '-deststoretype', 'JKS',
                '-deststorepass', password)
        return jks

    def _pem(self, password):
        path = self.path('-key.pem' if password is None
                         else '-key-encrypted.pem')
        key = self.key
        if password is not None:
            key = self.path('-encrypted.key')
            run('openssl', 'pkcs8', '-topk8', '-in', self.key, '-out', key,
                '-passout', 'pass:' + password)
        write(path, read(key) + read(self.cert)
              + ''.join(read(cert) for cert in self.chain))
        return path

    @_once
    def trust_store(self, kind='PEM', password=PASSWORD):
        """A store that trusts this certificate."""
        return trust_store(self.path('-trust' + EXTENSIONS[kind]), kind,
                           [self], password)


def trust_store(path, kind, certificates, password=PASSWORD):
    """A store that trusts these certificates; returns its path."""
    if kind == 'PEM':
        write(path, ''.join(read(c.cert) for c in certificates))
        return path
    if os.path.exists(path):
        os.remove(path)
    for certificate in certificates:
        keytool('-importcert', '-noprompt', '-alias', certificate.name,
                '-file', certificate.cert, '-keystore', path,
                '-storetype', kind, '-storepass', password)
    return path


class Authority(Certificate):
    """A root, or, with an issuer, an authority below it."""

    def __init__(self, folder, name='ca', subject=None, issuer=None,
                 key='EC', begin=-2 * DAY, end=3650 * DAY):
        chain = ()
        if issuer is not None and issuer.issuer is not None:
            chain = (issuer.cert,) + issuer.chain
        super().__init__(folder, name, chain)
        self.issuer = issuer
        self.work = os.path.join(folder, name + '.ca')
        os.makedirs(self.work)
        write(os.path.join(self.work, 'index.txt'), '')
        write(os.path.join(self.work, 'crlnumber'), '01\n')
        self.config = os.path.join(self.work, 'ca.cnf')
        write(self.config, _CA_CONFIG.format(folder=self.work, cert=self.cert,
                                             key=self.key))
        subject = subject or '/O=zkd tests/CN=' + name
        extensions = ('basicConstraints=critical,CA:TRUE\n'
                      'keyUsage=critical,keyCertSign,cRLSign,'
                      'digitalSignature\n'
                      'subjectKeyIdentifier=hash\n')
        make_key(self.key, key)
        if issuer is None:
            self._sign(self, subject, extensions, begin, end)
        else:
            issuer._sign(self, subject, extensions, begin, end)

    def _sign(self, child, subject, extensions, begin, end):
        now = datetime.datetime.utcnow()
        request = child.path('.csr')
        extfile = child.path('.ext')
        write(extfile, extensions)
        run('openssl', 'req', '-new', '-utf8', '-multivalue-rdn',
            '-key', child.key, '-subj', subject, '-out', request)
        words = ['openssl', 'ca', '-batch', '-notext', '-utf8', '-config',
                 self.config, '-in', request, '-out', child.cert,
                 '-extfile', extfile, '-preserveDN',
                 '-startdate', _time(now + begin),
                 '-enddate', _time(now + end)]
        if child is self:
            words.append('-selfsign')
        run(*words)

    def issue(self, name, subject=None, dns=('localhost',),
              ips=('127.0.0.1', '::1'), begin=-1 * DAY, end=365 * DAY,
              key='EC', extensions='', usage='serverAuth,clientAuth'):
        """A certificate for servers and clients; 'begin' and 'end' count
        from now; 'subject' is written as openssl's -subj."""
        below = () if self.issuer is None else (self.cert,) + self.chain
        child = Certificate(self.folder, name, below)
        names = ['DNS:' + n for n in dns] + ['IP:' + ip for ip in ips]
        text = ('basicConstraints=critical,CA:FALSE\n'
                'keyUsage=critical,digitalSignature,keyEncipherment\n'
                'subjectKeyIdentifier=hash\n'
                'authorityKeyIdentifier=keyid\n')
        if usage:
            text += 'extendedKeyUsage=%s\n' % usage
        if names:
            text += 'subjectAltName=%s\n' % ','.join(names)
        make_key(child.key, key)
        with self.lock:
            self._sign(child, subject or '/O=zkd tests/CN=' + name,
                       text + extensions, begin, end)
        return child

    def revoke(self, certificate):
        """Later crl()s, and an OCSP responder over 'index', say so."""
        with self.lock:
            run('openssl', 'ca', '-config', self.config, '-revoke',
                certificate.cert)

    def crl(self, path=None, begin=None, end=None):
        """Writes the list of those that are revoked now, in DER.  'begin'
        and 'end' of what it says it is valid for count from now."""
        path = path or self.path('.crl')
        with self.lock:
            pem = self.path('.crl.pem')
            words = ['openssl', 'ca', '-config', self.config, '-gencrl',
                     '-out', pem]
            now = datetime.datetime.utcnow()
            if begin is not None:
                words += ['-crl_lastupdate', _time(now + begin)]
            if end is not None:
                words += ['-crl_nextupdate', _time(now + end)]
            run(*words)
            run('openssl', 'crl', '-in', pem, '-outform', 'DER', '-out',
                path)
        return path

    @property
    def index(self):
        """What `openssl ocsp -index` answers from."""
        return os.path.join(self.work, 'index.txt')


class World:
    """One authority and who is in it or only says so, in a folder."""

    def __init__(self, folder, key='EC'):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.key = key
        self.made = {}
        self.lock = threading.RLock()

    @property
    @_once
    def ca(self):
        return Authority(self.folder, 'ca', key=self.key)

    @property
    @_once
    def other_ca(self):
        """Trusted by nobody."""
        return Authority(self.folder, 'other-ca', key=self.key)

    @property
    @_once
    def sub_ca(self):
        """An authority that 'ca' vouches for."""
        return Authority(self.folder, 'sub-ca', issuer=self.ca, key=self.key)

    @property
    @_once
    def server(self):
        return self.ca.issue('server', key=self.key)

    @property
    @_once
    def client(self):
        return self.ca.issue('client', key=self.key)

    @property
    @_once
    def chained(self):
        """Issued by sub_ca, whose certificate it brings along."""
        return self.sub_ca.issue('chained', key=self.key)

    @property
    @_once
    def expired(self):
        return self.ca.issue('expired', begin=-20 * DAY, end=-10 * DAY,
                             key=self.key)

    @property
    @_once
    def future(self):
        """Not valid yet."""
        return self.ca.issue('future', begin=10 * DAY, end=20 * DAY,
                             key=self.key)

    @property
    @_once
    def foreign(self):
        """Issued by an authority that nobody trusts."""
        return self.other_ca.issue('foreign', key=self.key)

    @property
    @_once
    def wrong_name(self):
        """For other hosts than this one."""
        return self.ca.issue('wrong-name', dns=('elsewhere.example',),
                             ips=('192.0.2.1',), key=self.key)

    @property
    @_once
    def no_names(self):
        """Without alternative names; its common name is localhost."""
        return self.ca.issue('no-names', subject='/O=zkd tests/CN=localhost',
                             dns=(), ips=(), key=self.key)

    @property
    @_once
    def self_signed(self):
        """An authority of its own."""
        return Authority(self.folder, 'self-signed', key=self.key)


def properties(prefix, certificate=None, trusted=None, kind='PEM',
               password=PASSWORD):
    """Name -> value for these stores; 'prefix' is "ssl.quorum.",
    "zookeeper.ssl." and so on."""
    found = {}
    if certificate is not None:
        found[prefix + 'keyStore.location'] = \
            certificate.key_store(kind, password)
        if kind != 'PEM':       # Java decrypts whenever there is one.
            found[prefix + 'keyStore.password'] = password
    if trusted is not None:
        found[prefix + 'trustStore.location'] = \
            trusted.trust_store(kind, password)
        if kind != 'PEM':
            found[prefix + 'trustStore.password'] = password
    return found


def lines(*words, **named):
    """The same as lines of zoo.cfg."""
    return ''.join('%s=%s\n' % item
                   for item in properties(*words, **named).items())


def main():
    """Makes all there is in the folder argv[1]."""
    world = World(sys.argv[1])
    for name in ('server', 'client', 'chained', 'expired', 'future',
                 'foreign', 'wrong_name', 'no_names', 'self_signed'):
        certificate = getattr(world, name)
        for kind in KINDS:
            print(name, kind, certificate.key_store(kind))
    print('server PEM encrypted',
          world.server.key_store('PEM', encrypted=True))
    for kind in KINDS:
        print('ca', kind, world.ca.trust_store(kind))


if __name__ == '__main__':
    main()
