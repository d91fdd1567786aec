#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""ssl.crl and ssl.ocsp: lists over HTTP and from files, a responder of
openssl, and all that can go wrong with either."""

import concurrent.futures
import datetime
import faulthandler
import functools
import http.server
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

TOP = os.environ.get('top_srcdir') or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'test', 'lib'))
import certs  # noqa: E402 (the path is set just before)

TOOL = os.path.join(os.environ.get('top_builddir', '.'), 'test', 'tls',
                    'tls_tool')
SECONDS = 120
LAST = 600
MINUTE = datetime.timedelta(minutes=1)
# Of a handshake that waits for others: TLS_REVOCATION_ALL_S, and what a busy
# machine adds.
LIMIT = 8 + 12


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, counted and not logged."""

    asked = 0

    def do_GET(self):
        Quiet.asked += 1
        super().do_GET()

    def log_message(self, *words):      # pylint: disable=arguments-differ
        pass


class Odd(http.server.BaseHTTPRequestHandler):
    """Whatever a place or a responder should not do; the path says what."""

    def do_GET(self):
        self.server.asked.append(self.path)
        name = self.path.partition('?')[0].rpartition('/')[2]
        getattr(self, 'say_' + name)()

    do_POST = do_GET

    def begin(self, *headers, status=200):
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        self.end_headers()

    def say_junk(self):
        self.begin(('Content-Type', 'application/ocsp-response'))
        self.wfile.write(b'\x30\x82\x01\x00' + b'x' * 256)

    def say_text(self):
        self.begin(('Content-Type', 'text/html'))
        self.wfile.write(b'<html>Log in first</html>')

    def say_moved(self):
        self.begin(('Location', '/junk'), status=301)

    def say_huge(self):
        """Says that 2 GB come."""
        self.begin(('Content-Type', 'application/ocsp-response'))
        self.wfile.write(b'\x30\x84\x7f\xff\xff\xff' + b'x' * 65536)

    def say_drip(self):
        """A byte at a time, until nobody listens any more."""
        self.begin(('Content-Type', 'application/ocsp-response'))
        self.wfile.write(b'\x30\x82\x01\x00')
        for _ in range(256):
            if self.server.over.wait(0.5):
                return
            self.wfile.write(b'x')

    def say_nothing(self):
        self.server.over.wait(SECONDS)

    def say_headers(self):
        """Headers without an end."""
        self.wfile.write(b'HTTP/1.0 200 OK\r\n')
        while not self.server.over.is_set():
            self.wfile.write(b'X-More: x\r\n' * 1000)

    def log_message(self, *words):      # pylint: disable=arguments-differ
        pass


class OddServer(http.server.ThreadingHTTPServer):
    """Whose clients go when they have had enough."""

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Odd)
        self.over = threading.Event()
        self.asked = []

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Responder:
    """`openssl ocsp`, which reads the index when it starts.  The port is
    chosen first, since certificates name it."""

    def __init__(self):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(('127.0.0.1', 0))
            self.port = probe.getsockname()[1]
        self.url = 'http://127.0.0.1:%d' % self.port
        self.process = None

    def start(self, authority, signer=None, days=1):
        """Answers from the authority's index of now, that are valid for so
        long; None: they do not say."""
        self.stop()
        signer = signer or authority
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            ['openssl', 'ocsp', '-port', str(self.port), '-index',
             authority.index, '-CA', authority.cert, '-rsigner', signer.cert,
             '-rkey', signer.key] + (['-ndays', str(days)] if days else []),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        # A connection to try it would be the last that it answers.
        for line in self.process.stdout:
            if 'waiting for OCSP client' in line:
                return
        raise RuntimeError('openssl ocsp ended')

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None


class Revocation(unittest.TestCase):
    """A server that asks for clients' certificates; what the client says
    does not matter."""

    @classmethod
    def setUpClass(cls):
        # pylint: disable=consider-using-with
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = cls.temporary.name
        cls.web = os.path.join(cls.folder, 'web')
        os.makedirs(cls.web)
        cls.world = certs.World(os.path.join(cls.folder, 'world'))
        cls.http = http.server.ThreadingHTTPServer(
            ('127.0.0.1', 0), functools.partial(Quiet, directory=cls.web))
        cls.url = 'http://127.0.0.1:%d' % cls.http.server_port
        cls.thread = threading.Thread(target=cls.http.serve_forever)
        cls.thread.start()
        cls.odd = OddServer()
        cls.odd_url = 'http://127.0.0.1:%d' % cls.odd.server_port
        cls.odd_thread = threading.Thread(target=cls.odd.serve_forever)
        cls.odd_thread.start()
        cls.numbers = iter(range(1000))

    @classmethod
    def tearDownClass(cls):
        cls.odd.over.set()
        for server, thread in ((cls.http, cls.thread),
                               (cls.odd, cls.odd_thread)):
            server.shutdown()
            thread.join()
            server.server_close()
        cls.temporary.cleanup()

    def client(self, extensions, issuer=None):
        """A certificate with these extensions."""
        return (issuer or self.world.ca).issue(
            'client%d' % next(self.numbers), extensions=extensions)

    def points(self, *urls):
        return 'crlDistributionPoints=%s\n' % ','.join('URI:' + u
                                                       for u in urls)

    def responder_at(self, url):
        return 'authorityInfoAccess=OCSP;URI:%s\n' % url

    def publish(self, authority=None, name='ca.crl', **dates):
        """Writes the authority's list of now to the web server."""
        path = os.path.join(self.web, name)
        (authority or self.world.ca).crl(path + '.new', **dates)
        os.rename(path + '.new', path)
        return path

    def words(self, mode, certificate, *switches):
        """A command line of tls_tool."""
        words = [TOOL, mode, 'localhost']
        ends = (('zookeeper.ssl.', self.world.server),
                ('zookeeper.ssl.quorum.', certificate))
        for prefix, own in ends:
            found = certs.properties(prefix, own, self.world.ca)
            words += ['-D%s=%s' % item for item in found.items()]
        return words + ['-Dzookeeper.ssl.%s=true' % s for s in switches]

    def ask(self, certificate, *switches):
        """What the server says of that client."""
        words = self.words('pair', certificate, *switches)
        env = dict(os.environ, no_proxy='127.0.0.1')
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True,
                              stdin=subprocess.DEVNULL, timeout=SECONDS,
                              check=False, env=env)
        self.assertLess(done.returncode, 2, done.stdout)
        said = [line for line in done.stdout.splitlines()
                if line.startswith('server: ')]
        self.assertEqual(len(said), 1, done.stdout)
        return said[0]

    def is_good(self, *words):
        self.assertIn('server: ok', self.ask(*words))

    def is_bad(self, text, *words):
        self.assertIn(text, self.ask(*words))

    # ---- lists -------------------------------------------------------------

    def test_list_over_http(self):
        client = self.client(self.points(self.url + '/ca.crl'))
        other = self.client(self.points(self.url + '/ca.crl'))
        self.publish()
        self.is_good(client, 'crl')
        self.world.ca.revoke(client)
        self.publish()
        self.is_bad('certificate is revoked: %s' % client.subject, client,
                    'crl')
        self.is_good(other, 'crl')
        # Nobody asked for it.
        self.is_good(client)

    def test_list_from_file(self):
        path = self.publish(name='file.crl')
        client = self.client(self.points('file://' + path))
        self.is_good(client, 'crl')
        self.world.ca.revoke(client)
        self.publish(name='file.crl')
        self.is_bad('certificate is revoked', client, 'crl')

    @staticmethod
    def turn(tool):
        """Another handshake of "tls_tool rounds": what both ends say."""
        tool.stdin.write('go\n')
        tool.stdin.flush()
        return tool.stdout.readline() + tool.stdout.readline()

    def test_list_is_kept(self):
        """One that was fetched is used again, also when it is gone."""
        path = self.publish(name='kept.crl')
        client = self.client(self.points(self.url + '/kept.crl'))
        before = Quiet.asked
        with subprocess.Popen(self.words('rounds', client, 'crl'), text=True,
                              stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as tool:
            for turn in range(3):
                self.assertIn('server: ok', self.turn(tool))
                if turn == 0:
                    os.remove(path)
            tool.stdin.close()
        self.assertEqual(Quiet.asked - before, 1)

    def test_old_list_expires_at_once(self):
        """One that is not valid any more is not kept for its minute."""
        client = self.client(self.points(self.url + '/short.crl'))
        with subprocess.Popen(self.words('rounds', client, 'crl'), text=True,
                              stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as tool:
            # On a busy machine a short life is over before it is seen.
            for life in (3, 6, 12, 24):
                self.publish(name='short.crl', begin=-60 * MINUTE,
                             end=-15 * MINUTE
                             + datetime.timedelta(seconds=life))
                said = self.turn(tool)
                if 'server: ok' in said:
                    break
            self.assertIn('server: ok', said)
            deadline = time.monotonic() + SECONDS
            while 'server: ok' in said:
                self.assertLess(time.monotonic(), deadline)
                said = self.turn(tool)
            self.assertIn('CRL has expired', said)
            # Now there is a new one.
            self.publish(name='short.crl')
            self.assertIn('server: ok', self.turn(tool))
            tool.stdin.close()

    def test_second_place(self):
        self.publish()
        client = self.client(self.points(self.url + '/none.crl',
                                         self.url + '/ca.crl'))
        self.is_good(client, 'crl')

    def test_lists_that_tell_nothing(self):
        self.publish()
        self.publish(self.world.other_ca, 'other.crl')
        with open(os.path.join(self.web, 'junk.crl'), 'wb') as file:
            file.write(b'\x30\x03abc')
        with socket.socket() as silent:
            silent.bind(('127.0.0.1', 0))
            closed = 'http://127.0.0.1:%d/' % silent.getsockname()[1]
            for extensions, text in (
                    ('', 'it names no revocation list'),
                    (self.points(closed), closed),
                    (self.points(self.url + '/none.crl'), '/none.crl: '),
                    (self.points(self.url + '/junk.crl'), '/junk.crl: '),
                    (self.points(self.url + '/other.crl'), '/other.crl: '),
                    (self.points('ldap://127.0.0.1/cn=ca'),
                     'only http: and file:'),
                    (self.points('file:///dev/zero'), 'no such file'),
                    (self.points('file:///' + self.web), 'no such file')):
                client = self.client(extensions)
                said = self.ask(client, 'crl')
                self.assertIn('cannot tell whether the certificate of '
                              + client.subject + ' is revoked', said)
                self.assertIn(text, said)

    def test_dates(self):
        """Clocks may differ by a quarter of an hour."""
        for begin, end, text in (
                (-60 * MINUTE, -5 * MINUTE, None),
                (-60 * MINUTE, -20 * MINUTE, 'CRL has expired'),
                (5 * MINUTE, 60 * MINUTE, None),
                (20 * MINUTE, 60 * MINUTE, 'CRL is not yet valid')):
            self.publish(name='dates.crl', begin=begin, end=end)
            client = self.client(self.points(self.url + '/dates.crl'))
            if text is None:
                self.is_good(client, 'crl')
            else:
                self.is_bad(text, client, 'crl')

    def test_revoked_at_another_date(self):
        """A clock that differs does not make a revoked one good."""
        client = self.client(self.points(self.url + '/late.crl'))
        self.world.ca.revoke(client)
        self.publish(name='late.crl', begin=-60 * MINUTE, end=-5 * MINUTE)
        self.is_bad('certificate is revoked', client, 'crl')

    def test_odd_places(self):
        for path in ('/junk', '/text', '/moved', '/huge', '/text?a=b'):
            url = self.odd_url + path
            client = self.client(self.points(url))
            self.odd.asked.clear()
            said = self.ask(client, 'crl')
            self.assertIn('cannot tell whether', said)
            self.assertIn(url + ': ', said)
            self.assertEqual(self.odd.asked, [path])

    def test_chain(self):
        """The authority in between is asked for, too."""
        ca = self.world.ca
        middle = certs.Authority(self.world.folder, 'middle', issuer=ca)
        self.publish()
        self.publish(middle, 'middle.crl')
        client = self.client(self.points(self.url + '/middle.crl'), middle)
        # 'middle' names no list.
        self.is_bad('cannot tell whether the certificate of '
                    'CN=middle,O=zkd tests', client, 'crl')

    # ---- OCSP --------------------------------------------------------------

    def responder(self):
        found = Responder()
        self.addCleanup(found.stop)
        return found

    def test_ocsp(self):
        responder = self.responder()
        client = self.client(self.responder_at(responder.url))
        self.is_bad('cannot tell whether', client, 'ocsp')
        responder.start(self.world.ca)
        self.is_good(client, 'ocsp')
        self.world.ca.revoke(client)
        responder.start(self.world.ca)
        self.is_bad('certificate is revoked: %s' % client.subject, client,
                    'ocsp')
        self.is_bad('certificate is revoked', client, 'ocsp', 'crl')
        # With crl alone nobody asks it.
        self.is_bad('it names no revocation list', client, 'crl')

    def test_ocsp_falls_back_to_lists(self):
        responder = self.responder()
        client = self.client(self.responder_at(responder.url)
                             + self.points(self.url + '/back.crl'))
        self.publish(name='back.crl')
        self.is_good(client, 'ocsp')
        self.world.ca.revoke(client)
        self.publish(name='back.crl')
        self.is_bad('certificate is revoked', client, 'ocsp')

    def test_ocsp_of_others(self):
        """An answer counts only if the issuer, or whom it let speak, signed
        it."""
        responder = self.responder()
        ca = self.world.ca
        client = self.client(self.responder_at(responder.url))
        speaker = ca.issue('speaker', usage='OCSPSigning')
        responder.start(ca, speaker)
        self.is_good(client, 'ocsp')
        for liar in (self.world.client, self.world.foreign,
                     self.world.other_ca):
            responder.start(ca, liar)
            self.is_bad('its signature', client, 'ocsp')

    def test_odd_responders(self):
        for path in ('/junk', '/text', '/moved', '/huge'):
            url = self.odd_url + path
            client = self.client(self.responder_at(url))
            self.odd.asked.clear()
            said = self.ask(client, 'ocsp')
            self.assertEqual(self.odd.asked, [path])
            self.assertIn('cannot tell whether the certificate of '
                          + client.subject + ' is revoked: ' + url + ': ',
                          said)

    def test_answer_is_kept(self):
        """One that says until when it is valid is used again, whether the
        responder is still there or not."""
        responder = self.responder()
        client = self.client(self.responder_at(responder.url))
        responder.start(self.world.ca)
        with subprocess.Popen(self.words('rounds', client, 'ocsp'), text=True,
                              stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as tool:
            self.assertIn('server: ok', self.turn(tool))
            responder.stop()
            self.assertIn('server: ok', self.turn(tool))
            tool.stdin.close()

    def test_answer_of_a_moment_is_not_kept(self):
        responder = self.responder()
        client = self.client(self.responder_at(responder.url))
        responder.start(self.world.ca, days=None)
        with subprocess.Popen(self.words('rounds', client, 'ocsp'), text=True,
                              stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as tool:
            self.assertIn('server: ok', self.turn(tool))
            responder.stop()
            self.assertIn('cannot tell whether', self.turn(tool))
            tool.stdin.close()

    def test_place_that_hangs_is_left_alone(self):
        """It is waited for once, by whichever certificate names it."""
        url = self.odd_url + '/nothing'
        for extensions in (self.responder_at(url + '?ocsp'),
                           self.points(url + '?list')):
            client = self.client(extensions)
            self.odd.asked.clear()
            with subprocess.Popen(self.words('rounds', client, 'ocsp'),
                                  text=True, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE) as tool:
                said = self.turn(tool)
                self.assertIn('cannot tell whether', said)
                self.assertNotIn('left alone', said)
                for _ in range(3):
                    self.assertIn('s ago and is left alone',
                                  self.turn(tool))
                tool.stdin.close()
            self.assertEqual(len(self.odd.asked), 1)

    def test_refused_at_once(self):
        """Nobody listens there: no handshake waits for that."""
        with socket.socket() as silent:
            silent.bind(('127.0.0.1', 0))
            url = 'http://127.0.0.1:%d/' % silent.getsockname()[1]
            # That would be all the time of a handshake.
            client = self.client('authorityInfoAccess=%s\n' % ','.join(
                'OCSP;URI:%s%d' % (url, n) for n in range(4)))
            begin = time.monotonic()
            said = self.ask(client, 'ocsp')
        self.assertIn(url + '3: cannot connect: Connection refused', said)
        self.assertLess(time.monotonic() - begin, 6)

    def test_all_addresses(self):
        """Of a name with several the one that answers will do: the web
        server has 127.0.0.1 alone, and localhost may be ::1 first."""
        port = self.http.server_port
        self.publish(name='named.crl')
        client = self.client(self.points('http://localhost:%d/named.crl'
                                         % port))
        self.is_good(client, 'crl')

    def test_proxy(self):
        """http_proxy is asked for the whole address."""
        client = self.client(self.points('http://pki.invalid:81/junk?a=b'))
        self.odd.asked.clear()
        done = subprocess.run(
            self.words('pair', client, 'crl'), stdout=subprocess.PIPE,
            text=True, stdin=subprocess.DEVNULL, timeout=SECONDS, check=False,
            env=dict(os.environ, http_proxy=self.odd_url, no_proxy=''))
        self.assertIn('pki.invalid', done.stdout)
        self.assertEqual(self.odd.asked, ['http://pki.invalid:81/junk?a=b'])

    def test_slow_places(self):
        """None of them holds a handshake longer than it may take, nor do
        four of them one after the other."""
        ways = [['/drip'], ['/nothing'], ['/headers'],
                ['/nothing', '/drip', '/headers', '/junk']]
        clients = [self.client('authorityInfoAccess=%s\n' % ','.join(
            'OCSP;URI:' + self.odd_url + path for path in paths))
                   for paths in ways]
        clients.append(self.client(self.points(self.odd_url + '/nothing')))
        self.odd.asked.clear()
        with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
            begin = time.monotonic()
            for said in pool.map(lambda c: self.ask(c, 'ocsp'), clients):
                self.assertIn('cannot tell whether', said)
            self.assertLess(time.monotonic() - begin, LIMIT)
        self.assertLessEqual({'/drip', '/nothing', '/headers'},
                             set(self.odd.asked))

    def test_both_reasons(self):
        client = self.client(self.responder_at(self.odd_url + '/text')
                             + self.points(self.url + '/none.crl'))
        said = self.ask(client, 'ocsp')
        self.assertIn(self.odd_url + '/text: ', said)
        self.assertIn('; %s/none.crl: ' % self.url, said)

    def test_nobody_asks(self):
        """Without either property nobody is asked, whoever is revoked."""
        responder = self.responder()
        client = self.client(self.responder_at(responder.url)
                             + self.points(self.url + '/nobody.crl'))
        self.world.ca.revoke(client)
        self.publish(name='nobody.crl')
        before = Quiet.asked
        self.is_good(client)
        self.assertEqual(Quiet.asked, before)
        self.is_bad('certificate is revoked', client, 'crl')

    def test_ocsp_unknown(self):
        """A responder for another authority does not know it."""
        responder = self.responder()
        client = self.client(self.responder_at(responder.url))
        responder.start(self.world.other_ca)
        self.is_bad('cannot tell whether', client, 'ocsp')


if __name__ == '__main__':
    if certs.missing():
        print('not installed: ' + ' '.join(certs.missing()))
        sys.exit(77)
    # What is read from tls_tool and openssl has no time-out of its own.
    faulthandler.dump_traceback_later(LAST, exit=True)
    unittest.main(verbosity=2)
