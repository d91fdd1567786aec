/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snap_format.h: the constants of a snapshot file (Java: FileSnap).
 *
 *   header    int magic "ZKSN", int version 2, long dbid (Java: -1, and
 *             ignored when read)
 *   sessions  int count, {long id, int timeout}*
 *   ACLs      int count, {long index, vector<ACL>}*
 *   nodes     {string path, buffer data, long ACL index, StatPersisted}*
 *   end       string "/"
 *   seal 1    long Adler-32 of all bytes before it, string "/"
 *   digest    long zxid, int version, long digest (a string of hex digits
 *             for versions before 2), seal              (since 3.6, optional)
 *   zxid      long last processed zxid, seal            (since 3.9, optional)
 *
 * What a leader sends behind SNAP is sessions, ACLs, nodes and end alone, and
 * a string as signature.
 */
#ifndef PERSISTENCE_SNAP_FORMAT_H
#define PERSISTENCE_SNAP_FORMAT_H

#define SNAP_MAGIC 0x5a4b534e
#define SNAP_VERSION 2
/* "zkd": the tree at one instant; see file_snap.h. */
#define SNAP_DBID 0x7a6b64
#define SNAP_HEADER_LEN 16
#define SNAP_SEAL_LEN 13        /* Adler-32 as a long, "/". */
#define SNAP_MIN_LEN 10         /* Java's pre-check. */
#define SNAP_STAT_LEN 60        /* StatPersisted. */
#define SNAP_SIGNATURE "BenWasHere"

#endif
