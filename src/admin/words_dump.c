/* SPDX-License-Identifier: Apache-2.0 */
/* words_dump.c: dump: sessions, what they own, connections; hash: digests of
 * the tree that servers of an ensemble can be compared by (Java:
 * DumpCommand, DigestCommand). */
#include <config.h>

#include "admin/words.h"

#include <inttypes.h>

void
word_dump(const struct word_call *call, struct zk_buf *out)
{
    struct zk_database *db = zookeeper_server_database(call->zks);

    zk_buf_printf(out, "SessionTracker dump:\n");
    session_tracker_dump(zookeeper_server_sessions(call->zks), out);
    zk_buf_printf(out, "ephemeral nodes dump:\n");
    zk_read_lock(&db->lock);
    data_tree_dump_ephemerals(db->tree, out);
    zk_read_unlock(&db->lock);
    zk_buf_printf(out, "Connections dump:\n");
    server_cnxn_factory_dump(call->factory, out);
}

void
word_hash(const struct word_call *call, struct zk_buf *out)
{
    struct zk_database *db = zookeeper_server_database(call->zks);

    zk_read_lock(&db->lock);
    for (size_t i = db->digest_log_n; i > 0; i--) {
        const struct digest_log_entry *e;

        e = &db->digest_log[(db->digest_log_at + DIGEST_LOG_LIMIT - i)
                            % DIGEST_LOG_LIMIT];
        zk_buf_printf(out, "%" PRIx64 ": %" PRId64 "\n", (uint64_t) e->zxid,
                      e->digest);
    }
    zk_read_unlock(&db->lock);
}
