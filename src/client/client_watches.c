/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "client/client_watches.h"

#include <stdlib.h>

#include "client/client_codec.h"
#include "client/zk_client.h"

#define uthash_malloc(size) zk_xmalloc(size)
#include <uthash.h>

struct client_watch {
    UT_hash_handle hh;
    unsigned kinds;
    size_t len;
    char path[];                /* With a NUL behind. */
};

static struct client_watch *
cw_find(const struct client_watches *w, const char *path, size_t len)
{
    struct client_watch *one;

    HASH_FIND(hh, w->map, path, len, one);
    return one;
}

/* Takes 'kinds' off, and the entry with the last. */
static void
cw_take(struct client_watches *w, struct client_watch *one, unsigned kinds)
{
    one->kinds &= ~kinds;
    if (one->kinds == 0) {
        HASH_DEL(w->map, one);
        free(one);
    }
}

void
client_watches_fini(struct client_watches *w)
{
    struct client_watch *one, *next;

    HASH_ITER(hh, w->map, one, next) {
        HASH_DEL(w->map, one);
        free(one);
    }
}

void
client_watches_add(struct client_watches *w, const char *path, unsigned kinds)
{
    size_t len = strlen(path);
    struct client_watch *one = cw_find(w, path, len);

    if (one == NULL) {
        one = zk_xcalloc(1, sizeof *one + len + 1);
        one->len = len;
        memcpy(one->path, path, len + 1);
        HASH_ADD_KEYPTR(hh, w->map, one->path, len, one);
    }
    one->kinds |= kinds;
}

unsigned
client_watches_get(const struct client_watches *w, const char *path,
                   unsigned kinds)
{
    struct client_watch *one = cw_find(w, path, strlen(path));

    return one != NULL ? one->kinds & kinds : 0;
}

unsigned
client_watches_remove(struct client_watches *w, const char *path,
                      unsigned kinds)
{
    struct client_watch *one = cw_find(w, path, strlen(path));
    unsigned found = 0;

    if (one != NULL) {
        found = one->kinds & kinds;
        cw_take(w, one, kinds);
    }
    return found;
}

/* Which watches of the node itself an event is for. */
static unsigned
cw_kinds_of(int32_t type)
{
    switch (type) {
    case ZK_EVENT_CREATED:
    case ZK_EVENT_DATA_CHANGED:
        return CLIENT_WATCH_DATA | CLIENT_WATCH_EXIST
               | CLIENT_WATCH_PERSISTENT;
    case ZK_EVENT_CHILDREN_CHANGED:
        return CLIENT_WATCH_CHILD | CLIENT_WATCH_PERSISTENT;
    case ZK_EVENT_DELETED:
        return CLIENT_WATCH_DATA | CLIENT_WATCH_EXIST | CLIENT_WATCH_CHILD
               | CLIENT_WATCH_PERSISTENT;
    default:
        return 0;
    }
}

/* Is the node or one above it watched with all that is below? */
static bool
cw_recursive(const struct client_watches *w, struct zk_slice path)
{
    size_t len = (size_t) path.len;

    for (;;) {
        const struct client_watch *one = cw_find(w, path.p, len);

        if (one != NULL && (one->kinds & CLIENT_WATCH_RECURSIVE)) {
            return true;
        }
        if (len <= 1) {
            return false;
        }
        while (len > 0 && path.p[len - 1] != '/') {
            len--;
        }
        len = len > 1 ? len - 1 : len;  /* "/" has no '/' at its end. */
    }
}

bool
client_watches_fire(struct client_watches *w, int32_t type,
                    struct zk_slice path)
{
    const unsigned once = CLIENT_WATCH_DATA | CLIENT_WATCH_EXIST
                          | CLIENT_WATCH_CHILD;
    unsigned kinds = cw_kinds_of(type);
    struct client_watch *one;
    bool found;

    if (kinds == 0 || path.len <= 0) {
        return false;
    }
    /* Who watches all that is below is not told of lists of children, though
     * the server may send such an event for another watch. */
    found = type != ZK_EVENT_CHILDREN_CHANGED && cw_recursive(w, path);
    one = cw_find(w, path.p, (size_t) path.len);
    if (one != NULL && (one->kinds & kinds)) {
        found = true;
        cw_take(w, one, kinds & once);
    }
    return found;
}

size_t
client_watches_count(const struct client_watches *w)
{
    return HASH_COUNT(w->map);
}

void
client_watches_encode(const struct client_watches *w, int64_t relative_zxid,
                      struct zk_buf *out)
{
    struct jute_set_watches2 sw = { .relative_zxid = relative_zxid };
    struct jute_vec_slice *const vecs[] = {
        &sw.data_watches, &sw.exist_watches, &sw.child_watches,
        &sw.persistent_watches, &sw.persistent_recursive_watches,
    };
    size_t batch = 0;

    for (size_t k = 0; k < ZK_ARRAY_SIZE(vecs); k++) {
        const struct client_watch *one;

        vecs[k]->v = zk_xcalloc(client_watches_count(w) + 1,
                                sizeof *vecs[k]->v);
        for (one = w->map; one != NULL; one = one->hh.next) {
            if (!(one->kinds & 1U << k)) {
                continue;
            }
            vecs[k]->v[vecs[k]->n++] = zk_slice(one->path,
                                                (int32_t) one->len);
            batch += one->len;
            if (batch >= CLIENT_SET_WATCHES_MAX) {
                client_encode_set_watches(out, &sw);
                for (size_t i = 0; i < ZK_ARRAY_SIZE(vecs); i++) {
                    vecs[i]->n = 0;
                }
                batch = 0;
            }
        }
    }
    if (batch > 0) {
        client_encode_set_watches(out, &sw);
    }
    for (size_t k = 0; k < ZK_ARRAY_SIZE(vecs); k++) {
        free(vecs[k]->v);
    }
}
