/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "auth/auth_info.h"

#include <stdlib.h>
#include <string.h>

#include "jute/zookeeper_records.h"

/* Copies one text to *at, a NUL behind it, and moves *at past both. */
static char *
ai_put(char **at, struct zk_slice text)
{
    char *p = *at;

    memcpy(p, text.p, (size_t) text.len);
    p[text.len] = '\0';
    *at += text.len + 1;
    return p;
}

static void
ai_put_id(struct auth_info *info, char **at, struct zk_slice scheme,
          struct zk_slice id)
{
    struct auth_id *to = &info->ids[info->n++];

    to->scheme = ai_put(at, scheme);
    to->scheme_len = scheme.len;
    to->id = ai_put(at, id);
    to->id_len = id.len;
    if (zk_slice_eq_str(scheme, "super")) {
        info->super = true;
    }
}

/* The list 'old' (may be NULL) and one id, or only 'old' when 'id' is null.
 * One block of memory holds the list and all its texts. */
static struct auth_info *
ai_make(const struct auth_info *old, struct zk_slice scheme,
        struct zk_slice id)
{
    size_t n = old != NULL ? old->n : 0;
    size_t text = 0;
    struct auth_info *info;
    char *at;

    for (size_t i = 0; i < n; i++) {
        text += (size_t) old->ids[i].scheme_len
                + (size_t) old->ids[i].id_len + 2;
    }
    if (!zk_slice_is_null(id)) {
        text += (size_t) scheme.len + (size_t) id.len + 2;
    }
    info = zk_xcalloc(1, sizeof *info + (n + 1) * sizeof info->ids[0] + text);
    info->magic = AUTH_INFO_MAGIC;
    atomic_init(&info->refs, 1);
    at = (char *) &info->ids[n + 1];
    for (size_t i = 0; i < n; i++) {
        ai_put_id(info, &at, auth_id_scheme(&old->ids[i]),
                  auth_id_text(&old->ids[i]));
    }
    if (!zk_slice_is_null(id)) {
        ai_put_id(info, &at, scheme, id);
    }
    return info;
}

struct auth_info *
auth_info_create(const char *scheme, const char *id)
{
    return ai_make(NULL, zk_slice_str(scheme), zk_slice_str(id));
}

struct auth_info *
auth_info_of(const struct jute_vec_id *ids)
{
    size_t n = ids->n > 0 ? (size_t) ids->n : 0;
    size_t text = 0;
    struct auth_info *info;
    char *at;

    for (size_t i = 0; i < n; i++) {
        text += 2 + (ids->v[i].scheme.len > 0
                         ? (size_t) ids->v[i].scheme.len : 0)
                + (ids->v[i].id.len > 0 ? (size_t) ids->v[i].id.len : 0);
    }
    info = zk_xcalloc(1, sizeof *info + n * sizeof info->ids[0] + text);
    info->magic = AUTH_INFO_MAGIC;
    atomic_init(&info->refs, 1);
    at = (char *) &info->ids[n];
    for (size_t i = 0; i < n; i++) {
        if (!zk_slice_is_null(ids->v[i].scheme)
            && !zk_slice_is_null(ids->v[i].id)) {
            ai_put_id(info, &at, ids->v[i].scheme, ids->v[i].id);
        }
    }
    return info;
}

static bool
ai_has(const struct auth_info *info, struct zk_slice scheme,
       struct zk_slice id)
{
    for (size_t i = 0; i < info->n; i++) {
        if (zk_slice_eq(auth_id_scheme(&info->ids[i]), scheme)
            && zk_slice_eq(auth_id_text(&info->ids[i]), id)) {
            return true;
        }
    }
    return false;
}

struct auth_info *
auth_info_add(const struct auth_info *info, const char *scheme,
              struct zk_slice id)
{
    struct zk_slice s = zk_slice_str(scheme);

    ZK_CHECK(info, AUTH_INFO_MAGIC);
    zk_assert(!zk_slice_is_null(id));
    return ai_make(info, s, ai_has(info, s, id) ? ZK_SLICE_NULL : id);
}

struct auth_info *
auth_info_copy(const struct auth_info *info)
{
    ZK_CHECK(info, AUTH_INFO_MAGIC);
    return ai_make(info, ZK_SLICE_NULL, ZK_SLICE_NULL);
}

struct auth_info *
auth_info_ref(struct auth_info *info)
{
    ZK_CHECK(info, AUTH_INFO_MAGIC);
    atomic_fetch_add_explicit(&info->refs, 1, memory_order_relaxed);
    return info;
}

void
auth_info_unref(struct auth_info *info)
{
    unsigned before;

    if (info == NULL) {
        return;
    }
    ZK_CHECK(info, AUTH_INFO_MAGIC);
    before = atomic_fetch_sub_explicit(&info->refs, 1, memory_order_acq_rel);
    zk_assert(before > 0);
    if (before == 1) {
        info->magic = 0;
        free(info);
    }
}

bool
auth_info_has_scheme(const struct auth_info *info, const char *scheme)
{
    for (size_t i = 0; info != NULL && i < info->n; i++) {
        if (zk_slice_eq_str(auth_id_scheme(&info->ids[i]), scheme)) {
            return true;
        }
    }
    return false;
}
