# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Networks of this test's own: a namespace per member, a bridge between them.

    net = netns.Network(3)              # members 1 to 3; Unavailable
    with net.inside(2):                 # this thread, until the end of it
        subprocess.Popen(...)           # lives in member 2's namespace
        socket.create_connection(('127.0.0.1', 2181))
    net.cut(1, 2)                       # what 1 sends, 2 does not get
    net.heal()

The namespaces have no names: they end with the processes and sockets in them
and with this process, however it ends, and nothing is left to be removed.

A cut is a wrong MAC address of the other member: the bridge delivers to
nobody, and no firewall is needed.  Loopback in a namespace works whatever
happens to its link, so clients there are never cut from their server.
"""

import contextlib
import ctypes
import os
import shutil
import subprocess

NEWNET = 0x40000000                     # CLONE_NEWNET
LINK = 'eth0'                           # Of each member.
NOBODY = '02:00:00:00:ff:ff'
libc = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    """Namespaces cannot be made here; says why."""


def _call(name, *args):
    if getattr(libc, name)(*args) != 0:
        error = ctypes.get_errno()
        raise OSError(error, '%s: %s' % (name, os.strerror(error)))


def _here():
    return os.open('/proc/thread-self/ns/net', os.O_RDONLY | os.O_CLOEXEC)


class Namespace:
    def __init__(self):
        home = _here()
        try:
            _call('unshare', NEWNET)
            self.fd = _here()
            _call('setns', home, NEWNET)
        finally:
            os.close(home)

    @contextlib.contextmanager
    def inside(self):
        """The calling thread, and what it starts, are in it meanwhile."""
        home = _here()
        try:
            _call('setns', self.fd, NEWNET)
            try:
                yield
            finally:
                _call('setns', home, NEWNET)
        finally:
            os.close(home)

    def run(self, program, *lines):
        """Lines of `ip` or `tc`, each without that word."""
        with self.inside():
            ran = subprocess.run(
                [program, '-batch', '-'], stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, universal_newlines=True,
                input='\n'.join(lines) + '\n', check=False)
        if ran.returncode != 0:
            raise OSError('%s: %s: %s' % (program, '; '.join(lines),
                                          ran.stdout.strip()))

    def path(self):
        return '/proc/%d/fd/%d' % (os.getpid(), self.fd)

    def close(self):
        os.close(self.fd)


class Network:
    def __init__(self, n):
        if shutil.which('ip') is None or shutil.which('tc') is None:
            raise Unavailable('iproute2 is not installed')
        self.sids = range(1, n + 1)
        self.dropped = set()            # (from, to)
        self.spaces = {}
        try:
            self.hub = Namespace()
        except OSError as error:
            raise Unavailable('no network namespace: %s' % error)
        try:
            self.hub.run('ip', 'link add name hub type bridge '
                         'forward_delay 0 stp_state 0 mcast_snooping 0',
                         'link set hub up')
            for sid in self.sids:
                self._add(sid)
        except OSError as error:
            self.close()
            raise Unavailable('no network: %s' % error)

    def _add(self, sid):
        space = self.spaces[sid] = Namespace()
        self.hub.run(
            'ip', 'link add name port%d type veth peer name %s address %s'
            % (sid, LINK, self.mac(sid)),
            'link set %s netns %s' % (LINK, space.path()),
            'link set port%d master hub' % sid, 'link set port%d up' % sid)
        space.run('ip', 'link set lo up', 'link set %s up' % LINK,
                  'address add %s/24 dev %s' % (self.address(sid), LINK))
        self._neighbours(sid)

    def address(self, sid):
        return '10.97.0.%d' % sid

    def mac(self, sid):
        return '02:00:00:00:00:%02x' % sid

    def inside(self, sid):
        return self.spaces[sid].inside()

    def close(self):
        for space in [self.hub, *self.spaces.values()]:
            space.close()
        self.spaces = {}

    # ---- faults

    def _neighbours(self, sid):
        """What 'sid' takes the others' MAC addresses for."""
        self.spaces[sid].run('ip', *(
            'neighbour replace %s lladdr %s dev %s nud permanent' % (
                self.address(to), NOBODY if (sid, to) in self.dropped
                else self.mac(to), LINK)
            for to in self.sids if to != sid))

    def cut(self, one, other):
        """Drops what 'one' sends to 'other'."""
        self.dropped.add((one, other))
        self._neighbours(one)

    def split(self, *groups):
        """Members of different groups get nothing from each other."""
        for group in groups:
            for one in group:
                self.dropped |= {(one, other) for rest in groups
                                 if rest is not group for other in rest}
                self._neighbours(one)

    def mend(self, one, other):
        self.dropped.discard((one, other))
        self._neighbours(one)

    def unplug(self, sid, at_hub):
        """Takes the link down, at the bridge (the cable) or in the member's
        namespace (its routes go, too)."""
        if at_hub:
            self.hub.run('ip', 'link set port%d down' % sid)
        else:
            self.spaces[sid].run('ip', 'link set %s down' % LINK)

    def plug(self, sid):
        self.hub.run('ip', 'link set port%d up' % sid)
        self.spaces[sid].run('ip', 'link set %s up' % LINK)
        self._neighbours(sid)           # Taking it down forgets them.

    def shape(self, sid, discipline):
        """A queueing discipline of tc for both directions of the link."""
        self.hub.run('tc', 'qdisc replace dev port%d root %s' % (
            sid, discipline))
        self.spaces[sid].run('tc', 'qdisc replace dev %s root %s' % (
            LINK, discipline))

    def unshape(self, sid):
        self.shape(sid, 'pfifo limit 1000')

    def can_shape(self, discipline):
        try:
            self.shape(self.sids[0], discipline)
        except OSError:
            return False
        self.unshape(self.sids[0])
        return True

    def heal(self):
        """All links as they were at first."""
        self.dropped.clear()
        for sid in self.sids:
            self.plug(sid)
            self.unshape(sid)
