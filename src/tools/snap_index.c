/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "tools/snap_index.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persistence/snap_format.h"
#include "tools/java_order.h"
#include "tools/progress.h"
#include "tools/snap_index_internal.h"
#include "util/zk_io.h"

/* How much of a path an error message shows. */
#define SI_PATH_SHOWN 200
/* Java: DataNode's HashSet, and a plain HashMap. */
#define SI_CHILDREN_CAPACITY 8
#define SI_SESSIONS_CAPACITY 16
#define SI_SPOOL_PIECE (1 << 20)
#define SI_MIN_SLOTS 1024

/* ---- the table of names ------------------------------------------------ */

static uint32_t
si_tag(const struct snap_index *ix, uint32_t parent, struct zk_slice name)
{
    uint64_t h = sip_hash(&ix->key, name.p, (size_t) name.len)
                 ^ parent * UINT64_C(0x9e3779b97f4a7c15);

    return (uint32_t) (h ^ h >> 32);
}

/* The slot that holds the child, or the free one where it would be. */
static struct snap_index_slot *
si_slot(const struct snap_index *ix, uint32_t tag, uint32_t parent,
        struct zk_slice name)
{
    size_t mask = ix->n_slots - 1;

    for (size_t at = tag & mask;; at = (at + 1) & mask) {
        struct snap_index_slot *slot = &ix->slots[at];

        if (slot->node == SNAP_INDEX_NONE
            || (slot->tag == tag && ix->v[slot->node].parent == parent
                && zk_slice_eq(snap_index_name(ix, slot->node), name))) {
            return slot;
        }
    }
}

/* Makes room for one more. */
static void
si_grow_slots(struct snap_index *ix)
{
    struct snap_index_slot *old = ix->slots;
    size_t n = ix->n_slots;
    size_t at, mask;

    if (ix->n < n / 4 * 3) {
        return;
    }
    ix->n_slots = n == 0 ? SI_MIN_SLOTS : n * 2;
    mask = ix->n_slots - 1;
    ix->slots = zk_xmalloc(ix->n_slots * sizeof *ix->slots);
    memset(ix->slots, 0xff, ix->n_slots * sizeof *ix->slots);
    for (size_t i = 0; i < n; i++) {
        if (old[i].node != SNAP_INDEX_NONE) {
            at = old[i].tag & mask;
            while (ix->slots[at].node != SNAP_INDEX_NONE) {
                at = (at + 1) & mask;
            }
            ix->slots[at] = old[i];
        }
    }
    free(old);
}

static uint32_t
si_child(const struct snap_index *ix, uint32_t parent, struct zk_slice name)
{
    return ix->n_slots == 0
           ? SNAP_INDEX_NONE
           : si_slot(ix, si_tag(ix, parent, name), parent, name)->node;
}

uint32_t
snap_index_find(const struct snap_index *ix, struct zk_slice path)
{
    uint32_t node = 0;
    int32_t at = 0;

    if (zk_slice_eq_str(path, "/")) {
        return 0;
    }
    while (at < path.len) {
        int32_t start = ++at;

        if (path.p[start - 1] != '/') {
            return SNAP_INDEX_NONE;
        }
        while (at < path.len && path.p[at] != '/') {
            at++;
        }
        node = si_child(ix, node, zk_slice(path.p + start, at - start));
        if (node == SNAP_INDEX_NONE) {
            return node;
        }
    }
    return node;
}

/* ---- filling ----------------------------------------------------------- */

/* The node with the path in front of another's last slash.  Most nodes have
 * the parent of the one before. */
static uint32_t
si_find_parent(struct snap_index *ix, struct zk_slice parent)
{
    struct zk_buf *known = &ix->last_parent_path;

    if (parent.len == 0) {
        return 0;
    }
    if ((int32_t) known->len == parent.len
        && memcmp(known->data, parent.p, known->len) == 0) {
        return ix->last_parent;
    }
    ix->last_parent = snap_index_find(ix, parent);
    zk_buf_clear(known);
    if (ix->last_parent != SNAP_INDEX_NONE) {
        zk_buf_append(known, parent.p, (size_t) parent.len);
    }
    return ix->last_parent;
}

/* A new node, not yet in the table of names. */
static int
si_add(struct snap_index *ix, uint32_t parent, struct zk_slice name,
       uint32_t *node, struct zk_errmsg *em)
{
    if (ix->n == SNAP_INDEX_NONE - 1
        || ix->names.len + (size_t) name.len > UINT32_MAX) {
        return zk_fail(em, ZK_ETOOBIG, "more nodes than this tool can hold");
    }
    if (ix->n == ix->cap) {
        ix->cap = ix->cap == 0 ? 1024 : ix->cap * 2;
        ix->v = zk_xrealloc(ix->v, ix->cap * sizeof *ix->v);
    }
    *node = ix->n;
    ix->v[ix->n++] = (struct snap_index_node) {
        .parent = parent, .name = (uint32_t) ix->names.len,
        .hash = java_string_hash(name),
    };
    zk_buf_append(&ix->names, name.p, (size_t) name.len);
    return ZK_OK;
}

/* Finds or makes a child.  Of two nodes with one path the later counts, as in
 * Java. */
static int
si_place_child(struct snap_index *ix, uint32_t parent, struct zk_slice name,
               uint32_t *node, struct zk_errmsg *em)
{
    uint32_t tag = si_tag(ix, parent, name);
    struct snap_index_slot *slot;
    int rv;

    si_grow_slots(ix);
    slot = si_slot(ix, tag, parent, name);
    if (slot->node != SNAP_INDEX_NONE) {
        *node = slot->node;
        return ZK_OK;
    }
    rv = si_add(ix, parent, name, node, em);
    if (rv == ZK_OK) {
        *slot = (struct snap_index_slot) { tag, *node };
        ix->v[parent].n_children++;
    }
    return rv;
}

/* Finds or makes the place of a path. */
static int
si_place(struct snap_index *ix, struct zk_slice path, uint32_t *node,
         struct zk_errmsg *em)
{
    const char *slash = memrchr(path.p, '/', (size_t) path.len);
    uint32_t parent = SNAP_INDEX_NONE;

    if (path.len == 0) {
        *node = 0;
        return ix->n > 0 ? ZK_OK
                         : si_add(ix, SNAP_INDEX_NONE, path, node, em);
    }
    if (slash != NULL && ix->n > 0) {
        parent = si_find_parent(ix, zk_slice(path.p,
                                             (int32_t) (slash - path.p)));
    }
    if (parent == SNAP_INDEX_NONE) {
        return zk_fail(em, ZK_ECORRUPT, "no parent of %.*s stands before it",
                       path.len < SI_PATH_SHOWN ? path.len : SI_PATH_SHOWN,
                       path.p);
    }
    return si_place_child(ix, parent,
                          zk_slice(slash + 1, path.len - (int32_t)
                                   (slash + 1 - path.p)), node, em);
}

static int
si_spool_write(struct snap_index *ix, struct zk_errmsg *em)
{
    int rv = zk_write_all(ix->fd, ix->spool.data, ix->spool.len,
                          "temporary file", em);

    ix->spooled += (int64_t) ix->spool.len;
    zk_buf_clear(&ix->spool);
    return rv;
}

/* Where the record can be read again. */
static int
si_keep(struct snap_index *ix, const struct snap_node *node, int64_t *offset,
        struct zk_errmsg *em)
{
    *offset = node->offset;
    if (!ix->spooling) {
        return ZK_OK;
    }
    *offset = ix->spooled + (int64_t) ix->spool.len;
    zk_buf_append(&ix->spool, node->record, node->record_len);
    return ix->spool.len < SI_SPOOL_PIECE ? ZK_OK : si_spool_write(ix, em);
}

static struct snap_index_session *
si_session(struct snap_index *ix, int64_t id)
{
    struct snap_index_session *s;

    HASH_FIND(hh, ix->by_id, &id, sizeof id, s);
    return s;
}

static void
si_on_session(void *self, int64_t id, int32_t timeout_ms)
{
    struct snap_index *ix = self;
    struct snap_index_session *s = si_session(ix, id);

    if (s == NULL) {
        s = zk_xcalloc(1, sizeof *s);
        s->s.id = id;
        HASH_ADD(hh, ix->by_id, s.id, sizeof s->s.id, s);
    }
    s->s.timeout_ms = timeout_ms;
}

static int
si_on_node(void *self, const struct snap_node *node, struct zk_errmsg *em)
{
    struct snap_index *ix = self;
    uint32_t before = ix->n;
    struct snap_index_session *s;
    uint32_t at;
    int rv;

    rv = si_place(ix, node->path, &at, em);
    if (rv != ZK_OK) {
        return rv;
    }
    ix->v[at].data_len = node->data.len > 0 ? node->data.len : 0;
    rv = si_keep(ix, node, &ix->v[at].offset, em);
    if (ix->n > before && node->stat.ephemeral_owner != 0) {
        s = si_session(ix, node->stat.ephemeral_owner);
        if (s != NULL) {
            s->s.ephemerals++;
        }
    }
    return rv;
}

static void
si_on_progress(void *self, int64_t bytes)
{
    struct snap_index *ix = self;

    progress_update(ix->progress, bytes);
}

/* ---- what is done at the end ------------------------------------------- */

/* Lists the children of each node in the order of the file. */
static void
si_link(struct snap_index *ix)
{
    uint32_t at = 0;

    ix->order = zk_xmalloc((ix->n + 1) * sizeof *ix->order);
    for (uint32_t i = 0; i < ix->n; i++) {
        ix->v[i].first = at;
        at += ix->v[i].n_children;
        ix->v[i].n_children = 0;
    }
    for (uint32_t i = 1; i < ix->n; i++) {
        struct snap_index_node *parent = &ix->v[ix->v[i].parent];

        ix->order[parent->first + parent->n_children++] = i;
    }
}

/* Puts the children of each node into Java's order. */
static void
si_sort(struct snap_index *ix)
{
    struct java_entry *e = NULL;
    uint32_t cap = 0;

    for (uint32_t i = 0; i < ix->n; i++) {
        const struct snap_index_node *in = &ix->v[i];

        if (in->n_children > cap) {
            cap = in->n_children;
            e = zk_xrealloc(e, cap * sizeof *e);
        }
        for (uint32_t k = 0; k < in->n_children; k++) {
            e[k].item = ix->order[in->first + k];
            e[k].hash = ix->v[e[k].item].hash;
        }
        java_hash_order(e, in->n_children, SI_CHILDREN_CAPACITY);
        for (uint32_t k = 0; k < in->n_children; k++) {
            ix->order[in->first + k] = e[k].item;
            ix->v[e[k].item].place = in->first + k;
        }
    }
    free(e);
}

static void
si_list_sessions(struct snap_index *ix)
{
    size_t n = HASH_COUNT(ix->by_id);
    struct java_entry *e = zk_xcalloc(n + 1, sizeof *e);
    struct snap_index_session **all = zk_xcalloc(n + 1, sizeof *all);
    struct snap_index_session *s;
    size_t i = 0;

    for (s = ix->by_id; s != NULL; s = s->hh.next, i++) {
        all[i] = s;
        e[i] = (struct java_entry) { java_long_hash(s->s.id), (uint32_t) i };
    }
    java_hash_order(e, n, SI_SESSIONS_CAPACITY);
    ix->sessions = zk_xcalloc(n + 1, sizeof *ix->sessions);
    ix->n_sessions = n;
    for (i = 0; i < n; i++) {
        ix->sessions[i] = all[e[i].item]->s;
    }
    free(all);
    free(e);
}

/* ---- opening and closing ----------------------------------------------- */

/* A file without a name, for what a compressed snapshot holds. */
static int
si_open_spool(int *fd, struct zk_errmsg *em)
{
    const char *dir = getenv("TMPDIR");
    char *path = zk_xasprintf("%s/zktool.XXXXXX",
                              dir != NULL && *dir != '\0' ? dir
                                                          : "/var/tmp");
    int rv = ZK_OK;

    *fd = mkostemp(path, O_CLOEXEC);
    if (*fd < 0) {
        rv = zk_fail_errno(em, "%s: create", path);
    } else {
        unlink(path);
    }
    free(path);
    return rv;
}

static bool
si_is_packed(const char *path)
{
    const char *dot = strrchr(path, '.');

    return dot != NULL && (strcmp(dot, ".gz") == 0
                           || strcmp(dot, ".snappy") == 0);
}

static int
si_open(struct snap_index *ix, struct zk_errmsg *em)
{
    if (!ix->opts.content) {
        return ZK_OK;
    }
    ix->spooling = si_is_packed(ix->path);
    if (ix->spooling) {
        return si_open_spool(&ix->fd, em);
    }
    ix->fd = open(ix->path, O_RDONLY | O_CLOEXEC);
    return ix->fd >= 0 ? ZK_OK : zk_fail_errno(em, "%s: open", ix->path);
}

static int
si_scan(struct snap_index *ix, struct zk_errmsg *em)
{
    const struct snap_visitor visitor = {
        .self = ix, .session = si_on_session, .node = si_on_node,
        .progress = si_on_progress,
    };
    struct file_snap_info info;
    struct progress bar;
    struct stat st;
    int rv;

    progress_start(&bar, "reading",
                   stat(ix->path, &st) == 0 ? (int64_t) st.st_size : 0);
    ix->progress = &bar;
    rv = file_snap_scan(ix->path, ix->opts.max_buffer, &visitor, &info, em);
    progress_end(&bar);
    ix->progress = NULL;
    ix->whole = info.content_whole;
    return rv;
}

/* Whether what was read is worth showing, after a failure. */
static int
si_judge(const struct snap_index *ix, int rv, struct zk_errmsg *damage,
         const struct zk_errmsg *why, struct zk_errmsg *em)
{
    damage->text[0] = '\0';
    if (rv == ZK_OK && ix->n > 0) {
        return ZK_OK;
    }
    if (rv == ZK_OK) {
        return zk_fail(em, ZK_ECORRUPT, "%s: no nodes in it", ix->path);
    }
    if (ix->n > 0 && (ix->whole || ix->opts.partial)) {
        zk_fail(damage, rv, "%s", why->text);
        return ZK_OK;
    }
    if (ix->n > 0) {
        zk_fail(damage, rv, "%s", why->text);
    }
    return zk_fail(em, rv, "%.400s%s", why->text,
                   ix->n == 0 ? "" : "; some nodes before it can be read");
}

int
snap_index_read(const char *path, const struct snap_index_options *opts,
                struct snap_index **out, struct zk_errmsg *damage,
                struct zk_errmsg *em)
{
    struct snap_index *ix = zk_xcalloc(1, sizeof *ix);
    struct zk_errmsg why = { "" };
    int rv;

    ix->magic = SNAP_INDEX_MAGIC;
    ix->path = zk_xstrdup(path);
    ix->opts = *opts;
    ix->fd = -1;
    sip_key_random(&ix->key);
    rv = si_open(ix, &why);
    if (rv == ZK_OK) {
        rv = si_scan(ix, &why);
    }
    rv = si_judge(ix, rv, damage, &why, em);
    if (rv == ZK_OK && ix->spool.len > 0) {
        rv = si_spool_write(ix, em);
    }
    if (rv != ZK_OK) {
        snap_index_destroy(ix);
        return rv;
    }
    zk_buf_fini(&ix->spool);
    si_link(ix);
    si_sort(ix);
    si_list_sessions(ix);
    snap_index_count_quotas(ix);
    *out = ix;
    return ZK_OK;
}

void
snap_index_destroy(struct snap_index *ix)
{
    struct snap_index_session *s, *next;

    if (ix == NULL) {
        return;
    }
    ZK_CHECK(ix, SNAP_INDEX_MAGIC);
    HASH_ITER(hh, ix->by_id, s, next) {
        HASH_DEL(ix->by_id, s);
        free(s);
    }
    if (ix->fd >= 0) {
        close(ix->fd);
    }
    zk_buf_fini(&ix->names);
    zk_buf_fini(&ix->last_parent_path);
    zk_buf_fini(&ix->spool);
    zk_buf_fini(&ix->joined);
    snap_index_free_blocks(ix);
    free(ix->usages);
    free(ix->sessions);
    free(ix->order);
    free(ix->slots);
    free(ix->v);
    free(ix->path);
    ix->magic = 0;
    free(ix);
}
