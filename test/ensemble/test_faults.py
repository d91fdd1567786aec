#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Faults of seeded random, while clients note all they ask and are told.

Each round: clients on all members; one to three faults (see faults.py); all
is healed; the ensemble serves again in bounded time; all members hold one
tree; and the history keeps ZooKeeper's promises (see checker.py).

Environment:
  FAULT_SEED      of the first round (1); round n has the seed behind it
  FAULT_ROUNDS    how many, for three servers and for five (4)
  FAULT_SERVERS   3 or 5: only those
  FAULT_KINDS     only these kinds of faults, with commas between them
  FAULT_SECONDS   no new round begins after this time (50)
  FAULT_KEEP      where the folders of failures go (/tmp)

A round that fails names the seed to begin with and how many rounds to play:
an ensemble lives for ROUNDS_EACH rounds.  77 when network namespaces cannot
be made.
"""
import collections
import faulthandler
import os
import random
import re
import shutil
import sys
import time

import askers
import checker
import ensemble
import faults
import history
import netns

SERVERS = (3, 5)
ROUNDS_EACH = 10
ASKERS = 8
SHORT_MS, LONG_MS = 4000, 30000
RECOVERY_S = 40.0
# In the logs of members.
DEEDS = re.compile(r'- (LEADING|FOLLOWING|OBSERVING)$'
                   r'|gets (DIFF|TRUNC|SNAP)', re.MULTILINE)
CONFIG = {'tickTime': '200', 'initLimit': '25', 'syncLimit': '10',
          'maxSessionTimeout': '60000'}


def setting(name, default):
    return int(os.environ.get(name, default))


class Round:
    def __init__(self, e, seed, kinds):
        self.e, self.seed = e, seed
        self.plan = faults.Plan(seed, kinds)
        self.log = history.History()
        rng = random.Random(seed)
        names = ['s%d-c%d' % (seed, n) for n in range(ASKERS)]
        members = list(e)
        self.site = askers.Site('/round-%d' % seed, names)
        self.askers = [askers.Asker(
            e, self.site, self.log, name, members[n % len(members)],
            rng.random() < 0.3, SHORT_MS if n % 2 else LONG_MS,
            rng.random()) for n, name in enumerate(names)]

    def play(self):
        conn = self.conn()
        self.site.set_up(conn)
        ensemble.end_session(conn)
        for asker in self.askers:
            asker.start()
        try:
            self.plan.play(self.e)
            healed = time.monotonic()
            self.e.wait_settled(RECOVERY_S)
            self.recovery_s = time.monotonic() - healed
            for asker in self.askers:
                asker.settle()
            self.e.wait('all clients are answered', lambda: self.faults()
                        or all(a.settled for a in self.askers), RECOVERY_S)
            self.e.check_alive()
            self.e.wait('the ephemerals of dead sessions go',
                        self.no_dead_ephemerals, RECOVERY_S)
            self.tree = self.e.wait_same_trees()
            self.live = {a.session for a in self.askers}
        finally:
            for asker in self.askers:
                asker.ending.set()
            for asker in self.askers:
                asker.stop()
        if self.faults():
            self.e.fail('\n'.join(self.faults()))

    def conn(self):
        """To a member that serves."""
        def attempt():
            for member in self.e.alive():
                try:
                    return member.connect(timeout=LONG_MS)
                except (OSError, ensemble.zkwire.Closed,
                        ensemble.zkwire.Timeout):
                    pass
            return None
        return self.e.wait('a member serves', attempt, RECOVERY_S)

    def faults(self):
        return [a.fault for a in self.askers if a.fault]

    def no_dead_ephemerals(self):
        live = {a.session for a in self.askers}
        conn = self.conn()
        try:
            conn.call(ensemble.zkwire.sync('/'))
            path = self.site.below('e')
            names = conn.call(ensemble.zkwire.get_children(path)).body[
                'children']
            owners = set()
            for name in names:
                conn.post(ensemble.zkwire.exists(path + '/' + name))
            for name in names:
                reply = conn.next_reply()
                if reply.err == 0:
                    owners.add(reply.body['stat'].ephemeralOwner)
            return owners <= live
        except (OSError, ensemble.zkwire.Closed, ensemble.zkwire.Timeout):
            return False
        finally:
            ensemble.end_session(conn)

    def check(self):
        problems = checker.Checker(
            self.log.ops, self.tree, self.live,
            {a.name: a.timeout_ms for a in self.askers}).run()
        if problems:
            raise ensemble.Failed('%d broken promises:\n%s' % (
                len(problems), '\n'.join(problems[:30])))

    def clean(self):
        """Takes the round's nodes away."""
        conn = self.conn()
        paths = sorted((path for path in self.tree if path.startswith(
            self.site.path)), reverse=True)
        for at in range(0, len(paths), 100):
            some = paths[at:at + 100]
            conn.post(*(ensemble.zkwire.delete(path) for path in some))
            for _ in some:
                conn.next_reply()
        ensemble.end_session(conn)

    def summary(self):
        ops = self.log.ops
        return '%d asked, %d not answered, %d expired; serves after %.1f s' \
            % (len(ops), sum(op.unsure() for op in ops),
               sum(op.kind == 'expired' for op in ops), self.recovery_s)


class Run:
    """All rounds of one size of ensemble."""

    def __init__(self, servers, kinds):
        self.servers, self.kinds = servers, kinds
        self.e = None
        self.began_with = None

    def begin(self, seed):
        rng = random.Random(seed)
        observers = int(self.servers > 3 and rng.random() < 0.5)
        self.began_with = seed
        self.e = faults.Ensemble(
            self.servers - observers, observers, config=CONFIG,
            properties={
                'zookeeper.snapCount': rng.choice(('100', '1000', '100000')),
                'zookeeper.commitLogCount': rng.choice(('50', '10000')),
            })
        self.e.start()
        self.e.wait_settled()

    def end(self):
        if self.e is not None:
            self.report()
            self.e.close()
            self.e = None

    def report(self):
        """What its members went through."""
        counts = collections.Counter()
        for member in self.e:
            with open(member.log_path, errors='replace') as log:
                counts.update(''.join(found) for found
                              in DEEDS.findall(log.read()))
        print('%d servers: %s' % (self.servers, ', '.join(
            '%s %d' % item for item in sorted(counts.items()))), flush=True)

    def play(self, seed):
        """One round."""
        if self.e is None:
            self.begin(seed)
        this = Round(self.e, seed, self.kinds)
        print('%d servers, seed %d: %s' % (self.servers, seed, this.plan),
              flush=True)
        try:
            this.play()
            this.check()
            this.clean()
        except BaseException:
            self.keep(this)
            raise
        print('    ' + this.summary(), flush=True)
        if seed - self.began_with + 1 >= ROUNDS_EACH:
            self.end()

    def keep(self, this):
        folder = os.path.join(
            os.environ.get('FAULT_KEEP', '/tmp'),
            'zkd-faults.%d.%d' % (self.servers, this.seed))
        for member in self.e:
            member.kill()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.e.folder, folder)
        this.log.write(os.path.join(folder, 'history.json'))
        print('FAILED: FAULT_SERVERS=%d FAULT_SEED=%d FAULT_ROUNDS=%d; '
              'logs and history: %s' % (
                  self.servers, self.began_with,
                  this.seed - self.began_with + 1, folder), flush=True)


def kinds_of_faults():
    """What was asked for, without what the kernel has not got."""
    kinds = os.environ.get('FAULT_KINDS', ','.join(faults.KINDS)).split(',')
    net = netns.Network(1)
    try:
        for kind, discipline in (('slow', faults.SLOW),
                                 ('narrow', faults.NARROW)):
            if kind in kinds and not net.can_shape(discipline):
                print('no "%s" links: this kernel lacks `tc qdisc ... %s`' % (
                    kind, discipline.split()[0]))
                kinds.remove(kind)
    finally:
        net.close()
    return kinds


def main():
    try:
        kinds = kinds_of_faults()
    except netns.Unavailable as error:
        print('skipped: %s' % error)
        return 77
    seed = setting('FAULT_SEED', 1)
    rounds = setting('FAULT_ROUNDS', 4)
    servers = setting('FAULT_SERVERS', 0)
    runs = [Run(n, kinds) for n in SERVERS if servers in (0, n)]
    latest = time.monotonic() + setting('FAULT_SECONDS', 50)
    try:
        for n in range(rounds):
            for run in runs:
                if time.monotonic() > latest:
                    print('no time for more')
                    return 0
                run.play(seed + n)
    except (ensemble.Failed, OSError) as failed:
        print(failed)
        return 1
    finally:
        for run in runs:
            run.end()
    return 0


if __name__ == '__main__':
    faulthandler.dump_traceback_later(
        setting('ZK_TEST_LIMIT', 0) or setting('FAULT_SECONDS', 50) + 150,
        exit=True)
    sys.exit(main())
