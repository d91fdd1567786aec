/* SPDX-License-Identifier: Apache-2.0 */
/* client_core_internal.h: what client_core.c and client_requests.c share. */
#ifndef CLIENT_CLIENT_CORE_INTERNAL_H
#define CLIENT_CLIENT_CORE_INTERNAL_H

#include "client/client_core.h"

/* The code of what ends without an answer (Java: conLossPacket). */
int32_t client_core_loss(const struct client_core *core);
/* Tells the program of a state, if it is not the one told last. */
void client_core_tell_state(struct client_core *core, int32_t keeper_state);
/* Tells it of a node; 'path' is the server's. */
void client_core_tell_node(struct client_core *core, int32_t type,
                           int32_t keeper_state, int64_t zxid,
                           struct zk_slice path);
/* All that waits ends with client_core_loss; nothing is held any more. */
void client_core_fail_all(struct client_core *core);
/* The session stands: appends auths, watches and what was held. */
void client_core_flush_held(struct client_core *core);
/* One frame of an established session, without its length. */
int client_core_take_reply(struct client_core *core, const uint8_t *p,
                           size_t len, struct zk_errmsg *em) ZK_WARN_UNUSED;

#endif
