/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_info.h: who a connection has proved to be.
 *
 * An immutable list of (scheme, id), shared by reference between the
 * connection and the requests it read while the list was in force; adding an
 * id makes a new list.  The first id is {"ip", address}.
 *
 * Thread-safety: references are atomic; the rest never changes.
 */
#ifndef AUTH_AUTH_INFO_H
#define AUTH_AUTH_INFO_H

#include <stdatomic.h>

#include "util/zk_obj.h"
#include "util/zk_slice.h"

struct jute_vec_id;

struct auth_id {
    char *scheme;               /* A NUL ends both, */
    char *id;
    int32_t scheme_len;
    int32_t id_len;             /* but an id may hold others. */
};

struct auth_info {
    unsigned magic;
#define AUTH_INFO_MAGIC 0x41757468
    atomic_uint refs;
    bool super;                 /* Holds an id of scheme "super". */
    size_t n;
    struct auth_id ids[];
};

/* A list of one id; one reference, the caller's. */
struct auth_info *auth_info_create(const char *scheme, const char *id);
/* The ids that came along with a learner's request, maybe none; null ones are
 * left out. */
struct auth_info *auth_info_of(const struct jute_vec_id *ids);
/* A new list with one more id behind; an id already there is not repeated.
 * 'info' itself keeps its references. */
struct auth_info *auth_info_add(const struct auth_info *info,
                                const char *scheme, struct zk_slice id);
/* The same ids in a list of its own. */
struct auth_info *auth_info_copy(const struct auth_info *info);
struct auth_info *auth_info_ref(struct auth_info *info);
/* NULL is fine. */
void auth_info_unref(struct auth_info *info);
/* True for an id of this scheme; false for no list. */
bool auth_info_has_scheme(const struct auth_info *info, const char *scheme);

static inline struct zk_slice
auth_id_scheme(const struct auth_id *id)
{
    return zk_slice(id->scheme, id->scheme_len);
}

static inline struct zk_slice
auth_id_text(const struct auth_id *id)
{
    return zk_slice(id->id, id->id_len);
}

#endif
