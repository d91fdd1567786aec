#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Many connections at once, each with many requests under way.

What a server answers depends on timing then, but not everything may:
every connection records its stream, and the promises that ZooKeeper makes
about order are checked on the records afterwards.
"""

import os
import random
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), 'lib'))

import harness                          # noqa: E402
import zkwire as zk                     # noqa: E402

CONNECTIONS = 8
BURSTS = 40
BURST = 25
NODES = 4


class Stream(threading.Thread):
    """One connection: sends bursts, records what comes back in order.

    record holds (request, Reply) and (None, Event) in the order received.
    """

    def __init__(self, server, name, base):
        super().__init__(daemon=True)
        self.rng = random.Random('%d %s' % (harness.seed(), name))
        self.base = base
        self.name = name
        self.conn = server.connect(timeout=40000)
        self.record = []
        self.error = None

    def run(self):
        try:
            for _ in range(BURSTS):
                requests = [self.pick() for _ in range(BURST)]
                asked = list(zip(self.conn.post(*requests), requests))
                self.collect(asked)
            self.collect([(zk.XID_PING, r) for r in [zk.ping()]
                          if self.conn.post(r)])
        except BaseException as error:
            self.error = error

    def collect(self, asked):
        while asked:
            message = self.conn.next()
            if isinstance(message, zk.Event):
                self.record.append((None, message))
                continue
            xid, request = asked.pop(0)
            if message.xid != xid:
                raise AssertionError('%s: reply to xid %d, expected %d (%s)'
                                     % (self.name, message.xid, xid,
                                        request))
            self.record.append((request, message))

    def pick(self):
        rng = self.rng
        shared = '%s/n%d' % (self.base, rng.randrange(NODES))
        draw = rng.random()
        if draw < 0.25:
            return zk.set_data(shared, self.name.encode())
        if draw < 0.30:
            # Fails unless the version happens to be right.
            return zk.set_data(shared, b'', rng.randrange(500))
        if draw < 0.60:
            return zk.get_data(shared, True)
        if draw < 0.68:
            return zk.create(self.base + '/seq/s-', flags=3)
        if draw < 0.74:
            return zk.get_children2(self.base + '/seq', True)
        if draw < 0.80:
            return zk.multi(zk.set_data(shared, b'm'),
                            zk.set_data(self.base + '/sum', b''))
        if draw < 0.85:
            return zk.multi(zk.set_data(shared, b'x'),
                            zk.check('/nowhere'))
        if draw < 0.90:
            return zk.sync(shared)
        if draw < 0.95:
            return zk.exists(shared, True)
        return zk.who_am_i()


class Ordering(harness.ServerCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        conn = cls.server.connect(timeout=40000)
        paths = ['/o', '/o/seq', '/o/sum']
        paths += ['/o/n%d' % n for n in range(NODES)]
        for path in paths:
            reply = conn.call(zk.create(path))
            assert reply.err == 0, reply
        cls.streams = [Stream(cls.server, 'c%d' % n, '/o')
                       for n in range(CONNECTIONS)]
        cls.first = conn.call(zk.ping()).zxid
        for stream in cls.streams:
            stream.start()
        for stream in cls.streams:
            stream.join(90)
            stream.conn.close()
        cls.last = conn.call(zk.ping()).zxid
        cls.final = {path: conn.call(zk.get_data(path)).body['stat']
                     for path in paths}
        conn.close()

    def records(self):
        for stream in self.streams:
            yield stream.name, stream.record

    @staticmethod
    def is_write(request):
        return request is not None and request.op in (1, 5, 14)

    def test_all_answered(self):
        """every request got its reply, in the order sent"""
        print('seed %d' % harness.seed())
        for stream in self.streams:
            self.assertIsNone(stream.error)
            replies = [r for q, r in stream.record if q is not None]
            self.assertEqual(len(replies), BURSTS * BURST + 1)

    def test_zxids_rise(self):
        """zxids never fall on a connection; writes of one rise"""
        for name, record in self.records():
            last = written = 0
            for request, reply in record:
                if request is None:
                    continue
                self.assertGreaterEqual(reply.zxid, last,
                                        (name, request, reply))
                last = reply.zxid
                if self.is_write(request):
                    self.assertGreater(reply.zxid, written)
                    written = reply.zxid

    def test_one_zxid_per_write(self):
        """each write, failed or not, has one zxid; no gaps, no doubles"""
        zxids = sorted(reply.zxid for _, record in self.records()
                       for request, reply in record
                       if self.is_write(request))
        self.assertEqual(zxids, list(range(self.first + 1,
                                           self.last + 1)))

    def changes(self):
        """(zxid, path, Stat after it) of every successful setData."""
        for _, record in self.records():
            for request, reply in record:
                if request is None or reply.err:
                    continue
                if request.op == 5:
                    yield (reply.zxid, zk.Reader(request.body).string(),
                           reply.body['stat'])
                elif request.op == 14:
                    for at, result in enumerate(reply.body['results']):
                        if result.type == 5:
                            path = request.text.split("'")[1] if at == 0 \
                                else '/o/sum'
                            yield reply.zxid, path, result.body['stat']

    def test_no_change_lost(self):
        """versions count the changes, in the order of their zxids"""
        per_path = {}
        for zxid, path, stat in sorted(self.changes()):
            self.assertEqual(stat.mzxid, zxid)
            per_path.setdefault(path, []).append(stat.version)
        self.assertEqual(len(per_path), NODES + 1)
        for path, versions in per_path.items():
            self.assertEqual(versions, list(range(1, len(versions) + 1)))
            self.assertEqual(self.final[path].version, len(versions))

    def test_sequence(self):
        """sequential names: no double, no gap, rising with the zxid"""
        made = sorted((reply.zxid, reply.body['path'])
                      for _, record in self.records()
                      for request, reply in record
                      if request is not None and request.op == 1)
        self.assertEqual([path for _, path in made],
                         ['/o/seq/s-%010d' % n for n in range(len(made))])

    def reads(self, record):
        """(place, path, Stat, watch) of what shows a node's state."""
        for place, (request, reply) in enumerate(record):
            if request is None or reply.err:
                continue
            if request.op in (3, 4, 12):
                reader = zk.Reader(request.body)
                path = reader.string()
                yield (place, path, reply.body['stat'], request.op)

    def test_reads_see_own_writes(self):
        """a read shows at least what the connection wrote or saw before"""
        for name, record in self.records():
            seen = {}
            for request, reply in record:
                if request is None or reply.err:
                    continue
                if request.op == 5:
                    path = zk.Reader(request.body).string()
                    seen[path] = reply.zxid
                elif request.op in (3, 4):
                    path = zk.Reader(request.body).string()
                    mzxid = reply.body['stat'].mzxid
                    self.assertGreaterEqual(mzxid, seen.get(path, 0),
                                            (name, request, reply))
                    self.assertLessEqual(mzxid, reply.zxid)
                    seen[path] = mzxid

    def test_events_before_new_state(self):
        """who watches a node hears of a change before seeing it"""
        events = 0
        for name, record in self.records():
            watched = {}        # (path, event type) -> zxid when set
            reads = {place: (path, stat, op)
                     for place, path, stat, op in self.reads(record)}
            for place, (request, message) in enumerate(record):
                if request is None:
                    events += 1
                    key = (message.path, message.type)
                    self.assertIn(key, watched, (name, message))
                    if self.newest:
                        self.assertGreater(message.zxid, watched[key])
                    del watched[key]
                    continue
                if place not in reads:
                    continue
                path, stat, op = reads[place]
                key = (path, 4 if op == 12 else 3)
                changed = stat.pzxid if op == 12 else stat.mzxid
                if key in watched:
                    self.assertLessEqual(changed, watched[key], (
                        '%s saw the change before the event' % name,
                        request, message))
                watched[key] = max(watched.get(key, 0), changed)
        self.assertGreater(events, CONNECTIONS)

    def test_events_carry_their_zxid(self):
        """an event's zxid is that of a change of its node [3.8: -1]"""
        changed = {(zxid, path) for zxid, path, _ in self.changes()}
        for _, record in self.records():
            for request, reply in record:
                if request is not None and request.op == 1:
                    changed.add((reply.zxid, '/o/seq'))
        for name, record in self.records():
            for request, event in record:
                if request is not None:
                    continue
                if self.newest:
                    self.assertIn((event.zxid, event.path), changed, name)
                else:
                    self.assertEqual(event.zxid, -1)


if __name__ == '__main__':
    harness.main(__name__)
