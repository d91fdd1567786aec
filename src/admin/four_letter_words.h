/* SPDX-License-Identifier: Apache-2.0 */
/*
 * four_letter_words.h: what a client port answers to ruok, srvr, mntr and
 * their like (Java: FourLetterCommands, CommandExecutor).  The words are in
 * include/zookeeper/tbl/four_letter_words.h; scripts parse the answers, so
 * each line is laid out as Apache 3.9 does.
 *
 * A word is answered only when 4lw.commands.whitelist has it (or "*"); srvr
 * always is, and isro with readonlymode.enabled.  A word that is known but
 * not allowed is answered by a line that says so.
 *
 * Words are answered also while no server runs, each in its way.
 *
 * Thread-safety: the hook and the gauges from any thread; serve from one
 * thread at a time; everything else from the main thread.
 */
#ifndef ADMIN_FOUR_LETTER_WORDS_H
#define ADMIN_FOUR_LETTER_WORDS_H

#include "cnxn/server_cnxn_factory.h"

struct four_letter_words;

/* What a telnet client sends on ^C ("IP", "DM"): closes the connection. */
#define FOUR_LETTER_TELNET_CLOSE 0xfff4fffdU

/* 'config' is borrowed for the life of the words.  No server runs yet. */
struct four_letter_words *
four_letter_words_create(const struct server_config *config);
/* After serve(NULL, NULL); nobody may use the hook or read metrics any more.
 * NULL is fine. */
void four_letter_words_destroy(struct four_letter_words *w);
/* What server_cnxn_factory_create takes; borrowed. */
const struct four_letter_hook *
four_letter_words_hook(const struct four_letter_words *w);
/* What a member of an ensemble knows besides its server.  Called on any
 * thread, no lock held. */
struct ensemble_words {
    void *self;
    /* Appends lines of mntr: "zk_peer_state\tfollowing - broadcast\n". */
    void (*mntr)(void *self, struct zk_buf *out);
};
/* Before the port is started: the server belongs to an ensemble; 'e' is
 * copied. */
void four_letter_words_set_ensemble(struct four_letter_words *w,
                                    const struct ensemble_words *e);
/* The server that answers speak of, and its client port; registers its
 * gauges (server_gauges.h).  Both are borrowed until the next call.  With
 * NULL, NULL there is none any more: gauges go, answers under way are waited
 * for.  To be called so before either is destroyed, with no lock held. */
void four_letter_words_serve(struct four_letter_words *w,
                             struct zookeeper_server *zks,
                             struct server_cnxn_factory *factory);
/* May this word ("ruok") be answered? */
bool four_letter_words_allowed(const struct four_letter_words *w,
                               const char *word);

#endif
