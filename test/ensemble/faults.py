# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""An ensemble in network namespaces, and what may happen to it.

A fault begins at its time, against the members that then have the role it
is meant for, and ends after its length.  A Plan is drawn from a seed, all of
it before anything happens.
"""

import collections
import random
import re
import threading
import time

import ensemble
import netns

QUORUM_PORT, ELECTION_PORT = 2888, 3888
NARROW = 'tbf rate 300kbit burst 6kb latency 3s'
SLOW = 'netem delay 60ms 20ms loss 1%'

REPORT = re.compile('Sanitizer|runtime error:')

# Shorter than a syncLimit of 2 s, or longer.
SHORT_S, LONG_S = (0.1, 1.5), (2.3, 5.0)


class Member(ensemble.Member):
    """A server in a namespace of its own; its clients are there, too."""

    def inside(self):
        return self.ensemble.net.inside(self.sid)

    def server_line(self):
        return '%s:%d:%d%s' % (
            self.ensemble.net.address(self.sid), QUORUM_PORT, ELECTION_PORT,
            ':observer' if self.observer else '')

    def start(self):
        with self.inside():
            return super().start()

    def word(self, word, timeout=5.0):
        with self.inside():
            return super().word(word, timeout)

    def connect(self, **fields):
        with self.inside():
            return super().connect(**fields)

    def can_be_hit(self):
        return self.alive() and not self.paused


class Ensemble(ensemble.Ensemble):
    """Of zkd; raises netns.Unavailable."""

    def __init__(self, voters, observers=0, **options):
        self.net = netns.Network(voters + observers)
        super().__init__(*['zkd'] * voters, observers=observers, **options)

    def make_member(self, sid, kind, observer):
        return Member(self, sid, kind, observer)

    def close(self):
        super().close()
        self.net.close()

    def check_alive(self):
        """Whom nobody has killed lives, and has no reports of sanitizers in
        its log, which end it only when it ends by itself."""
        for member in self:
            if member.process is not None:
                member.check_alive()
            with open(member.log_path, errors='replace') as log:
                reports = [line for line in log if REPORT.search(line)]
            if reports:
                self.fail('%r: %s' % (member, ''.join(reports[:5])))


# ---- the faults: each returns what ends it

def _kill(e, members):
    for member in members:
        member.kill()

    def end():
        for member in members:
            if not member.alive():
                member.start()
    return end


def _leave_one_out(e, members, rng):
    """All crash; all but one are back at once, and must know what that one
    has answered."""
    late = rng.choice(members)
    _kill(e, members)
    for member in members:
        if member is not late:
            member.start()
    return _kill(e, [late])


def _stop(e, members):
    """SIGTERM; it need not have come up."""
    for member in members:
        if member.can_be_hit():
            member.process.terminate()

    def end():
        for member in members:
            if member.process is not None and not member.paused:
                code = member.process.wait(ensemble.STOP_DEADLINE)
                if code not in (0, -15):
                    e.fail('%r ended with %d after SIGTERM' % (member, code))
                member.process = None
            if not member.alive():
                member.start()
    return end


def _pause(e, members):
    hit = [member for member in members if member.can_be_hit()]
    for member in hit:
        member.pause()

    def end():
        for member in hit:
            member.resume()
    return end


def _split(e, *groups):
    groups = [[member.sid for member in group] for group in groups]
    e.net.split(*groups)

    def end():
        for group in groups:
            for rest in groups:
                if rest is not group:
                    _mend(e, [(a, b) for a in group for b in rest])
    return end


def _mend(e, pairs):
    for one, other in pairs:
        e.net.mend(one, other)


def _cut(e, pairs):
    pairs = [(one.sid, other.sid) for one, other in pairs]
    for one, other in pairs:
        e.net.cut(one, other)
    return lambda: _mend(e, pairs)


def _unplug(e, members, at_hub):
    for member in members:
        e.net.unplug(member.sid, at_hub)

    def end():
        for member in members:
            e.net.plug(member.sid)
    return end


def _shape(e, members, discipline):
    for member in members:
        e.net.shape(member.sid, discipline)

    def end():
        for member in members:
            e.net.unshape(member.sid)
    return end


def _flap(e, member, rng):
    """Its link comes and goes."""
    ending = threading.Event()

    def run():
        while not ending.wait(rng.uniform(0.02, 0.6)):
            undo = _split(e, [member], others(e, member))
            ending.wait(rng.uniform(0.02, 0.6))
            undo()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def end():
        ending.set()
        thread.join()
    return end


# ---- whom they hit

def leader(e, rng):
    return e.leader() or rng.choice(e.voters())


def follower(e, rng):
    first = e.leader()
    return rng.choice([m for m in e.voters() if m is not first])


def anyone(e, rng):
    return rng.choice(list(e))


def majority(e, rng):
    voters = e.voters()
    return rng.sample(voters, len(voters) // 2 + 1)


def others(e, member):
    return [m for m in e if m is not member]


def _halves(e, rng):
    members = rng.sample(list(e), len(list(e)))
    at = rng.randint(1, len(members) - 1)
    return members[:at], members[at:]


def _bridge(e, rng):
    """One is reached by all; two groups do not see each other."""
    middle = anyone(e, rng)
    rest = rng.sample(others(e, middle), len(others(e, middle)))
    at = rng.randint(1, len(rest) - 1)
    return _split(e, rest[:at], rest[at:])


def _leader_with_few(e, rng):
    """The leader keeps one member, which is no quorum of five."""
    first = leader(e, rng)
    kept = [first, rng.choice(others(e, first))]
    if len(e.voters()) < 4:
        kept = [first]
    return _split(e, kept, [m for m in e if m not in kept])


def _one_way(e, one, many, out):
    return _cut(e, [(one, m) if out else (m, one) for m in many])


def _alone(e, member):
    return _split(e, [member], others(e, member))


Kind = collections.namedtuple('Kind', 'weight lengths begin')
QUICK, BOTH = (SHORT_S,), (SHORT_S, LONG_S)

KINDS = {
    'kill-one': Kind(3, QUICK, lambda e, r: _kill(e, [anyone(e, r)])),
    'kill-leader': Kind(5, QUICK, lambda e, r: _kill(e, [leader(e, r)])),
    'kill-leaders': Kind(3, QUICK, None),
    'kill-majority': Kind(2, QUICK, lambda e, r: _kill(e, majority(e, r))),
    'kill-all': Kind(2, QUICK, lambda e, r: _kill(e, list(e))),
    'kill-all-one-late': Kind(3, BOTH, lambda e, r: _leave_one_out(
        e, list(e), r)),
    'stop-one': Kind(1, QUICK, lambda e, r: _stop(e, [anyone(e, r)])),
    'stop-leader': Kind(1, QUICK, lambda e, r: _stop(e, [leader(e, r)])),
    'pause-one': Kind(2, BOTH, lambda e, r: _pause(e, [anyone(e, r)])),
    'pause-leader': Kind(4, BOTH, lambda e, r: _pause(e, [leader(e, r)])),
    'pause-majority': Kind(2, BOTH, lambda e, r: _pause(e, majority(e, r))),
    'pause-all': Kind(2, BOTH, lambda e, r: _pause(e, list(e))),
    'cut-one': Kind(2, BOTH, lambda e, r: _alone(e, anyone(e, r))),
    'cut-leader': Kind(5, BOTH, lambda e, r: _alone(e, leader(e, r))),
    'cut-leader-and-one': Kind(2, BOTH, _leader_with_few),
    'halves': Kind(4, BOTH, lambda e, r: _split(e, *_halves(e, r))),
    'bridge': Kind(3, BOTH, _bridge),
    'all-alone': Kind(2, BOTH, lambda e, r: _split(e, *([m] for m in e))),
    'dumb-leader': Kind(3, BOTH, lambda e, r: _one_way_leader(e, r, True)),
    'deaf-leader': Kind(3, BOTH, lambda e, r: _one_way_leader(e, r, False)),
    'one-way': Kind(2, BOTH, lambda e, r: _cut(e, [
        tuple(r.sample(list(e), 2))])),
    'flapping': Kind(2, BOTH, lambda e, r: _flap(e, anyone(e, r), r)),
    'flapping-leader': Kind(2, BOTH, lambda e, r: _flap(e, leader(e, r), r)),
    'unplugged': Kind(2, BOTH, lambda e, r: _unplug(e, [anyone(e, r)],
                                                    True)),
    'link-down': Kind(2, BOTH, lambda e, r: _unplug(e, [anyone(e, r)],
                                                    False)),
    'narrow': Kind(2, BOTH, lambda e, r: _shape(e, [
        m for m in e if m is leader(e, r) or r.random() < 0.5], NARROW)),
    'slow': Kind(2, BOTH, lambda e, r: _shape(e, list(e), SLOW)),
}


def _one_way_leader(e, rng, out):
    first = leader(e, rng)
    return _one_way(e, first, others(e, first), out)


class Fault:
    def __init__(self, kind, start, length, seed):
        self.kind, self.start, self.length = kind, start, length
        self.rng = random.Random(seed)

    def __str__(self):
        return '%s %.1f-%.1f' % (self.kind, self.start,
                                 self.start + self.length)


class Plan:
    """One to three faults, which may overlap, or several leaders that fall
    one after the other."""

    def __init__(self, seed, kinds):
        rng = random.Random(seed)
        kinds = [kind for kind in KINDS if kind in kinds]
        weights = [KINDS[kind].weight for kind in kinds]
        self.faults = []
        for n in range(rng.choice((1, 2, 2, 3))):
            self.add(rng, rng.choices(kinds, weights)[0],
                     rng.uniform(0.2, 0.6) + rng.uniform(0, 2.5) * n)

    def add(self, rng, kind, start):
        if kind == 'kill-leaders':
            for _ in range(rng.randint(3, 5)):
                self.faults.append(Fault('kill-leader', start,
                                         rng.uniform(0.05, 0.8),
                                         rng.random()))
                start += rng.uniform(0.1, 1.0)
            return
        self.faults.append(Fault(
            kind, start, rng.uniform(*rng.choice(KINDS[kind].lengths)),
            rng.random()))

    def __str__(self):
        return ', '.join(str(fault) for fault in self.faults)

    def play(self, e):
        """Plays it; at the end all members run and all links work."""
        began = time.monotonic()
        steps = [(fault.start, fault) for fault in self.faults]
        steps.sort(key=lambda step: step[0])
        ends = []
        try:
            while steps or ends:
                at, what = min(steps[:1] + ends[:1],
                               key=lambda step: step[0])
                time.sleep(max(0, began + at - time.monotonic()))
                if ends and what is ends[0][1]:
                    ends.pop(0)
                    what()
                    continue
                steps.pop(0)
                undo = KINDS[what.kind].begin(e, what.rng)
                ends.append((time.monotonic() - began + what.length, undo))
                ends.sort(key=lambda step: step[0])
        finally:
            for _, undo in ends:
                undo()
        e.net.heal()
        for member in e:
            member.resume()
        e.check_alive()
        e.start()
