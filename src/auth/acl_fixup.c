/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "auth/acl_check.h"

#include <stdlib.h>

#include "proto/keeper_error.h"

/* "auth" stands for as many entries as the requester has ids, and the
 * requester chooses both numbers: this bounds the product. */
#define AF_MAX_GROWTH ((size_t) 1 << 20)

/* Up to here duplicates are found by looking at each pair. */
#define AF_FEW 16

struct af_entry {
    struct acl_entry acl;
    bool duplicate;             /* Of one before it. */
};

static int
af_compare_slices(struct zk_slice a, struct zk_slice b)
{
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return a.len > 0 ? memcmp(a.p, b.p, (size_t) a.len) : 0;
}

static int
af_compare(const struct acl_entry *a, const struct acl_entry *b)
{
    int c;

    if (a->perms != b->perms) {
        return a->perms < b->perms ? -1 : 1;
    }
    c = af_compare_slices(a->scheme, b->scheme);
    return c != 0 ? c : af_compare_slices(a->id, b->id);
}

/* Equal entries in the order of the list. */
static int
af_compare_places(const void *a, const void *b)
{
    const struct af_entry *x = *(struct af_entry *const *) a;
    const struct af_entry *y = *(struct af_entry *const *) b;
    int c = af_compare(&x->acl, &y->acl);

    return c != 0 ? c : (x > y) - (x < y);
}

/* A client may send tens of thousands: sort, then compare neighbours. */
static void
af_mark_many(struct af_entry *list, size_t n)
{
    struct af_entry **sorted = zk_xmalloc(n * sizeof *sorted);

    for (size_t i = 0; i < n; i++) {
        sorted[i] = &list[i];
    }
    qsort(sorted, n, sizeof *sorted, af_compare_places);
    for (size_t i = 1; i < n; i++) {
        sorted[i]->duplicate =
            af_compare(&sorted[i - 1]->acl, &sorted[i]->acl) == 0;
    }
    free(sorted);
}

static void
af_mark_duplicates(struct af_entry *list, size_t n)
{
    if (n > AF_FEW) {
        af_mark_many(list, n);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        for (size_t k = 0; k < i && !list[i].duplicate; k++) {
            list[i].duplicate = af_compare(&list[k].acl, &list[i].acl) == 0;
        }
    }
}

struct af_output {
    const struct auth_options *opts;
    const struct auth_info *info;   /* NULL: nobody. */
    struct zk_buf *out;
    size_t at;                  /* Where the list begins. */
    size_t max_len;             /* of 'out' */
};

static int
af_add(struct af_output *o, int32_t perms, struct zk_slice scheme,
       struct zk_slice id)
{
    acl_encode_add(o->out, o->at, perms, scheme, id);
    return o->out->len <= o->max_len ? KE_OK : KE_INVALID_ACL;
}

/* One entry for each id that somebody vouches for; none is an error. */
static int
af_add_authenticated(struct af_output *o, int32_t perms)
{
    bool any = false;

    for (size_t i = 0; o->info != NULL && i < o->info->n; i++) {
        const struct auth_id *id = &o->info->ids[i];
        const struct auth_provider *p;

        p = auth_provider_find(o->opts, auth_id_scheme(id));
        if (p == NULL || !p->authenticated) {
            continue;
        }
        any = true;
        if (af_add(o, perms, auth_id_scheme(id), auth_id_text(id)) != KE_OK) {
            return KE_INVALID_ACL;
        }
    }
    return any ? KE_OK : KE_INVALID_ACL;
}

static int
af_add_entry(struct af_output *o, const struct acl_entry *e)
{
    bool world = zk_slice_eq_str(e->scheme, "world");
    const struct auth_provider *p;

    if (zk_slice_is_null(e->scheme)) {
        return KE_INVALID_ACL;
    }
    if (zk_slice_eq_str(e->scheme, "auth")) {
        return af_add_authenticated(o, e->perms);
    }
    p = auth_provider_find(o->opts, e->scheme);
    if ((world || p != NULL) && zk_slice_is_null(e->id)) {
        return KE_MARSHALLING;
    }
    if (world ? !zk_slice_eq_str(e->id, "anyone")
              : p == NULL || !p->is_valid(e->id)) {
        return KE_INVALID_ACL;
    }
    return af_add(o, e->perms, e->scheme, e->id);
}

/* Reads the list; its length goes to *n. */
static struct af_entry *
af_read(struct zk_slice acl, size_t *n)
{
    int32_t count = zk_slice_is_null(acl) ? 0 : acl_raw_count(acl);
    struct af_entry *list;
    struct acl_iter it;

    *n = 0;
    if (count <= 0) {
        return NULL;
    }
    list = zk_xcalloc((size_t) count, sizeof *list);
    acl_iter_init(&it, acl);
    while (acl_iter_next(&it, &list[*n].acl)) {
        if (++*n == (size_t) count) {
            break;
        }
    }
    af_mark_duplicates(list, *n);
    return list;
}

int
acl_fixup(const struct auth_options *opts, struct zk_slice acl,
          const struct auth_info *info, struct zk_buf *out)
{
    struct af_output o = { .opts = opts, .info = info, .out = out };
    size_t before = out->len;
    struct af_entry *list;
    size_t n;
    int rv;

    list = af_read(acl, &n);
    rv = n > 0 ? KE_OK : KE_INVALID_ACL;
    o.max_len = before + AF_MAX_GROWTH + (n > 0 ? (size_t) acl.len : 0);
    o.at = acl_encode_begin(out);
    for (size_t i = 0; i < n && rv == KE_OK; i++) {
        if (!list[i].duplicate) {
            rv = af_add_entry(&o, &list[i].acl);
        }
    }
    if (rv != KE_OK) {
        out->len = before;
    }
    free(list);
    return rv;
}
