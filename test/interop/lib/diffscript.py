# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""The script of the differential test: a fixed part and a random part.

The fixed part visits every operation, error and version difference once,
in a known order.  The random part, from a seed, mixes them.  Regions of
the tree keep apart what must not be mixed, so that the only differences
between two correct servers are those that diffcompare.RULES names:

  /g     everything, standard watches of all connections
  /acl   ACLs of all kinds; no watches by exists, which needs READ since
         3.9 and then leaves no watch
  /w<n>  standard watches of connection n alone, which it also checks and
         removes (3.8.0 confuses the watches of several connections)
  /p<n>  persistent and recursive watches of connection n alone; a path
         ending in r is watched recursively, others persistently
  /q     under quotas; one request at a time, since quotas are checked
         against what is applied, not what is on its way
"""

import random

import zkwire as zk
from difftrace import Step

SUPER = b'super:test'

# Name and auth data of the connections; each becomes a session.
CAST = (
    ('plain', ()),
    ('alice', (b'alice:a',)),
    ('bob', (b'bob:b', b'robert:r')),
    ('super', (SUPER,)),
    ('watcher', ()),
    ('other', (b'alice:a',)),
)

ALICE = zk.ACL(31, 'digest', zk.digest_id('alice', 'a'))
BOB = zk.ACL(31, 'digest', zk.digest_id('bob', 'b'))
NOBODY = (zk.ACL(0, 'world', 'anyone'),)
AUTH = (zk.ACL(31, 'auth', ''),)


def call(conn, *requests, **more):
    return Step('call', conn, list(requests), **more)


def differs(rule, conn, request, old, new):
    """A step at which the versions differ as the rule says."""
    requests = request if isinstance(request, list) else [request]
    return Step('call', conn, requests, rule=rule, old=old, new=new)


# ------------------------------------------------------------- fixed part

def cast():
    steps = [Step('open', 'observer')]
    for name, auths in CAST:
        steps.append(Step('open', name))
        for data in auths:
            steps.append(call(name, zk.auth('digest', data)))
        steps.append(call(name, zk.who_am_i()))
    return steps


def sessions():
    """Connection forms, re-attach, wrong passwords, expiry, closing."""
    steps = []
    for at, fields in enumerate((
            {'read_only': None}, {'read_only': True}, {'timeout': 1},
            {'timeout': 10 ** 9}, {'timeout': -1}, {'passwd': None},
            {'passwd': b''}, {'passwd': b'x' * 20}, {'protocol': 7},
            {'timeout': 45678})):
        name = 'form%d' % at
        steps += [Step('open', name, fields), call(name, zk.ping()),
                  call(name, zk.close_session(), closes=True)]
    steps += [
        Step('open', 'ahead', {'last_zxid': 1 << 40}),
        Step('open', 'a'), call('a', zk.create('/ea', flags=1)),
        Step('attach', 'b', {'of': 'a'}), Step('closed', 'a'),
        call('b', zk.exists('/ea'), zk.get_ephemerals()),
        Step('attach', 'a', {'of': 'b', 'passwd': b'y' * 16}),
        Step('closed', 'b'),
        Step('attach', 'a', {'of': 'b', 'passwd': b''}),
        Step('attach', 'a', {'of': 'b', 'read_only': None}),
        Step('attach', 'a', {'of': 'b', 'timeout': 2}),
        call('a', zk.get_ephemerals()),
        call('watcher', zk.exists('/ea', True), zk.get_children('/', True)),
        call('a', zk.exists('/ea', True), zk.create('/ea2', flags=1)),
        call('a', zk.close_session(), closes=True),
        call('watcher', zk.exists('/ea')),
        Step('attach', 'b', {'of': 'b'}),
        Step('attach', 'b', {'of': 'b', 'session': 12345}),
        Step('open', 'short', {'timeout': 600}),
        call('short', zk.create('/es', flags=1), zk.create(
            '/es', flags=3)),
        call('watcher', zk.get_data('/es', True),
             zk.get_children2('/', True)),
        Step('expire', 'short', '/es'),
        call('watcher', zk.get_children('/')),
        Step('attach', 'short', {'of': 'short'}),
    ]
    return steps


def each_operation():
    """Every operation, plainly and with each of its errors."""
    c, a = 'plain', '/op'
    odd = [None, '', 'op', '/op/', '//op', '/op/.', '/op/..', '/op/x/../y',
           '/no/x', '/op/\0', '/op/\x07', '/op/\x7f', '/op/\u0080',
           '/op/\ue000', '/op/\ufff5', '/op/\u65e5\u672c', '/op/\u00e9',
           '/op/ ', '/op/...', '/op/a\\b', b'/op/\xff\xfe', '/', '/op']
    steps = [call(c, zk.create(a, b'root of this part'))]
    for path in odd:
        for make in (zk.create, zk.create2, zk.create_container,
                     zk.create_ttl, zk.delete, zk.set_data, zk.set_acl):
            if path == '/' and make in (zk.set_data, zk.set_acl):
                continue        # "/" shall keep its data and ACL
            steps.append(call(c, make(path)))
        for make in (zk.exists, zk.get_data, zk.get_children,
                     zk.get_children2, zk.get_acl, zk.get_ephemerals,
                     zk.get_all_children_number, zk.sync):
            # sync echoes its path; Apache re-encodes what is not UTF-8.
            if not (make is zk.sync and isinstance(path, bytes)):
                steps.append(call(c, make(path)))
        steps.append(call(c, zk.create('/op')))
    steps.append(call(c, zk.create('/op')))
    for flags in (-1, 0, 1, 2, 3, 4, 5, 6, 7, 1 << 20):
        for at, make in enumerate((zk.create, zk.create2,
                                   zk.create_container)):
            steps.append(call(c, make('%s/f%d.%d.' % (a, flags, at),
                                      b'x', flags=flags)))
        for ttl in (-1, 0, 1, 60000, 0xffffffffff, 1 << 40):
            if flags in range(5) and ttl < 0:
                continue        # destroys 3.8.0
            steps.append(call(c, zk.create_ttl(
                '%s/t%d.%d.' % (a, flags, ttl), b'', flags=flags,
                ttl=ttl)))
    steps += [
        call(c, zk.create('/op/eph', flags=1)),
        call(c, zk.create('/op/eph/x')),
        call(c, zk.create('/op/eph/x', flags=2)),
        call(c, zk.create('/op/eph/x', flags=1)),
        call(c, zk.create('/op/null', None)),
        call(c, zk.get_data('/op/null')),
        call(c, zk.create('/op/big', bytes(range(256)) * 512)),
        call(c, zk.get_data('/op/big')),
        call(c, zk.create('/op/' + 'n' * 3000)),
        call(c, zk.create('/op/v', b'0')),
    ]
    for version in (0, 0, 1, 7, -1, -2, 2, 1 << 30):
        steps.append(call(c, zk.set_data('/op/v', b'%d' % version,
                                         version)))
        steps.append(call(c, zk.check_watches('/op/v', 2)))
    for version in (5, -2, 0, 0, 1, -1):
        steps.append(call(c, zk.set_acl('/op/v', zk.OPEN, version)))
    steps += [
        call(c, zk.delete('/op/v', 9)), call(c, zk.delete('/op')),
        call(c, zk.delete('/op/v', 4)), call(c, zk.delete('/op/v')),
        call(c, zk.delete('/')), call(c, zk.delete('/zookeeper')),
        call(c, zk.delete('/zookeeper/quota')),
        call(c, zk.delete('/zookeeper/config')),
        call(c, zk.set_data('/zookeeper/config', b'x')),
        call(c, zk.get_data('/zookeeper/config')),
        call(c, zk.get_acl('/zookeeper/config')),
        call(c, zk.get_data('/zookeeper')),
        call(c, zk.create('/zookeeper/mine')),
        call(c, zk.delete('/zookeeper/mine')),
        call(c, zk.set_acl('/zookeeper/quota', zk.OPEN)),
        call(c, zk.reconfig('server.1=a:1:2;3')),
        call(c, zk.reconfig(None, '1', None, 0)),
        call('super', zk.reconfig('server.1=a:1:2;3')),
        call('super', zk.set_data('/zookeeper/config', b'')),
        call(c, zk.sync('/nothing/here')), call(c, zk.sync('')),
        call(c, zk.ping(5)), call(c, zk.ping()), call(c, zk.ping(-9)),
        call(c, zk.who_am_i().padded(b'abc')),
        call(c, zk.get_data('/op').padded(b'\0\0\0\0')),
        call(c, zk.get_all_children_number('/')),
        call(c, zk.get_all_children_number('/op')),
        call(c, zk.get_ephemerals('/op/e')),
        # Empty names and deep trees.
        call(c, zk.create('/op/', flags=2)),
        call(c, zk.create('/op/', flags=3)),
        call(c, zk.create('/op/0000000000/x', flags=2)),
        call(c, zk.create('/op/s-', flags=2)),
        call(c, zk.delete('/op/s-0000000001')),
        call(c, zk.create('/op/s-', flags=2)),
        call(c, zk.create2('/op/s-', flags=2)),
    ]
    return steps


def bad_acls():
    """Every form of ACL list."""
    lists = [None, [], list(NOBODY), [zk.ACL(32, 'world', 'anyone')],
             [zk.ACL(-1, 'world', 'anyone')]]
    lists += [[zk.ACL(31, scheme, name)] for scheme, name in (
        ('world', 'x'), ('world', None), ('world', ''), (None, 'anyone'),
        ('', ''), ('zzz', 'x'), ('super', ''), ('sasl', 'x'),
        ('x509', 'CN=x'), ('digest', 'a:b'), ('digest', 'ab'),
        ('digest', 'a:b:c'), ('digest', ':'), ('digest', 'a:'),
        ('digest', ':b'), ('digest', ''), ('auth', ''), ('auth', 'x'),
        ('ip', '127.0.0.1'), ('ip', '127.0.0.1/8'), ('ip', '127.0.0.1/0'),
        ('ip', '127.0.0.1/32'), ('ip', '127.0.0.1/33'),
        ('ip', '127.0.0.1/-1'), ('ip', '127.0.0.1/'), ('ip', '1.2.3'),
        ('ip', '1.2.3.4.5'), ('ip', '1.2.3.256'), ('ip', '1.2.3.x'),
        ('ip', ''), ('ip', '127.0.0.1/8/8'), ('ip', '10.0.0.0/7'),
        ('ip', '126.0.0.0/7'), ('ip', '127.0.0.2/30'))]
    lists += [[zk.OPEN[0], zk.OPEN[0], ALICE, zk.OPEN[0], ALICE],
              [zk.OPEN[0], zk.ACL(31, 'zzz', 'x')],
              [zk.ACL(1, 'auth', ''), zk.ACL(2, 'world', 'anyone')],
              [zk.ACL(1, 'auth', ''), zk.ACL(1, 'auth', 'x')]]
    steps = [call('plain', zk.create('/acls'))]
    for at, acl in enumerate(lists):
        path = '/acls/%d' % at
        for conn in ('plain', 'alice', 'bob'):
            name = path + conn
            steps += [call(conn, zk.create(name, b'', acl)),
                      call(conn, zk.get_acl(name)),
                      call('plain', zk.get_acl(name)),
                      call('plain', zk.get_data(name)),
                      call(conn, zk.create(name + '/c')),
                      call(conn, zk.set_acl(name, acl, 3))]
        steps.append(call('super', zk.set_acl('/acls/2plain', acl)))
    return steps


def who_may_what():
    """Each permission alone, seen by owner, stranger and super user."""
    steps = [call('plain', zk.create('/may'))]
    for bit in (0, 1, 2, 4, 8, 16, 3, 17, 31):
        for who, acl in (('alice', ALICE._replace(perms=bit)),
                         ('world', zk.ACL(bit, 'world', 'anyone'))):
            path = '/may/%s%d' % (who, bit)
            steps.append(call('super', zk.create(path, b'd', [acl])))
            steps.append(call('super', zk.create(path + '/kid')))
            for conn in ('alice', 'plain', 'bob', 'other', 'super'):
                steps += [
                    # The getData tells why exists is refused since 3.9.
                    call(conn, zk.exists(path), zk.get_data(path)),
                    call(conn, zk.get_acl(path)),
                    call(conn, zk.get_children(path)),
                    call(conn, zk.get_children2(path)),
                    call(conn, zk.get_all_children_number(path)),
                    call(conn, zk.set_data(path, b'e', 77)),
                    call(conn, zk.set_data(path, b'e')),
                    call(conn, zk.create(path + '/' + conn)),
                    call(conn, zk.delete(path + '/nothing')),
                    call(conn, zk.delete(path + '/' + conn)),
                    call(conn, zk.multi(zk.check(path, 99))),
                    call(conn, zk.multi(zk.check(path))),
                    call(conn, zk.multi_read(zk.get_data(path),
                                             zk.get_children(path))),
                    call(conn, zk.set_acl(path, [acl], 55)),
                    call(conn, zk.sync(path)),
                ]
            steps += [call('alice', zk.set_acl(path, [acl])),
                      call('plain', zk.delete(path + '/kid')),
                      call('alice', zk.delete(path + '/kid')),
                      call('super', zk.delete(path + '/kid')),
                      call('plain', zk.delete(path))]
    return steps


def authentication():
    """auth and sasl packets that succeed, fail and end connections."""
    steps = [Step('open', 'sasl'), call('sasl', zk.sasl(b'not set up')),
             call('sasl', zk.ping())]
    for at, request in enumerate((
            zk.auth('digest', b'u:p'), zk.auth('digest', b'colonless'),
            zk.auth('digest', b''), zk.auth('digest', b':'),
            zk.auth('digest', b'u:p:q'), zk.auth('ip', b''),
            zk.auth('digest', SUPER), zk.auth('digest', b'super:wrong'))):
        name = 'auth%d' % at
        steps += [Step('open', name), call(name, request),
                  call(name, zk.who_am_i()),
                  call(name, zk.create('/auth%d' % at, b'', AUTH)),
                  call(name, zk.get_acl('/auth%d' % at)),
                  call('super', zk.get_acl('/auth%d' % at)),
                  call(name, zk.close_session(), closes=True)]
    for at, request in enumerate((
            zk.auth('zzz', b'x'), zk.auth('digest', None),
            zk.auth(None, b'x'), zk.auth('world', b'anyone'),
            zk.auth('super', b''), zk.auth('sasl', b'x'),
            zk.auth('auth', b''), zk.auth('digest', b'u:p').cut(0),
            zk.auth('digest', b'u:p').cut(9), zk.Request(10),
            zk.Request(23), zk.Request(0), zk.Request(-1),
            zk.Request(108, b'abc'), zk.Request(0x7fffffff),
            zk.sasl(None), zk.Request(102))):
        name = 'noauth%d' % at
        steps += [Step('open', name), call(name, zk.ping()),
                  call(name, request, closes=True)]
    return steps


def watches():
    """Each kind of watch, each way to set, fire, check and remove it."""
    c, o = 'watcher', 'other'
    p = '/wt'
    q = p + '/k'
    steps = [call(o, zk.create(p)), call(o, zk.create(q))]
    fire = [zk.set_data(q, b'1'), zk.create(q + '/x'),
            zk.set_data(q + '/x', b'2'), zk.delete(q + '/x'),
            zk.set_acl(q), zk.delete(q), zk.create(q),
            zk.multi(zk.set_data(q, b'3'), zk.create(q + '/m'),
                     zk.delete(q + '/m'), zk.delete(q), zk.create2(q)),
            zk.multi(zk.set_data(q, b'no'), zk.delete('/not/there'))]
    setters = [[zk.get_data(q, True)], [zk.exists(q, True)],
               [zk.get_children(q, True)], [zk.get_children2(q, True)],
               [zk.exists(q + '/x', True)], [zk.get_children(p, True)],
               [zk.get_data(q, True), zk.get_children(q, True),
                zk.exists(q, True)],
               [zk.get_data('/no/x', True), zk.get_children('/no', True)],
               [zk.add_watch(q, 0)], [zk.add_watch(q, 1)],
               [zk.add_watch(p, 1)], [zk.add_watch('/', 1)],
               [zk.add_watch(q + '/x', 0)], [zk.add_watch('', 0)],
               [zk.add_watch(p, 1), zk.get_data(q, True)],
               [zk.add_watch(p, 0), zk.get_children(q, True)],
               [zk.set_watches(1 << 40, [q], [q + '/x'], [q])],
               [zk.set_watches2(1 << 40, (), (), (), [q], [p])],
               [zk.set_watches(0, [q, '/no'], [q, '/no'], [q, '/no'])],
               [zk.set_watches(0, [], [], [])],
               [zk.set_watches2(0)]]
    for setter in setters:
        # Fired one by one, each event seen at once ...
        for request in fire:
            steps += [call(c, *setter), call(o, request),
                      call(c, zk.ping())]
        # ... in a row, and by the watcher itself.
        steps += [call(c, *setter), call(o, *fire), call(c, zk.ping()),
                  call(c, *setter), call(c, *fire)]
        # A new connection sheds all watches of the old one.
        steps += [call(c, *setter), Step('drop', c), Step('open', c),
                  call(o, *fire), call(c, zk.ping())]
    return steps


def watch_removal():
    """checkWatches and removeWatches on a path that one session watches."""
    c, o, p = 'watcher', 'other', '/wr'
    steps = [call(o, zk.create(p)), call(o, zk.create(p + '/x'))]
    for setter in (zk.get_data(p, True), zk.get_children(p, True),
                   zk.exists(p + '/no', True)):
        path = zk.Reader(setter.body).string()
        for kind in (1, 2, 3):
            steps += [call(c, zk.check_watches(path, k)) for k in (1, 2, 3)]
            steps += [call(c, zk.remove_watches(path, 3)),
                      call(c, setter),
                      call(c, zk.check_watches(path, kind)),
                      call(c, zk.remove_watches(path, kind)),
                      call(c, zk.check_watches(path, 1)),
                      call(c, zk.check_watches(path, 2)),
                      call(c, zk.check_watches(path, 3)),
                      call(o, zk.set_data(p), zk.create(p + '/t'),
                           zk.delete(p + '/t')), call(c, zk.ping())]
    for mode in (0, 1):
        steps += [call(c, zk.add_watch(p, mode)),
                  call(c, zk.check_watches(p, 3)),
                  call(c, zk.check_watches(p + '/x', 3)),
                  call(c, zk.remove_watches(p + '/x', 3)),
                  call(o, zk.set_data(p), zk.set_data(p + '/x')),
                  call(c, zk.remove_watches(p, 3)),
                  call(c, zk.check_watches(p, 3)),
                  call(c, zk.remove_watches(p, 3)),
                  call(o, zk.set_data(p)), call(c, zk.ping())]
    odd = 'checkWatches of odd paths'
    for path, check in (('/none', call(c, zk.check_watches('/none', 3))),
                        ('', differs(odd, c, zk.check_watches('', 3),
                                     ['-121'], ['0'])),
                        ('odd', differs(odd, c, zk.check_watches('odd', 3),
                                        ['-5'], ['0']))):
        steps += [call(c, zk.add_watch(path, 0)), check,
                  call(c, zk.remove_watches(path, 3)),
                  call(c, zk.remove_watches(path, 3))]
    steps += [call(c, make(p, kind)) for kind in (0, -1, 6, 9)
              for make in (zk.check_watches, zk.remove_watches)]
    steps += [call(c, zk.add_watch(p, mode)) for mode in (-1, 2, 9)]
    return steps


def watch_versions():
    """What 3.9 changed about watches; each step says both answers."""
    c, o, p = 'watcher', 'other', '/wv'
    kinds, types = 'watch kinds side by side', 'watch types 4 and 5'
    steps = [call(o, zk.create(p))]
    for kind in (4, 5):
        steps += [differs(types, c, zk.check_watches(p, kind),
                          ['-5'], ['-121']),
                  differs(types, c, zk.remove_watches(p, kind),
                          ['-5'], ['-121']),
                  call(c, zk.add_watch(p, kind - 4)),
                  differs(types, c, zk.check_watches(p, kind),
                          ['-5'], ['0']),
                  differs(types, c, zk.check_watches(p, 9 - kind),
                          ['-5'], ['-121']),
                  differs(types, c, zk.remove_watches(p, 9 - kind),
                          ['-5'], ['-121']),
                  differs(types, c, zk.remove_watches(p, kind),
                          ['-5'], ['0']),
                  differs(types, c, zk.remove_watches(p, 3),
                          ['0'], ['-121'])]
    # Types 1 and 2 look at standard watches only since 3.9.
    for mode in (0, 1):
        steps.append(call(c, zk.add_watch(p, mode)))
        for kind in (1, 2):
            steps += [differs(kinds, c, zk.check_watches(p, kind),
                              ['0'], ['-121']),
                      differs(kinds, c, zk.remove_watches(p, kind),
                              ['0'], ['-121'])]
        steps += [differs(kinds, c, zk.remove_watches(p, 3),
                          ['-121'], ['0'])]
    # A standard watch set after a persistent one.
    steps += [call(c, zk.add_watch(p, 0)), call(c, zk.get_data(p, True)),
              call(o, zk.set_data(p)), call(c, zk.ping()),
              call(o, zk.set_data(p)),
              differs(kinds, c, zk.ping(), ['0'],
                      ['NodeDataChanged ' + p, '0']),
              call(c, zk.remove_watches(p, 3)),
              call(o, zk.set_data(p)), call(c, zk.ping())]
    # Both modes on one path: the later one counted.
    steps += [call(c, zk.add_watch(p, 1)), call(c, zk.add_watch(p, 0)),
              call(o, zk.create(p + '/x')),
              differs(kinds, c, zk.ping(),
                      ['NodeChildrenChanged ' + p, '0'],
                      ['NodeCreated ' + p + '/x',
                       'NodeChildrenChanged ' + p, '0']),
              call(c, zk.remove_watches(p, 3)),
              call(o, zk.delete(p + '/x')), call(c, zk.ping())]
    # Somebody else's watch.
    steps += [call(o, zk.get_data(p, True)),
              differs('checkWatches of others', c, zk.check_watches(p, 2),
                      ['0'], ['-121']),
              call(c, zk.remove_watches(p, 2)),
              call(o, zk.remove_watches(p, 2))]
    return steps


def filtered_events():
    """Events are kept from those who may not read the node.

    This is ZOOKEEPER-4799 of 3.8.4 and 3.9.2; Debian's 3.8.0 has it too.
    """
    c, p = 'watcher', '/fe'
    secret = [ALICE]
    x = p + '/x'
    steps = [call('alice', zk.create(p)),
             # A node that is born unreadable.
             call(c, zk.exists(x, True)), call('super', zk.exists(x, True)),
             call('alice', zk.create(x, b'', secret)),
             call(c, zk.ping()), call('super', zk.ping()),
             # The watch is used up all the same.
             call('alice', zk.set_data(x)), call(c, zk.ping()),
             # A node that became unreadable.
             call('alice', zk.set_acl(x)), call(c, zk.get_data(x, True)),
             call(c, zk.get_children(x, True)),
             call('other', zk.get_data(x, True)),
             call('alice', zk.set_acl(x, secret)),
             call('alice', zk.set_data(x)), call(c, zk.ping()),
             call('other', zk.ping()),
             call('alice', zk.create(x + '/y')), call(c, zk.ping()),
             # Recursive: the parent is readable, the node is not.
             call(c, zk.add_watch(p, 1)),
             call('alice', zk.set_data(x)), call(c, zk.ping()),
             call('alice', zk.set_data(x + '/y')), call(c, zk.ping()),
             call('alice', zk.delete(x + '/y')), call(c, zk.ping()),
             call(c, zk.get_children(p, True)),
             call('alice', zk.delete(x)), call(c, zk.ping()),
             # setWatches does not filter its own events.
             call('alice', zk.create(x, b'', secret)), call(c, zk.ping()),
             call(c, zk.set_watches(0, [x], [x], [x])),
             call(c, zk.remove_watches(p, 3)),
             call('alice', zk.set_acl(p, secret)),
             call(c, zk.exists(p), zk.get_data(p))]
    # An ACL for some, changed between watch and change.
    for acl in (NOBODY, [BOB], [ALICE], zk.READ_ONLY, AUTH,
                [zk.ACL(1, 'ip', '127.0.0.1')], [zk.ACL(30, 'world',
                                                        'anyone')]):
        conns = ('plain', 'alice', 'bob', 'super', 'watcher')
        steps += [call('super', zk.create('/fe/z')),
                  call('super', zk.create('/fe/z/k', flags=1))]
        steps += [call(conn, zk.get_data('/fe/z', True),
                       zk.get_children('/fe/z', True),
                       zk.exists('/fe/z/k', True)) for conn in conns]
        steps += [call('bob', zk.set_acl('/fe/z', acl)),
                  call('super', zk.set_data('/fe/z', b'secret')),
                  call('super', zk.delete('/fe/z/k')),
                  call('super', zk.delete('/fe/z'))]
        steps += [call(conn, zk.ping()) for conn in conns]
    return steps


def transactions():
    """multi and multiRead."""
    c, p = 'plain', '/tx'
    x, y = p + '/x', p + '/y'
    e = p + '/e'
    steps = [call(c, zk.create(p)), call(c, zk.create(e, flags=1))]
    for ops in (
            (), (zk.create(x),), (zk.create(x),),
            (zk.check(x, 0), zk.set_data(x, b'1', 0), zk.check(x, 1)),
            (zk.set_data(x, b'2', 0), zk.create(y)),
            (zk.create(y), zk.set_data(x, b'3', 9), zk.delete(x)),
            (zk.create(y), zk.create(y + '/k'), zk.set_data(y + '/k', b'k'),
             zk.delete(y + '/k'), zk.delete(y)),
            (zk.create(y, flags=1), zk.create(y + '/k')),
            (zk.create(x + '/s', flags=2), zk.create(x + '/s', flags=2),
             zk.create(x + '/s', flags=3), zk.create2(x + '/s', flags=3)),
            (zk.create2(y), zk.set_data(y, b'y', 0)),
            (zk.create2(y), zk.create2(y)),
            (zk.create_container(x + '/c'), zk.create_ttl(x + '/t'),
             zk.create(x + '/d', flags=4), zk.create2(x + '/f', flags=4),
             zk.create_container(x + '/g', flags=0)),
            (zk.create_ttl(x + '/u', flags=6),),
            (zk.create_ttl(x + '/v', flags=0, ttl=5),),
            (zk.create_ttl(x + '/v', flags=2, ttl=-1),),
            (zk.create_ttl(x + '/w', ttl=0),),
            (zk.create_ttl(x + '/w', ttl=1 << 40),),
            (zk.create(y, flags=9),), (zk.create(x), zk.create(y, flags=7)),
            (zk.delete(x),), (zk.delete('/'),), (zk.delete('/no/way'),),
            (zk.create(e + '/child'),), (zk.create('bad'),),
            (zk.create(y, acl=[]),), (zk.create('/no/no'),),
            (zk.check('/no'),), (zk.check(p, 0), zk.check(p, 1)),
            (zk.set_data('/zookeeper/config', b''),),
            (zk.get_data(x),), (zk.create(y), zk.get_data(x)),
            (zk.set_acl(x),), (zk.ping(),), (zk.close_session(),),
            (zk.Request(55, b'\0\0\0\0'),), (zk.multi(zk.create(y)),)):
        steps.append(call(c, zk.multi(*ops)))
        steps.append(call(c, zk.get_children2(p), zk.get_data(x)))
    rule = 'createTTL flags in multi'
    for make in (zk.create, zk.create2):
        steps.append(differs(rule, c, zk.multi(make(y + '/q', flags=5)),
                             ['-5'], ['multi -1:-8']))
    for ops in ((), (zk.get_data(x), zk.get_children(p)),
                (zk.get_data('/no'), zk.get_children('/no')),
                (zk.get_data(x, True), zk.get_children(p, True)),
                (zk.get_data(''), zk.get_data('no')),
                (zk.get_data(None),), (zk.get_children(None),),
                (zk.create(y),), (zk.get_data(x), zk.delete(x)),
                (zk.exists(x),), (zk.get_children2(x),),
                (zk.get_acl(x),)):
        steps.append(call(c, zk.multi_read(*ops)))
    steps += [call(c, zk.Request(14, b'')), call(c, zk.Request(22, b'')),
              call('other', zk.set_data(x)), call(c, zk.ping())]
    # Under an ACL, and seen by a watcher.
    steps += [call('super', zk.create('/tx/a', b'', [ALICE])),
              call('watcher', zk.add_watch('/tx', 1))]
    for conn in ('plain', 'alice', 'super'):
        steps += [call(conn, zk.multi(zk.create(x + '/m'),
                                      zk.create('/tx/a/k'),
                                      zk.delete('/tx/a/k'),
                                      zk.delete(x + '/m'))),
                  call(conn, zk.multi(zk.check('/tx/a', 5)))]
    steps += [call('watcher', zk.remove_watches('/tx', 3))]
    return steps


def quotas():
    """Limits and sums under /zookeeper/quota."""
    c, q = 'plain', '/zookeeper/quota'
    limits, stats = '/zookeeper_limits', '/zookeeper_stats'

    def show(path):
        return [call(c, zk.get_data(q + path + limits)),
                call(c, zk.get_data(q + path + stats))]

    steps = [call(c, zk.create(p)) for p in ('/q', '/q/s', '/q/h', '/q/b')]
    steps += [call(c, zk.create('/q/s/old', b'12345')),
              call(c, zk.create(q + '/q'))]
    for name, text in (('/q/s', b'count=3,bytes=20'),
                       ('/q/h', b'count=-1,bytes=-1=;byteHardLimit=-1;'
                                b'countHardLimit=3'),
                       ('/q/b', b'count=-1,bytes=-1=;byteHardLimit=10;'
                                b'countHardLimit=-1')):
        steps += [call(c, zk.create(q + name)),
                  call(c, zk.create(q + name + limits, text)),
                  call(c, zk.create(q + name + stats,
                                    b'count=0,bytes=0'))]
        steps += show(name)
        for at in range(5):
            steps += [call(c, zk.create('%s/n%d' % (name, at), b'xyz'))]
            steps += show(name)
        steps += [call(c, zk.set_data(name + '/n0', b'longer data here')),
                  call(c, zk.set_data(name + '/n0', None)),
                  call(c, zk.multi(zk.create(name + '/m', b'mm'),
                                   zk.create(name + '/m2', b'mm'))),
                  call(c, zk.create(name + '/e', b'e', flags=1)),
                  call(c, zk.create(name + '/s', b'e', flags=3)),
                  call(c, zk.delete(name + '/n1')),
                  call(c, zk.delete(name + '/e'))]
        steps += show(name)
    # Changed and removed limits.
    steps += [call(c, zk.set_data(q + '/q/h' + limits,
                                  b'count=-1,bytes=-1=;byteHardLimit=-1;'
                                  b'countHardLimit=100')),
              call(c, zk.create('/q/h/after'))]
    steps += show('/q/h')
    steps += [call(c, zk.delete(q + '/q/b' + limits)),
              call(c, zk.create('/q/b/free', b'y' * 100)),
              call(c, zk.delete(q + '/q/b' + stats)),
              call(c, zk.create('/q/b/free2', b'y' * 100)),
              call(c, zk.delete(q + '/q/b'))]
    return steps


def cut_requests():
    """Requests that end too early, one at a time and in a row."""
    c, p = 'plain', '/cut'
    steps = [call(c, zk.create(p))]
    for request in (zk.create(p + '/x', b'abc'), zk.create2(p + '/x'),
                    zk.create_container(p + '/x'), zk.create_ttl(p + '/x'),
                    zk.delete(p), zk.set_data(p, b'abc'), zk.set_acl(p),
                    zk.exists(p), zk.get_data(p), zk.get_children(p),
                    zk.get_children2(p), zk.get_acl(p), zk.sync(p),
                    zk.reconfig('a'), zk.check_watches(p, 1),
                    zk.remove_watches(p, 1), zk.add_watch(p, 1),
                    zk.get_ephemerals(p), zk.get_all_children_number(p),
                    zk.set_watches(0, [p]), zk.set_watches2(0, [p]),
                    zk.multi(zk.create(p + '/x'), zk.delete(p + '/x'))):
        cuts = [request.cut(size)
                for size in range(0, len(request.body), 5)]
        steps += [call(c, cut) for cut in cuts]
        steps.append(call(c, *(cuts + [zk.ping()])))
    return steps


FIXED = (cast, sessions, each_operation, bad_acls, who_may_what,
         authentication, watches, watch_removal, watch_versions,
         filtered_events, transactions, quotas, cut_requests)


# ------------------------------------------------------------ random part

class Chance:
    """Draws steps; knows nothing of the servers' answers."""

    def __init__(self, rng):
        self.rng = rng
        self.names = [name for name, _ in CAST]
        self.auths = dict(CAST)
        self.extra = 0

    # -- pieces

    def path(self, region='/g', depth=3):
        count = self.rng.choice((1, 1, 2, 2, 2, 3)[:depth * 2])
        return region + ''.join('/' + self.rng.choice('abc')
                                for _ in range(count))

    def data(self):
        return self.rng.choice((b'', None, b'x', b'some data',
                                bytes(range(200)), b'z' * 5000))

    def version(self):
        return self.rng.choice((-1, -1, -1, -1, 0, 0, 1, 2, 3, 7))

    def flags(self):
        return self.rng.choice((0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 9))

    def acl(self):
        return self.rng.choice((
            zk.OPEN, zk.OPEN, AUTH, [ALICE], [BOB], [ALICE, BOB],
            zk.READ_ONLY, NOBODY, [], [zk.ACL(31, 'ip', '127.0.0.0/8')],
            [zk.ACL(31, 'ip', '10.1.1.1')],
            [zk.READ_ONLY[0], ALICE], [ALICE._replace(perms=17)],
            [zk.ACL(4, 'world', 'anyone'), BOB],
            [zk.ACL(self.rng.randrange(32), 'world', 'anyone')],
            [zk.ACL(31, 'digest', 'ab')], [zk.ACL(31, 'zzz', 'x')]))

    def write(self, path, acl=zk.OPEN):
        """One write; acl for what it creates."""
        kind = self.rng.randrange(20)
        if kind < 7:
            make = self.rng.choice((zk.create, zk.create2))
            return make(path, self.data(), acl, self.flags())
        if kind == 7:
            return zk.create_container(path, self.data(), acl)
        if kind == 8:
            return zk.create_ttl(path, self.data(), acl,
                                 self.rng.choice((5, 5, 6)),
                                 self.rng.choice((1 << 30, 1 << 39, 0,
                                                  1 << 40)))
        if kind < 13:
            return zk.set_data(path, self.data(), self.version())
        return zk.delete(path, self.version())

    def read(self, path, watch=False):
        make = self.rng.choice((
            zk.exists, zk.get_data, zk.get_data, zk.get_children,
            zk.get_children2, zk.get_acl, zk.sync, zk.get_ephemerals,
            zk.get_all_children_number))
        if make in (zk.exists, zk.get_data, zk.get_children,
                    zk.get_children2):
            return make(path, watch)
        return make(path)

    def transaction(self, region='/g'):
        ops = []
        for _ in range(self.rng.randrange(1, 6)):
            request = self.write(self.path(region))
            if request.op == 21 and self.rng.random() < 0.5:
                request = zk.check(self.path(region), self.version())
            ops.append(request)
        return zk.multi(*ops)

    # -- steps

    def general(self, conn):
        """Requests under /g, one or several in a segment."""
        rng = self.rng
        count = rng.choice((1, 1, 1, 2, 3, 8))
        requests = []
        for _ in range(count):
            draw = rng.random()
            path = self.path()
            if draw < 0.50:
                requests.append(self.write(path))
            elif draw < 0.85:
                requests.append(self.read(path, rng.random() < 0.5))
            elif draw < 0.93:
                requests.append(self.transaction())
            elif draw < 0.96:
                requests.append(zk.multi_read(*[
                    rng.choice((zk.get_data, zk.get_children))(self.path())
                    for _ in range(rng.randrange(4))]))
            else:
                requests.append(rng.choice((
                    zk.ping(), zk.who_am_i(), zk.sync('/g'),
                    zk.get_ephemerals('/g'))))
        return [call(conn, *requests)]

    def sequence(self, conn):
        """Sequential nodes, later changed by the names they got."""
        rng = self.rng
        if rng.random() < 0.5:
            flags = rng.choice((2, 3))
            return [call(conn, zk.create(
                self.path(depth=1) + rng.choice(('/', '/s-', '/n')),
                self.data(), flags=flags))]
        pick = rng.random()
        make = rng.choice((
            lambda path: zk.delete(path), lambda path: zk.get_data(path),
            lambda path: zk.set_data(path, b'seq'),
            lambda path: zk.create(path + '/kid', flags=2)))

        def late(player):
            known = player.sequential[-12:]
            return make(known[int(pick * len(known))])
        return [call(conn, late)]

    def access(self, conn):
        """Requests under /acl."""
        rng = self.rng
        path = self.path('/acl', 2)
        draw = rng.random()
        if draw < 0.35:
            return [call(conn, self.write(path, self.acl()))]
        if draw < 0.55:
            return [call(conn, zk.set_acl(path, self.acl(),
                                          rng.choice((-1, -1, 0, 1, 2))))]
        if draw < 0.65:
            # Sent together: the getData says whether READ is there.
            return [call(conn, zk.exists(path), zk.get_data(path))]
        if draw < 0.75:
            return [call(conn, zk.multi(self.write(path, self.acl()),
                                        zk.check(self.path('/acl', 2)),
                                        self.write(self.path('/acl', 2))))]
        request = self.read(path, rng.random() < 0.5)
        if request.op == 3:
            request = zk.get_acl(path)
        return [call(conn, request)]

    def own_watches(self, conn):
        """Standard watches that are checked and removed."""
        rng = self.rng
        region = '/w%d' % self.names.index(conn)
        path = self.path(region, 1)
        draw = rng.random()
        if draw < 0.35:
            return [call(conn, self.read(path, True))]
        if draw < 0.55:
            return [call(conn, rng.choice(
                (zk.check_watches, zk.remove_watches))(
                    path, rng.choice((1, 2, 3))))]
        return [call(rng.choice(self.names), self.write(path))]

    def standing_watches(self, conn):
        """Persistent and recursive watches."""
        rng = self.rng
        region = '/p%d' % self.names.index(conn)
        path = region + rng.choice(('', '/a', '/r', '/a/b', '/r/c', '/r/r'))
        draw = rng.random()
        if draw < 0.15:
            return [call(conn, zk.add_watch(
                path, zk.ADD_RECURSIVE if path.endswith('r')
                else zk.ADD_PERSISTENT))]
        if draw < 0.30:
            return [call(conn, rng.choice(
                (zk.check_watches, zk.remove_watches))(path, 3))]
        return [call(rng.choice(self.names), self.write(path))]

    def quota(self, conn):
        """Requests under /q and a look at the sums."""
        rng = self.rng
        base = rng.choice(('/q/s', '/q/h', '/q/b'))
        if rng.random() < 0.3:
            return [call(conn, zk.get_data(
                '/zookeeper/quota%s/zookeeper_%s' % (base, rng.choice(
                    ('stats', 'limits')))))]
        path = self.path(base, 1)
        return [call(conn, self.write(path))]

    def broken(self, conn):
        """A request cut short or with bytes behind it."""
        rng = self.rng
        request = rng.choice((self.write(self.path()),
                              self.read(self.path()),
                              self.transaction()))
        if rng.random() < 0.3:
            return [call(conn, request.padded(b'\0' * rng.randrange(9)))]
        return [call(conn, request.cut(rng.randrange(len(request.body))))]

    def reattach(self, conn):
        """Leaves and comes back, then asks for its watches."""
        rng = self.rng
        back = rng.randrange(30)

        def again(player):
            zxid = max(0, player.last_zxid - back)
            paths = list(watched)
            if recursive or persistent:
                return zk.set_watches2(zxid, paths[:2], paths[2:4],
                                       paths[4:], persistent, recursive)
            return zk.set_watches(zxid, paths[:2], paths[2:4], paths[4:])

        watched = [self.path() for _ in range(rng.randrange(7))]
        own = '/p%d' % self.names.index(conn)
        recursive = [own + '/r'] if rng.random() < 0.3 else []
        persistent = [own + '/a'] if rng.random() < 0.3 else []
        steps = []
        if rng.random() < 0.3:
            # The password is checked after the old connection is closed.
            steps += [Step('attach', 'thief', {
                'of': conn, 'passwd': b'?' * 16}), Step('closed', conn)]
        elif rng.random() < 0.5:
            steps.append(Step('drop', conn))
        steps.append(Step('attach', conn, {'of': conn}))
        steps += [call(conn, zk.auth('digest', data))
                  for data in self.auths[conn]]
        return steps + [call(conn, again)]

    def renew(self, conn):
        """Closes the session and begins another."""
        steps = [call(conn, zk.close_session(), closes=True),
                 Step('open', conn)]
        return steps + [call(conn, zk.auth('digest', data))
                        for data in self.auths[conn]]

    def expiry(self, _):
        """A session that ends by timeout and leaves ephemerals."""
        self.extra += 1
        path = '/x%d' % self.extra
        return [Step('open', 'brief', {'timeout': 600}),
                call('brief', zk.create(path, flags=1),
                     zk.create(self.path(), flags=1),
                     zk.create(self.path(), flags=3)),
                Step('expire', 'brief', path)]

    def steps(self, count):
        kinds = ((self.general, 48), (self.sequence, 8), (self.access, 16),
                 (self.own_watches, 9), (self.standing_watches, 9),
                 (self.quota, 5), (self.broken, 3), (self.reattach, 1.2),
                 (self.renew, 0.8))
        makers = [kind for kind, _ in kinds]
        weights = [weight for _, weight in kinds]
        out, done = [], 0
        pause = max(1, count // 4)
        mark = pause
        while done < count:
            maker = self.rng.choices(makers, weights)[0]
            if done > mark:
                # Waiting for an expiry takes a second: few of them.
                maker, mark = self.expiry, mark + pause
            more = maker(self.rng.choice(self.names))
            done += sum(step.requests() for step in more)
            out += more
        return out


def random_part(seed, count):
    """About count operations drawn from the seed."""
    chance = Chance(random.Random(seed))
    paths = ['/g', '/acl']
    for at in range(len(CAST)):
        paths += ['/w%d' % at, '/p%d' % at]
    return [call('plain', zk.create(path)) for path in paths] \
        + chance.steps(count)


def ending():
    """The whole tree, before and after a restart."""
    steps = [call(name, zk.ping()) for name, _ in CAST]
    steps += [Step('walk', 'super'),
              Step('restart', 'plain')]
    for name, auths in CAST[:4]:
        steps.append(Step('attach', name, {'of': name}))
        steps += [call(name, zk.auth('digest', data)) for data in auths]
    steps += [Step('walk', 'super')]
    steps += [call(name, zk.get_ephemerals()) for name, _ in CAST[:4]]
    steps += [call('plain', zk.create('/g/after-', flags=2)),
              call('alice', zk.close_session(), closes=True),
              Step('restart', 'plain', True),
              Step('attach', 'super', {'of': 'super'}),
              call('super', zk.auth('digest', SUPER)),
              Step('walk', 'super')]
    return steps


def script(seed, count):
    """The fixed part, about count random operations, the ending."""
    steps = []
    for part in FIXED:
        steps += part()
    return steps + random_part(seed, count) + ending()


def operations(steps):
    """How many operations a script holds."""
    return sum(step.requests() for step in steps)
