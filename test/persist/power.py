# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
"""Loss of power: what of a data folder is on the disk for certain.

A killed process loses nothing that it wrote; a machine that loses power keeps
what was synced, and of the rest what it likes.  The server runs over
test/lib/io_faults.c, which notes what it syncs; after it was killed, cut()
takes away what was not: whole files whose names were not synced, and behind
the synced part of others, sector by sector, at random.
"""

import os

SECTOR = 512


class Power:
    def __init__(self, folder, journal, random):
        self.folder = folder        # version-2
        self.journal = journal
        self.random = random
        self.names = set()
        self.keeps = (0.0, 0.0, 0.5, 0.9)   # How much luck a file has.
        self.cuts = 0               # Files that lost something, ever.

    def begin(self):
        """Before a start: all that is there is on the disk."""
        if os.path.exists(self.journal):
            os.unlink(self.journal)
        if os.path.isdir(self.folder):
            self.names = set(os.listdir(self.folder))

    def read_journal(self):
        """The synced ends of the files that this server made, by inode;
        the names are brought up to date on the way."""
        ends, listing = {}, None
        if not os.path.exists(self.journal):
            return ends
        with open(self.journal) as lines:
            for line in lines:
                word, _, rest = line.rstrip('\n').partition(' ')
                if word == 'new':
                    ends[int(rest)] = 0
                elif word == 'sync':
                    inode, end = map(int, rest.split())
                    if inode in ends:
                        ends[inode] = end
                elif word == 'dir':
                    listing = set() if os.path.realpath(rest) \
                        == os.path.realpath(self.folder) else None
                elif word == 'name' and listing is not None:
                    listing.add(rest)
                elif word == 'end' and listing is not None:
                    # Of two threads the one that looked first may be the
                    # last to write: a name stays once it was there.
                    self.names |= listing
                    listing = None
        return ends

    def cut(self):
        """After the server was killed."""
        ends = self.read_journal()
        for name in sorted(os.listdir(self.folder)):
            path = os.path.join(self.folder, name)
            st = os.stat(path)
            if name not in self.names:
                os.unlink(path)
                self.cuts += 1
            elif ends.get(st.st_ino, st.st_size) < st.st_size:
                self.tear(path, ends[st.st_ino])

    def tear(self, path, end):
        """Takes away some of what is behind 'end', or all."""
        with open(path, 'r+b') as out:
            data = bytearray(out.read())
            before = bytes(data)
            keep = self.random.choice(self.keeps)
            at = end
            while at < len(data):
                upto = min((at // SECTOR + 1) * SECTOR, len(data))
                if self.random.random() >= keep:
                    data[at:upto] = bytes(upto - at)
                at = upto
            size = len(data)
            if self.random.random() < 0.3:
                size = self.random.randrange(end, len(data) + 1)
            out.seek(0)
            out.write(data[:size])
            out.truncate(size)
            if bytes(data[:size]) != before:
                self.cuts += 1
