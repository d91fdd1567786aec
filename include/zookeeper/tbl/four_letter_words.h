/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FOUR_LETTER_WORD(word, idle, what it answers).
 *
 * idle is what is answered while no server runs:
 *   ALWAYS   the word works without a server
 *   MESSAGE  "This ZooKeeper instance is not currently serving requests"
 *   BARE     the same without a newline
 *   NULLTEXT "null", no newline
 */
FOUR_LETTER_WORD(ruok, ALWAYS,   "imok")
FOUR_LETTER_WORD(srvr, MESSAGE,  "version, latency, counts, zxid, mode")
FOUR_LETTER_WORD(stat, MESSAGE,  "the same and a line for each connection")
FOUR_LETTER_WORD(mntr, MESSAGE,  "all metrics")
FOUR_LETTER_WORD(conf, MESSAGE,  "what the server was told")
FOUR_LETTER_WORD(cons, MESSAGE,  "all about each connection")
FOUR_LETTER_WORD(dump, MESSAGE,  "sessions, ephemeral nodes, connections")
FOUR_LETTER_WORD(envi, ALWAYS,   "host, user, folders, memory")
FOUR_LETTER_WORD(isro, NULLTEXT, "rw or ro")
FOUR_LETTER_WORD(dirs, MESSAGE,  "bytes in the two data folders")
FOUR_LETTER_WORD(wchs, MESSAGE,  "how many watches")
FOUR_LETTER_WORD(wchp, MESSAGE,  "watches by path")
FOUR_LETTER_WORD(wchc, MESSAGE,  "watches by session")
FOUR_LETTER_WORD(crst, MESSAGE,  "starts the connections' counts anew")
FOUR_LETTER_WORD(srst, MESSAGE,  "starts the server's counts anew")
FOUR_LETTER_WORD(gtmk, ALWAYS,   "the trace mask")
FOUR_LETTER_WORD(stmk, ALWAYS,   "sets the trace mask; 8 bytes follow")
FOUR_LETTER_WORD(hash, BARE,     "the digests of the tree at some zxids")
