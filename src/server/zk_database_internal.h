/* SPDX-License-Identifier: Apache-2.0 */
/* zk_database_internal.h: the database as its own files see it. */
#ifndef SERVER_ZK_DATABASE_INTERNAL_H
#define SERVER_ZK_DATABASE_INTERNAL_H

#include "server/zk_database.h"

/* A tree of this database's kind, as new. */
struct data_tree *zk_database_new_tree(const struct zk_database *db);
/* It takes the place of the tree, which is freed.  No stages run. */
void zk_database_use_tree(struct zk_database *db, struct data_tree *tree);
/* The tree and the committed log from the folders, which are open.  On failure
 * the tree is a new one. */
int zk_database_restore(struct zk_database *db, struct restore_result *res,
                        struct zk_errmsg *em) ZK_WARN_UNUSED;

#endif
