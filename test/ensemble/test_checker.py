#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""The checker of histories finds what it is there to find: a good history,
then the same with one thing wrong each time."""
import unittest

import checker
import ensemble
import history
from ensemble import zkwire

SESSION, OTHER = 0x100, 0x200
REGISTER, NODE, HELD = '/r', '/n/a.3', '/e/a.4'


def stat(czxid, mzxid, version=0, owner=0):
    return zkwire.Stat(czxid, mzxid, 0, 0, version, 0, 0, owner, 0, 0, 0)


class Story:
    """Operations one second apart, each half a second long."""

    def __init__(self):
        self.ops = []
        self.tree = {}
        self.live = {SESSION, OTHER}

    def op(self, kind, path, zxid=None, err=0, client='a', session=SESSION,
           seen=None, value=None, expect=-1, name=None):
        at = len(self.ops)
        op = history.Op(client, at, session, kind, path, float(at),
                        None, expect)
        op.value = value
        if zxid is not None:
            op.end, op.err, op.zxid = at + 0.5, err, zxid
            op.seen, op.name = seen, name
        self.ops.append(op)
        return op

    def set(self, value, version, zxid, **more):
        return self.op('set', REGISTER, zxid, value=value, seen=history.Seen(
            stat(1, zxid, version)), **more)

    def get(self, value, version, mzxid, zxid, **more):
        return self.op('get', REGISTER, zxid, seen=history.Seen(
            stat(1, mzxid, version), value), **more)

    def node(self, path, value, *numbers):
        self.tree[path] = ensemble.Node(value.encode(), None, stat(*numbers))

    def problems(self):
        return checker.Checker(self.ops, self.tree, self.live,
                               {'a': 4000, 'b': 4000}).run()


def good():
    story = Story()
    story.connect = story.op('connect', '1')
    story.connect.end, story.connect.err = 0.5, 0
    story.first = story.set('a.1', 1, 10)
    story.read = story.get('a.1', 1, 10, 10, client='b', session=OTHER)
    story.create = story.op('create', NODE, 11, value='a.3',
                            seen=history.Seen(stat(11, 11)))
    story.hold = story.op('ephemeral', HELD, 12, value='a.4',
                          seen=history.Seen(stat(12, 12, 0, SESSION)))
    story.multi = story.op('multi', '/m/a.5', 13, value='a.5')
    story.unsure = story.op('set', REGISTER, value='a.6')
    story.second = story.set('b.7', 3, 16, client='b', session=OTHER,
                             expect=2)
    story.refused = story.op('set', REGISTER, 17, err=-103, client='b',
                             session=OTHER, value='b.8', expect=2)
    story.sync = story.op('sync', '/', 17, client='a')
    story.found = story.op('exists', NODE, 17, seen=history.Seen(
        stat(11, 11)))
    story.gone = story.op('delete', NODE, 18)
    story.missed = story.op('exists', NODE, 18, err=-101)
    story.last = story.get('b.7', 3, 16, 18)
    story.node(REGISTER, 'b.7', 1, 16, 3)
    story.node(HELD, 'a.4', 12, 12, 0, SESSION)
    story.node('/m/a.5-a', 'a.5', 13, 13)
    story.node('/m/a.5-b', 'a.5', 13, 13)
    return story


class Checks(unittest.TestCase):
    def setUp(self):
        self.story = good()

    def assert_found(self, words):
        problems = self.story.problems()
        self.assertTrue(any(words in text for text in problems),
                        '%r is not in %s' % (words, problems))

    def test_a_good_history(self):
        self.assertEqual([], self.story.problems())

    def test_an_unsure_set_may_not_have_been_done(self):
        self.story.second.seen.version = self.story.last.seen.version = 2
        self.story.second.expect = 1
        self.story.node(REGISTER, 'b.7', 1, 16, 2)
        self.story.refused.expect = 1
        self.assertEqual([], self.story.problems())

    # ---- order

    def test_a_later_write_with_a_smaller_zxid(self):
        self.story.create.zxid = 9
        self.assert_found('began')

    def test_a_write_that_a_reader_saw_before(self):
        self.story.read.zxid = 11
        self.assert_found('began')

    def test_a_sync_that_is_behind(self):
        self.story.sync.zxid = 16
        self.assert_found('sync / err 0 zxid 0x10 (zxid 0x10) began')

    def test_zxids_of_a_session_fall(self):
        self.story.found.zxid = 13
        self.assert_found('zxids fall')

    def test_a_write_overtakes_one_that_was_not_answered(self):
        """The unsure one is seen with a zxid above that of a later one."""
        self.story.get('a.6', 4, 30, 30)
        self.story.node(REGISTER, 'a.6', 1, 30, 4)
        self.assert_found('overtook')

    # ---- registers

    def test_a_lost_set(self):
        self.story.node(REGISTER, 'a.1', 1, 10, 1)
        self.assert_found('version 1 is the last, but 3 was seen')

    def test_two_values_in_one_version(self):
        self.story.read.seen.value = 'a.9'
        self.assert_found('version 1 with zxid 0xa')

    def test_a_value_that_nobody_wrote(self):
        self.story.get('x.1', 2, 15, 18)
        self.assert_found('which nobody wrote')

    def test_a_version_that_nobody_wrote(self):
        self.story.ops.remove(self.story.unsure)
        self.assert_found('1 versions were written by nobody')

    def test_a_set_of_another_version(self):
        self.story.second.expect = 1
        self.assert_found('of version 1 made version 3')

    def test_a_refused_set_that_is_seen(self):
        self.story.get('b.8', 2, 15, 18)
        self.assert_found('was refused and is seen')

    def test_a_set_that_should_not_have_been_refused(self):
        self.story.refused.expect = 3
        self.assert_found('was refused, but version 3 was there')

    def test_versions_against_zxids(self):
        self.story.get('a.6', 2, 17, 18)
        self.assert_found('zxids of versions [2, 3] fall')

    # ---- reads

    def test_a_stale_read(self):
        self.story.last.seen = self.story.read.seen
        self.assert_found('but there was a newer one')

    def test_a_read_of_the_future(self):
        self.story.read.zxid = 9
        self.assert_found('shows zxid 0xa')

    def test_a_node_that_is_not_seen(self):
        self.story.found.err, self.story.found.seen = -101, None
        self.assert_found('was done, but')

    def test_a_node_that_is_seen_after_its_end(self):
        self.story.missed.err = 0
        self.story.missed.seen = self.story.found.seen
        self.assert_found('but it was deleted')

    # ---- nodes

    def test_a_lost_node(self):
        self.story.ops.remove(self.story.gone)
        self.assert_found('is lost')

    def test_a_node_that_comes_back(self):
        self.story.node(NODE, 'a.3', 11, 11)
        self.assert_found('is there, but')

    def test_half_a_multi(self):
        del self.story.tree['/m/a.5-b']
        self.assert_found('was done in part')

    def test_a_create_that_was_done_twice(self):
        self.story.op('sequential', '/s/n-', 20, value='a.20', name='/s/n-1',
                      seen=history.Seen(stat(20, 20)))
        self.story.node('/s/n-1', 'a.20', 20, 20)
        self.story.node('/s/n-2', 'a.20', 21, 21)
        self.assert_found('was done twice')

    # ---- sessions

    def test_the_ephemeral_of_a_dead_session(self):
        self.story.live = {OTHER}
        self.assert_found('its session 0x100 is not')

    def test_an_ephemeral_that_is_lost(self):
        del self.story.tree[HELD]
        self.assert_found('is lost')

    def test_a_session_that_ends_too_early(self):
        """2 s after its last sync, with a time-out of 4 s."""
        op = self.story.op('expired', '1')
        op.start, op.end = self.story.gone.start + 2.0, \
            self.story.gone.start + 2.1
        op.err = 0
        self.assert_found('is gone, 2.100 s')

    def test_a_session_that_ends_in_time(self):
        op = self.story.op('expired', '1')
        op.start, op.end = 50.0, 50.5
        op.err = 0
        self.story.live = {OTHER}
        del self.story.tree[HELD]
        self.assertEqual([], self.story.problems())


if __name__ == '__main__':
    unittest.main()
