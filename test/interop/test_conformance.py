#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Requests at the edge of what is allowed, one check each.

Every check states what the newest Apache server answers; where 3.8.0
answers otherwise the check says so (self.newest), so that the list can be
run against Debian's server too.
"""

import os
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), 'lib'))

import harness                          # noqa: E402
import servers                          # noqa: E402
import zkwire as zk                     # noqa: E402

MAX_TTL = 0xffffffffff


class Case(harness.ServerCase):
    """A connection and a node of its own ("/a") for every check."""

    def setUp(self):
        super().setUp()
        self.c = self.connect()
        self.a = self.fresh(self.c)

    def cost(self, request, err):
        """Checks the error code; returns (zxids used, Reply)."""
        before = self.expect(self.c, zk.ping(), 0).zxid
        reply = self.expect(self.c, request, err)
        return self.expect(self.c, zk.ping(), 0).zxid - before, reply

    def takes_zxid(self, request, err):
        """A write, failed or not: its reply carries its own zxid."""
        cost, reply = self.cost(request, err)
        self.assertEqual(cost, 1, '%s used %d zxids' % (request, cost))
        return reply

    def all_answer(self, err, requests):
        for request in requests:
            with self.subTest(repr(request)):
                self.expect(self.c, request, err)


class Create(Case):

    def test_flags_9(self):
        """create flags 9: -8, a zxid is used"""
        self.takes_zxid(zk.create(self.a + '/f', flags=9), -8)
        self.all_answer(-8, [zk.create(self.a + '/f', flags=f)
                             for f in (-1, 7, 8, 255, 1 << 30)])

    def test_op1_flags_5(self):
        """create flags 5 or 6 in op 1 and 15: -8"""
        self.all_answer(-8, [make(self.a + '/f', flags=flags)
                             for make in (zk.create, zk.create2)
                             for flags in (5, 6)])

    def test_op1_flags_4(self):
        """create flags 4 in op 1: a plain node, reply path only"""
        path = self.a + '/f'
        reply = self.expect(self.c, zk.create(path, flags=4), 0)
        self.assertEqual(reply.body, {'path': path})
        stat = self.expect(self.c, zk.exists(path), 0).body['stat']
        self.assertEqual(stat.ephemeralOwner, 0)

    def test_op19_flags_0(self):
        """createContainer flags 0: a container, reply path and stat"""
        path = self.a + '/f'
        reply = self.expect(self.c, zk.create_container(path, flags=0), 0)
        self.assertEqual(reply.body['path'], path)
        self.assertEqual(reply.body['stat'].ephemeralOwner, 0)
        self.expect(self.c, zk.create(path + '/child'), 0)

    def test_ttl_out_of_range(self):
        """createTTL flags 5, ttl 0, 2^40, negative: -8"""
        self.all_answer(-8, [zk.create_ttl(self.a + '/f', flags=f, ttl=t)
                             for f in (5, 6)
                             for t in (0, MAX_TTL + 1, -1, -2, 1 << 62)])

    def test_ttl_limit(self):
        """createTTL flags 5, ttl 1 and 2^40-1: 0, owner shown as 0"""
        for ttl in (1, MAX_TTL):
            with self.subTest(ttl):
                reply = self.expect(self.c, zk.create_ttl(
                    '%s/t%d' % (self.a, ttl), ttl=ttl), 0)
                self.assertEqual(reply.body['stat'].ephemeralOwner, 0)

    def test_ttl_sequential(self):
        """createTTL flags 6: the name gets a suffix"""
        reply = self.expect(self.c, zk.create_ttl(self.a + '/t-', flags=6),
                            0)
        self.assertEqual(reply.body['path'], self.a + '/t-0000000000')

    def test_ttl_with_other_flags(self):
        """createTTL flags 0 to 4, ttl 0: -8"""
        self.all_answer(-8, [zk.create_ttl(self.a + '/f', flags=f, ttl=0)
                             for f in range(5)])

    def test_root(self):
        """create "/": -110"""
        self.takes_zxid(zk.create('/'), -110)

    def test_no_slash(self):
        """create "" and "foo": -8"""
        self.all_answer(-8, [zk.create(''), zk.create('foo'),
                             zk.create2(''), zk.create2('foo'),
                             zk.create('foo', flags=2)])

    def test_parent_first(self):
        """create "/x/" without /x, also sequential: -101"""
        self.all_answer(-101, [zk.create('/x/'),
                               zk.create('/x/', flags=2),
                               zk.create('/x/y'),
                               zk.create('/x/y/z', flags=3),
                               zk.create(self.a + '//')])

    def test_sequential_empty_name(self):
        """create sequential "/a/": 0, name is the suffix alone"""
        reply = self.expect(self.c, zk.create(self.a + '/', flags=2), 0)
        self.assertEqual(reply.body['path'], self.a + '/0000000000')

    def test_sequence_counts_creates(self):
        """suffix: creates of any child before, deletes do not lower it"""
        a = self.a
        self.expect(self.c, zk.create(a + '/x'), 0)
        self.expect(self.c, zk.create(a + '/y'), 0)
        self.expect(self.c, zk.delete(a + '/x'), 0)
        reply = self.expect(self.c, zk.create(a + '/s', flags=2), 0)
        self.assertEqual(reply.body['path'], a + '/s0000000002')
        reply = self.expect(self.c, zk.create2(a + '/s', flags=3), 0)
        self.assertEqual(reply.body['path'], a + '/s0000000003')

    def test_bad_paths(self):
        """create "//a", "/.", "/a/..", control characters: -8"""
        a = self.a
        self.all_answer(-8, [
            zk.create('//a'), zk.create('/.'), zk.create('/..'),
            zk.create(a + '/..'), zk.create(a + '/.'), zk.create(a + '/'),
            zk.create(a + '/b\0c'),
            zk.create(a + '/\x01'), zk.create(a + '/\x1f'),
            zk.create(a + '/\x7f'), zk.create(a + '/\x9f'),
            zk.create(a + '/\ue000'), zk.create(a + '/\uf8ff'),
            zk.create(a + '/\ufff0'), zk.create(a + '/\uffff'),
            zk.create(a + '/\U0001f600')])

    def test_good_paths(self):
        """create with letters of any script, dots, blanks: 0"""
        a = self.a
        self.all_answer(0, [
            zk.create(a + '/ '), zk.create(a + '/...'),
            zk.create(a + '/.a'), zk.create(a + '/\xa0'),
            zk.create(a + '/\u00e9'), zk.create(a + '/\u6f22\u5b57'),
            zk.create(a + '/\uf900'), zk.create(a + '/\uffef'),
            zk.create(a + '/~' + 'n' * 1000)])

    def test_bad_acl(self):
        """create with an ACL that names nobody: -114"""
        bad = [[], None] + [[zk.ACL(31, scheme, name)] for scheme, name in (
            ('auth', ''), ('zzz', 'a'), ('digest', 'ab'),
            ('digest', 'a:b:c'), ('digest', 'a:'),
            ('ip', '1.2.3'), ('ip', '1.2.3.4/33'), ('ip', '1.2.3.4/x'),
            ('ip', '1.2.3.400'), (None, 'anyone'), ('world', 'x'),
            ('world', ''), ('super', ''), ('', ''))]
        self.all_answer(-114, [zk.create(self.a + '/f', acl=acl)
                               for acl in bad])

    def test_bad_entry_after_good(self):
        """create with one bad entry among good ones: -114"""
        acl = list(zk.OPEN) + [zk.ACL(31, 'zzz', 'a')]
        self.expect(self.c, zk.create(self.a + '/f', acl=acl), -114)

    def test_acl_before_parent(self):
        """create /nop/f with an empty ACL: -114, before -101"""
        self.expect(self.c, zk.create('/nop/f', acl=[]), -114)

    def test_flags_before_acl(self):
        """create with bad flags and an empty ACL: -8"""
        self.expect(self.c, zk.create('/nop/f', acl=[], flags=9), -8)

    def test_duplicate_acl_entries(self):
        """create with equal ACL entries: the first one stays"""
        path = self.a + '/f'
        reader = zk.ACL(1, 'digest', 'u:p')
        self.expect(self.c, zk.create(path, acl=[
            zk.OPEN[0], reader, zk.OPEN[0], reader]), 0)
        reply = self.expect(self.c, zk.get_acl(path), 0)
        self.assertEqual(reply.body['acl'], [zk.OPEN[0], reader])

    def test_body_cut(self):
        """create, body cut after the path: -5 and a zxid of its own"""
        request = zk.create(self.a + '/f')
        cost, reply = self.cost(request.cut(4 + len(self.a) + 2), -5)
        # Newer Apache leaders reuse the last zxid here and block every
        # later commit (ZOOKEEPER-4575): the older rule is the right one.
        self.assertEqual(cost, 1)
        self.takes_zxid(zk.create(self.a + '/g'), 0)

    def test_null_path(self):
        """create with a null path: -5, a zxid is used"""
        self.takes_zxid(zk.create(None), -5)

    def test_null_data(self):
        """create with null data: getData gives null, length 0"""
        path = self.a + '/f'
        self.expect(self.c, zk.create(path, None), 0)
        reply = self.expect(self.c, zk.get_data(path), 0)
        self.assertIsNone(reply.body['data'])
        self.assertEqual(reply.body['stat'].dataLength, 0)

    def test_under_ephemeral(self):
        """create under an ephemeral node, also sequential: -108"""
        path = self.a + '/e'
        self.expect(self.c, zk.create(path, flags=1), 0)
        self.all_answer(-108, [zk.create(path + '/x'),
                               zk.create(path + '/x', flags=2),
                               zk.create(path + '/x', flags=1),
                               zk.create_container(path + '/x'),
                               zk.create_ttl(path + '/x')])

    def test_exists(self):
        """create and create2 of a node that is there: -110"""
        self.all_answer(-110, [zk.create(self.a), zk.create2(self.a),
                               zk.create_container(self.a),
                               zk.create_ttl(self.a)])


class Writes(Case):

    def test_delete_fixed_nodes(self):
        """delete "/", /zookeeper, its quota and config: -8"""
        self.all_answer(-8, [zk.delete(path) for path in (
            '/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config')])

    def test_delete_errors(self):
        """delete: -8 syntax, -101 missing, -103 version, -111 children"""
        self.expect(self.c, zk.create(self.a + '/b'), 0)
        for err, request in ((-8, zk.delete('')), (-8, zk.delete('foo')),
                             (-101, zk.delete('/nop')),
                             (-101, zk.delete('/nop/x')),
                             (-103, zk.delete(self.a, 7)),
                             (-111, zk.delete(self.a))):
            with self.subTest(repr(request)):
                self.takes_zxid(request, err)

    def test_set_config(self):
        """setData /zookeeper/config: -102"""
        self.takes_zxid(zk.set_data('/zookeeper/config', b'x'), -102)

    def test_set_root_null(self):
        """setData "/" with null data: dataLength 0, getData gives null"""
        reply = self.expect(self.c, zk.set_data('/', None), 0)
        self.assertEqual(reply.body['stat'].dataLength, 0)
        reply = self.expect(self.c, zk.get_data('/'), 0)
        self.assertIsNone(reply.body['data'])
        self.expect(self.c, zk.set_data('/', b''), 0)
        reply = self.expect(self.c, zk.get_data('/'), 0)
        self.assertEqual(reply.body['data'], b'')

    def test_set_missing(self):
        """setData /nop: -101; "nop": -8"""
        self.expect(self.c, zk.set_data('/nop'), -101)
        self.expect(self.c, zk.set_data('nop'), -8)

    def test_set_version(self):
        """setData with a wrong version: -103, with -1 or the right one: 0"""
        self.takes_zxid(zk.set_data(self.a, b'', 1), -103)
        self.takes_zxid(zk.set_data(self.a, b'', 0), 0)
        self.takes_zxid(zk.set_data(self.a, b'', -1), 0)
        reply = self.takes_zxid(zk.set_data(self.a, b'', 2), 0)
        self.assertEqual(reply.body['stat'].version, 3)

    def test_set_acl(self):
        """setACL /zookeeper/quota: 0; wrong aversion: -103; empty: -114"""
        self.expect(self.c, zk.set_acl('/zookeeper/quota'), 0)
        self.expect(self.c, zk.set_acl(self.a, zk.OPEN, 5), -103)
        self.expect(self.c, zk.set_acl(self.a, []), -114)
        self.expect(self.c, zk.set_acl(self.a, None), -114)
        self.expect(self.c, zk.set_acl('/nop'), -101)
        reply = self.takes_zxid(zk.set_acl(self.a, zk.OPEN, 0), 0)
        self.assertEqual(reply.body['stat'].aversion, 1)
        self.assertEqual(reply.body['stat'].version, 0)

    def test_null_paths(self):
        """a null path: -8 in setData and setACL, else -5"""
        self.all_answer(-8, [zk.set_data(None), zk.set_acl(None)])
        self.all_answer(-5, [
            zk.delete(None), zk.create2(None), zk.create_container(None),
            zk.create_ttl(None)])

    def test_cversion(self):
        """Stat.cversion counts creates and deletes of children"""
        for name in 'xyz':
            self.expect(self.c, zk.create(self.a + '/' + name), 0)
        last = self.expect(self.c, zk.delete(self.a + '/y'), 0)
        stat = self.expect(self.c, zk.exists(self.a), 0).body['stat']
        self.assertEqual((stat.cversion, stat.numChildren, stat.pzxid),
                         (4, 2, last.zxid))


class Reads(Case):

    def test_empty_path_is_root(self):
        """getData "": the same node as "/" """
        root = self.expect(self.c, zk.get_data('/'), 0).body
        self.assertEqual(self.expect(self.c, zk.get_data(''), 0).body, root)

    def test_no_slash(self):
        """getData "nop" and other reads without a slash: -101"""
        self.all_answer(-101, [
            zk.get_data('nop'), zk.exists('nop'), zk.get_children('nop'),
            zk.get_children2('nop'), zk.get_acl('nop'),
            zk.get_all_children_number('nop')])

    def test_null_paths(self):
        """getChildren and other reads with a null path: -5"""
        self.all_answer(-5, [
            zk.get_children(None), zk.get_children2(None),
            zk.get_data(None), zk.exists(None), zk.get_acl(None)])

    def test_nul(self):
        """exists "/a\\0b": -8"""
        self.expect(self.c, zk.exists('/a\0b'), -8)

    def test_trailing_bytes(self):
        """getData with 4 bytes behind its body: 0"""
        self.expect(self.c, zk.get_data(self.a).padded(b'\1\2\3\4'), 0)

    def test_sync(self):
        """sync "/nopath": 0, the path echoed, no zxid used"""
        cost, reply = self.cost(zk.sync('/nopath'), 0)
        self.assertEqual(reply.body['path'], '/nopath')
        self.assertEqual(cost, 0)

    def test_ephemerals(self):
        """getEphemerals: this session's nodes under the prefix"""
        other = self.connect()
        for conn, name in ((self.c, '/e1'), (self.c, '/f'), (other, '/e2')):
            self.expect(conn, zk.create(self.a + name, flags=1), 0)
        for prefix, want in (('/', ['/e1', '/f']), (None, ['/e1', '/f']),
                             ('', ['/e1', '/f']),
                             (self.a + '/e', ['/e1']), ('/none', [])):
            with self.subTest(prefix):
                reply = self.expect(self.c, zk.get_ephemerals(prefix), 0)
                self.assertEqual(sorted(reply.body['ephemerals']),
                                 [self.a + name for name in want])

    def test_all_children_number(self):
        """getAllChildrenNumber counts all descendants"""
        for name in ('/b', '/b/c', '/b/c/d', '/e'):
            self.expect(self.c, zk.create(self.a + name), 0)
        reply = self.expect(self.c, zk.get_all_children_number(self.a), 0)
        self.assertEqual(reply.body['total'], 4)
        # A name that only begins alike is no descendant.
        self.expect(self.c, zk.create(self.a + '/bb'), 0)
        reply = self.expect(
            self.c, zk.get_all_children_number(self.a + '/b'), 0)
        self.assertEqual(reply.body['total'], 2)

    def test_who_am_i(self):
        """whoAmI: the address, then each id that was added"""
        self.expect(self.c, zk.auth('digest', b'someone:secret'), 0)
        reply = self.expect(self.c, zk.who_am_i(), 0)
        self.assertEqual(sorted(reply.body['ids']),
                         [('digest', 'someone'), ('ip', '127.0.0.1')])


class Watches(Case):

    def test_nothing_set(self):
        """checkWatches and removeWatches with nothing set: -121"""
        self.all_answer(-121, [make(self.a, kind) for kind in (1, 2, 3)
                               for make in (zk.check_watches,
                                            zk.remove_watches)])

    def test_unknown_kinds(self):
        """removeWatches type 9 and 0; addWatch mode 9: -5"""
        self.all_answer(-5, [
            zk.remove_watches(self.a, 9), zk.check_watches(self.a, 9),
            zk.remove_watches(self.a, 0), zk.add_watch(self.a, 9),
            zk.add_watch(self.a, -1)])

    def test_persistent_kinds(self):
        """checkWatches types 4 and 5: -121 unset, 0 set [3.8: -5]"""
        if not self.newest:
            self.all_answer(-5, [zk.check_watches(self.a, 4),
                                 zk.remove_watches(self.a, 5)])
            return
        for kind, mode in ((4, 0), (5, 1)):
            with self.subTest(kind):
                self.expect(self.c, zk.check_watches(self.a, kind), -121)
                self.expect(self.c, zk.add_watch(self.a, mode), 0)
                self.expect(self.c, zk.check_watches(self.a, kind), 0)
                self.expect(self.c, zk.check_watches(self.a, 9 - kind),
                            -121)
                self.expect(self.c, zk.remove_watches(self.a, kind), 0)
                self.expect(self.c, zk.check_watches(self.a, kind), -121)

    def test_add_watch_anywhere(self):
        """addWatch "zzz": 0, neither syntax nor existence is checked"""
        for path in ('zzz', '/nop/nop', ''):
            reply = self.expect(self.c, zk.add_watch(path, 0), 0)
            self.assertEqual(reply.body, {'err': 0})

    def test_tables(self):
        """a data watch is no child watch, and the other way round"""
        self.expect(self.c, zk.get_data(self.a, True), 0)
        self.expect(self.c, zk.check_watches(self.a, 2), 0)
        self.expect(self.c, zk.check_watches(self.a, 1), -121)
        self.expect(self.c, zk.remove_watches(self.a, 1), -121)
        self.expect(self.c, zk.get_children(self.a, True), 0)
        self.expect(self.c, zk.remove_watches(self.a, 2), 0)
        self.expect(self.c, zk.check_watches(self.a, 1), 0)
        self.expect(self.c, zk.remove_watches(self.a, 3), 0)
        self.expect(self.c, zk.check_watches(self.a, 3), -121)

    def test_missing_node(self):
        """exists on a missing node leaves a watch, getData does not"""
        path = self.a + '/no'
        for request in (zk.get_data(path, True),
                        zk.get_children(path, True),
                        zk.get_children2(path, True)):
            self.expect(self.c, request, -101)
        self.expect(self.c, zk.check_watches(path, 3), -121)
        self.expect(self.c, zk.exists(path, True), -101)
        self.expect(self.c, zk.check_watches(path, 2), 0)
        self.expect(self.c, zk.create(path), 0)
        self.assertEqual([(e.type, e.path) for e in self.c.drain()],
                         [(1, path)])

    def test_one_event_for_delete(self):
        """data and child watch on a deleted node: one NodeDeleted"""
        self.expect(self.c, zk.get_data(self.a, True), 0)
        self.expect(self.c, zk.get_children(self.a, True), 0)
        self.expect(self.c, zk.delete(self.a), 0)
        self.assertEqual([(e.type, e.path) for e in self.c.drain()],
                         [(2, self.a)])

    def test_event_zxid(self):
        """an event carries the zxid of its transaction [3.8: -1]"""
        self.expect(self.c, zk.get_data(self.a, True), 0)
        zxid = self.expect(self.c, zk.set_data(self.a, b'1'), 0).zxid
        event, = self.c.drain()
        self.assertEqual(event.zxid, zxid if self.newest else -1)

    def test_set_watches2_empty(self):
        """setWatches2 and setWatches with empty lists: 0"""
        self.expect(self.c, zk.set_watches2(0), 0)
        self.expect(self.c, zk.set_watches(0), 0)


class Multi(Case):

    def test_empty(self):
        """empty multi uses a zxid, empty multiRead none; end mark only"""
        reply = self.takes_zxid(zk.multi(), 0)
        self.assertEqual(reply.body, {'results': []})
        cost, reply = self.cost(zk.multi_read(), 0)
        self.assertEqual((cost, reply.body), (0, {'results': []}))

    def test_foreign_ops(self):
        """multi with op 55, an empty body, a read inside: -5 and a zxid"""
        strange = zk.Request(55, zk.get_data(self.a).body, 'op55')
        for request in (zk.multi(strange), zk.Request(14, b'', 'multi()'),
                        zk.multi(zk.get_data(self.a)),
                        zk.multi(zk.create(self.a + '/f'),
                                 zk.get_data(self.a))):
            with self.subTest(repr(request)):
                self.takes_zxid(request, -5)
        self.expect(self.c, zk.exists(self.a + '/f'), -101)

    def test_bad_flags(self):
        """multi, create with flags 9: -5 [3.8: 0, the op's code is -8]"""
        request = zk.multi(zk.create(self.a + '/f', flags=9))
        if self.newest:
            self.takes_zxid(request, -5)
            return
        reply = self.takes_zxid(request, 0)
        self.assertEqual([r.err for r in reply.body['results']], [-8])

    def test_write_in_multi_read(self):
        """multiRead with a write inside: -5, body is the end mark"""
        before = self.expect(self.c, zk.ping(), 0).zxid
        reply = self.c.call(zk.multi_read(zk.delete(self.a)))
        self.assertEqual((reply.err, reply.rest.hex()),
                         (-5, 'ffffffff01ffffffff'))
        self.assertEqual(self.expect(self.c, zk.ping(), 0).zxid, before)
        self.expect(self.c, zk.exists(self.a), 0)

    def test_failure(self):
        """multi that fails: header 0, codes before 0, after -2"""
        reply = self.takes_zxid(zk.multi(
            zk.create(self.a + '/m'), zk.set_data(self.a, b'', 77),
            zk.delete(self.a)), 0)
        self.assertEqual([(r.type, r.err, r.body['err'])
                          for r in reply.body['results']],
                         [(-1, 0, 0), (-1, -103, -103), (-1, -2, -2)])
        self.expect(self.c, zk.exists(self.a + '/m'), -101)

    def test_sees_itself(self):
        """multi: an op sees those before it, all with one zxid"""
        path = self.a + '/m'
        reply = self.takes_zxid(zk.multi(
            zk.create2(path), zk.create(path + '/x', flags=2),
            zk.set_data(path, b'z', 0), zk.check(path, 1),
            zk.delete(path + '/x0000000000'), zk.delete(path, 1)), 0)
        # 3.8.0 takes create2 for create and leaves its Stat out.
        self.assertEqual([r.type for r in reply.body['results']],
                         [15 if self.newest else 1, 1, 5, 13, 2, 2])
        stat = reply.body['results'][2].body['stat']
        self.assertEqual((stat.czxid, stat.mzxid, stat.version),
                         (reply.zxid, reply.zxid, 1))

    def test_container_and_ttl(self):
        """multi: flags 4 and 5 make containers and TTL nodes"""
        reply = self.expect(self.c, zk.multi(
            zk.create_container(self.a + '/c'),
            zk.create_ttl(self.a + '/t')), 0)
        self.assertEqual([r.type for r in reply.body['results']], [15, 15])

    def test_reads_stand_alone(self):
        """multiRead: errors stay with their op, header 0"""
        reply = self.expect(self.c, zk.multi_read(
            zk.get_data('/nop'), zk.get_data(self.a),
            zk.get_children(self.a), zk.get_children('/nop')), 0)
        self.assertEqual([(r.type, r.err) for r in reply.body['results']],
                         [(-1, -101), (4, 0), (8, 0), (-1, -101)])


class Permissions(Case):

    def test_perms_0(self):
        """a node created with perms 0: who may do what"""
        path = self.a + '/p'
        nobody = [zk.ACL(0, 'world', 'anyone')]
        self.expect(self.c, zk.create(path, acl=nobody), 0)
        self.all_answer(-102, [
            zk.get_data(path), zk.get_acl(path), zk.get_children(path),
            zk.get_children2(path), zk.get_all_children_number(path),
            zk.set_data(path, b'', 99), zk.set_acl(path),
            zk.create(path + '/x'), zk.delete(path + '/none')])
        # ZOOKEEPER-2590, 3.8.4 and 3.9.2.
        self.expect(self.c, zk.exists(path), -102 if self.newest else 0)
        self.expect(self.c, zk.delete(path), 0)

    def test_super(self):
        """the super user passes every ACL, /zookeeper/config included"""
        path = self.a + '/p'
        self.expect(self.c, zk.create(
            path, acl=[zk.ACL(0, 'world', 'anyone')]), 0)
        self.expect(self.c, zk.auth('digest',
                                    ':'.join(servers.SUPER).encode()), 0)
        self.all_answer(0, [zk.get_data(path), zk.set_data(path, b'x'),
                            zk.get_acl(path), zk.create(path + '/y'),
                            zk.set_data('/zookeeper/config', b'')])

    def test_get_acl_masks(self):
        """getACL without ADMIN shows digest ids as user:x"""
        path = self.a + '/p'
        secret = zk.ACL(31, 'digest', zk.digest_id('u', 'pw'))
        self.expect(self.c, zk.create(path, acl=[
            secret, zk.ACL(1, 'world', 'anyone')]), 0)
        reply = self.expect(self.c, zk.get_acl(path), 0)
        self.assertEqual(reply.body['acl'][0].id, 'u:x')
        self.expect(self.c, zk.auth('digest', b'u:pw'), 0)
        reply = self.expect(self.c, zk.get_acl(path), 0)
        self.assertEqual(reply.body['acl'][0], secret)

    def test_auth_scheme(self):
        """scheme auth becomes the requester's digest ids, not its ip"""
        path = self.a + '/p'
        self.expect(self.c, zk.auth('digest', b'u:pw'), 0)
        self.expect(self.c, zk.create(
            path, acl=[zk.ACL(3, 'auth', 'ignored')]), 0)
        # The caller lacks ADMIN, so its id is masked.
        reply = self.expect(self.c, zk.get_acl(path), 0)
        self.assertEqual(reply.body['acl'], [zk.ACL(3, 'digest', 'u:x')])

    def test_ip(self):
        """scheme ip: address and prefix length"""
        for name, err in (('127.0.0.1', 0), ('127.0.0.0/8', 0),
                          ('127.0.0.1/32', 0), ('128.0.0.0/8', -102),
                          ('127.0.0.2', -102), ('126.0.0.0/7', 0)):
            with self.subTest(name):
                reply = self.expect(self.c, zk.create(
                    self.a + '/i', flags=2, acl=[zk.ACL(31, 'ip', name)]),
                    0)
                self.expect(self.c, zk.get_data(reply.body['path']), err)

    def test_unknown_scheme(self):
        """auth with an unknown scheme: xid -4, -115, the end"""
        reply = self.c.call(zk.auth('zzz', b'x'))
        self.assertEqual((reply.xid, reply.err), (-4, -115))
        self.assert_closes(self.c)

    def test_digest_without_colon(self):
        """auth digest with any text: 0"""
        self.expect(self.c, zk.auth('digest', b'u:p'), 0)
        self.assertEqual(self.c.call(zk.auth('digest', b'u:p')).zxid, 0)


    def test_events(self):
        """an event goes to those who may read the node, no others"""
        path = self.a + '/p'
        stranger = self.connect()
        self.expect(self.c, zk.auth('digest', b'u:pw'), 0)
        for conn in (self.c, stranger):
            self.expect(conn, zk.exists(path, True), -101)
        self.expect(self.c, zk.create(
            path, acl=[zk.ACL(31, 'auth', '')]), 0)
        self.assertEqual([(e.type, e.path) for e in self.c.drain()],
                         [(1, path)])
        self.assertEqual(stranger.drain(), [])
        # The watch is gone nevertheless.
        self.expect(stranger, zk.check_watches(path, 2), -121)


class Reconfig(Case):

    def test_disabled(self):
        """reconfig without reconfigEnabled: -123, a zxid is used"""
        self.takes_zxid(zk.reconfig('server.1=a:1:2;3'), -123)


class ReconfigEnabled(Case):

    config = {'reconfigEnabled': 'true'}

    def test_standalone(self):
        """reconfig on a standalone server: -6, with the connection kept"""
        self.takes_zxid(zk.reconfig('server.1=a:1:2;3'), -6)
        self.expect(self.c, zk.exists(self.a), 0)


class PlainTypes(Case):
    """Without extended types."""

    properties = {'zookeeper.extendedTypesEnabled': 'false'}

    def test_ttl_off(self):
        """createTTL without extendedTypesEnabled: -6, a zxid is used"""
        self.takes_zxid(zk.create_ttl(self.a + '/t'), -6)
        self.takes_zxid(zk.create_ttl(self.a + '/t', flags=6), -6)

    def test_container(self):
        """containers do not need extended types"""
        self.expect(self.c, zk.create_container(self.a + '/c'), 0)


class Background(Case):
    """Nodes that the server removes by itself."""

    config = {'tickTime': '300'}
    properties = {'znode.container.checkIntervalMs': '100'}

    def wait_gone(self, path):
        """Waits for the event that says so, no longer than 10 s."""
        self.c.drain()
        if self.c.call(zk.exists(path, True)).err == -101:
            return
        event = self.c.next(10.0)
        self.assertEqual((event.type, event.path), (2, path))

    def test_container(self):
        """a container goes once its last child is deleted, not before"""
        used, fresh = self.a + '/used', self.a + '/fresh'
        self.expect(self.c, zk.create_container(used), 0)
        self.expect(self.c, zk.create_container(fresh), 0)
        self.expect(self.c, zk.create(used + '/kid'), 0)
        # Time for a few rounds of the check.
        self.expect(self.c, zk.create_ttl(self.a + '/t', ttl=300), 0)
        self.wait_gone(self.a + '/t')
        self.expect(self.c, zk.exists(used), 0)
        self.expect(self.c, zk.delete(used + '/kid'), 0)
        self.wait_gone(used)
        # Never used: stays, by default.
        self.expect(self.c, zk.exists(fresh), 0)

    def test_ttl(self):
        """a TTL node goes when unchanged that long and childless"""
        path = self.a + '/t'
        self.expect(self.c, zk.create_ttl(path, ttl=400), 0)
        self.expect(self.c, zk.create(path + '/kid'), 0)
        self.expect(self.c, zk.create_ttl(self.a + '/u', ttl=800), 0)
        self.wait_gone(self.a + '/u')
        self.expect(self.c, zk.exists(path), 0)
        self.expect(self.c, zk.delete(path + '/kid'), 0)
        self.wait_gone(path)

    def test_expired_session(self):
        """a session that is silent too long ends, its nodes with it"""
        path = self.a + '/e'
        other = self.connect(timeout=600)
        self.expect(other, zk.create(path, flags=1), 0)
        other.close()
        self.wait_gone(path)
        again = self.open()
        reply = again.handshake(session=other.session, passwd=other.passwd)
        self.assertEqual((reply.timeout, reply.session), (0, 0))
        self.assert_closes(again)

    def test_ping_keeps_session(self):
        """pings alone keep a session, each request does"""
        path = self.a + '/e'
        other = self.connect(timeout=600)
        self.expect(other, zk.create(path, flags=1), 0)
        began = time.monotonic()
        while time.monotonic() - began < 2.0:
            for request in (zk.ping(), zk.exists(path), zk.sync('/')):
                self.expect(other, request, 0)
                # Less than the timeout, much more than the machine needs.
                other.socket.settimeout(0.1)
                with self.assertRaises(TimeoutError):
                    other.socket.recv(1)
        self.expect(self.c, zk.exists(path), 0)


class Connections(Case):

    def test_ping(self):
        """ping with xid 5 is answered with xid -2"""
        self.assertEqual(self.c.call(zk.ping(5)).xid, -2)

    def test_sasl_not_configured(self):
        """op 102 without SASL configured: 0 and a null token"""
        reply = self.expect(self.c, zk.sasl(b'token'), 0)
        self.assertEqual((reply.zxid, reply.body), (0, {'token': None}))
        self.expect(self.c, zk.exists(self.a), 0)

    def test_sasl_null_token(self):
        """op 102 with a null token or no body: the server closes"""
        for request in (zk.sasl(None), zk.Request(102)):
            conn = self.connect()
            conn.post(request)
            self.assert_closes(conn)

    def test_auth_refused(self):
        """auth digest without data, or of a scheme not set up: -115"""
        for request in (zk.auth('digest', None), zk.auth(None, b'x'),
                        zk.auth('world', b'x'), zk.auth('super', b'x'),
                        zk.auth('sasl', b'x')):
            with self.subTest(repr(request)):
                conn = self.connect()
                self.expect(conn, request, -115)
                self.assert_closes(conn)

    def test_auth_cut(self):
        """auth whose body ends early: the server closes"""
        for size in (0, 4, 14):
            conn = self.connect()
            conn.post(zk.auth('digest', b'u:p').cut(size))
            self.assert_closes(conn)

    def test_unknown_opcode(self):
        """an unknown opcode: zxid -1, err -6, the end"""
        for op in (10, 23, 55, 99, 108, -2, -12, 0x7fffffff):
            with self.subTest(op):
                conn = self.connect()
                reply = conn.call(zk.Request(op))
                self.assertEqual((reply.zxid, reply.err), (-1, -6))
                self.assert_closes(conn)

    def test_pipelined(self):
        """write, read and ping in one segment: in order, one zxid"""
        xids = self.c.post(zk.set_data(self.a, b'p'), zk.get_data(self.a),
                           zk.ping())
        replies = [self.c.next() for _ in xids]
        self.assertEqual([r.xid for r in replies], xids)
        self.assertEqual({r.zxid for r in replies}, {replies[0].zxid})
        self.assertEqual(replies[1].body['data'], b'p')
        self.assertEqual(replies[1].body['stat'].mzxid, replies[0].zxid)

    def test_requests_with_connect(self):
        """requests sent with the ConnectRequest are answered after it"""
        conn = self.open()
        data = zk.connect_request()
        conn.pending.append((1, 4))
        conn.next_xid = 2
        conn.send_raw(struct.pack('>i', len(data)) + data
                      + zk.get_data(self.a).frame(1))
        self.assertNotEqual(conn.handshake_reply().session, 0)
        self.assertEqual(conn.next().err, 0)

    def test_longest_frame(self):
        """a frame of 1048575 bytes is read, 1048576 closes"""
        limit = 1048575
        spare = limit - 8 - len(zk.set_data(self.a, b'').body)
        self.expect(self.c, zk.set_data(self.a, b'x' * spare), 0)
        conn = self.connect()
        conn.send_raw(struct.pack('>i', limit + 1))
        self.assert_closes(conn)
        reply = self.expect(self.c, zk.get_data(self.a), 0)
        self.assertEqual(len(reply.body['data']), spare)

    def test_client_ahead(self):
        """ConnectRequest that has seen a later zxid: closed, no answer"""
        conn = self.open()
        data = zk.connect_request(last_zxid=1 << 40)
        conn.send_raw(struct.pack('>i', len(data)) + data)
        self.assert_closes(conn)

    def test_client_at_zxid(self):
        """ConnectRequest that has seen our last zxid: accepted"""
        zxid = self.expect(self.c, zk.ping(), 0).zxid
        self.assertNotEqual(self.connect(last_zxid=zxid).session, 0)

    def test_wrong_password(self):
        """ConnectRequest with a wrong password: all zero, the end"""
        for passwd in (b'', None, b'x' * 16, b'short', b'y' * 40):
            with self.subTest(passwd):
                conn = self.open()
                reply = conn.handshake(session=self.c.session,
                                       passwd=passwd)
                self.assertEqual((reply.timeout, reply.session,
                                  reply.passwd), (0, 0, b'\0' * 16))
                self.assert_closes(conn)

    def test_attach_closes_other(self):
        """a re-attach closes the session's other connection first"""
        conn = self.open()
        conn.handshake(session=self.c.session, passwd=b'wrong')
        self.assert_closes(conn)
        self.assert_closes(self.c)
        again = self.open()
        reply = again.handshake(session=self.c.session,
                                passwd=self.c.passwd)
        self.assertEqual(reply.session, self.c.session)

    def test_timeouts(self):
        """timeOut is clamped to 2 and 20 ticks"""
        for asked, given in ((1, 4000), (0, 4000), (-5, 4000),
                             (4000, 4000), (12345, 12345),
                             (100000000, 40000)):
            with self.subTest(asked):
                conn = self.open()
                self.assertEqual(conn.handshake(timeout=asked).timeout,
                                 given)

    def test_close_session(self):
        """closeSession: ephemerals go, events first, reply, the end"""
        path = self.a + '/e'
        self.expect(self.c, zk.create(path, flags=1), 0)
        self.expect(self.c, zk.exists(path, True), 0)
        other = self.connect()
        self.expect(other, zk.exists(path, True), 0)
        self.c.post(zk.close_session())
        first, second = self.c.next(), self.c.next()
        self.assertEqual((first.type, first.path), (2, path))
        self.assertEqual(second.err, 0)
        self.assert_closes(self.c)
        self.assertEqual([(e.type, e.path) for e in other.drain()],
                         [(2, path)])
        self.expect(other, zk.exists(path), -101)

    def test_closed_session_is_gone(self):
        """a closed session cannot be attached again"""
        self.expect(self.c, zk.close_session(), 0)
        conn = self.open()
        reply = conn.handshake(session=self.c.session,
                               passwd=self.c.passwd)
        self.assertEqual((reply.timeout, reply.session), (0, 0))
        self.assert_closes(conn)


if __name__ == '__main__':
    harness.main(__name__)
