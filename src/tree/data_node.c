/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "tree/data_node.h"

#include "tree/data_node_layout.h"
#include "util/zk_obj.h"

/* Java: EphemeralType and EphemeralTypeEmulate353. */
#define OWNER_EXTENDED_MASK  UINT64_C(0xff00000000000000)
#define OWNER_RESERVED_MASK  UINT64_C(0x00ffff0000000000)
#define OWNER_TTL_MASK       UINT64_C(0x000000ffffffffff)

enum node_kind
node_owner_kind(int64_t owner, bool extended_types, bool emulate_353,
                int64_t *ttl_ms)
{
    uint64_t bits = (uint64_t) owner;

    if (owner == 0) {
        return NODE_PERSISTENT;
    }
    if (owner == NODE_OWNER_CONTAINER) {
        return NODE_CONTAINER;
    }
    if (extended_types
        && ((emulate_353 && owner < 0)
            || (bits & (OWNER_EXTENDED_MASK | OWNER_RESERVED_MASK))
               == OWNER_EXTENDED_MASK)) {
        if (ttl_ms != NULL) {
            *ttl_ms = (int64_t) (bits & OWNER_TTL_MASK);
        }
        return NODE_TTL;
    }
    return NODE_EPHEMERAL;
}

int64_t
node_owner_of_ttl(int64_t ttl_ms, bool emulate_353)
{
    /* Java writes the new form whatever the option says. */
    (void) emulate_353;
    return (int64_t) (OWNER_EXTENDED_MASK
                      | ((uint64_t) ttl_ms & OWNER_TTL_MASK));
}

static size_t
data_bytes(const struct data_node *node)
{
    return node->data_len > 0 ? (size_t) node->data_len : 0;
}

static size_t
block_bytes(const struct data_node *node)
{
    return sizeof *node + data_node_parts_len(node->flags)
           + data_node_name_len(node) + data_bytes(node);
}

struct zk_slice
data_node_name(const struct data_node *node)
{
    return data_node_name_inline(node);
}

struct zk_slice
data_node_data(const struct data_node *node)
{
    if (node->data_len < 0) {
        return ZK_SLICE_NULL;
    }
    return zk_slice(node->rest + data_node_parts_len(node->flags)
                    + data_node_name_len(node), node->data_len);
}

/* What the stat of a node without NODE_HAS_CHANGED says. */
static struct node_changed
never_changed(const struct data_node *node)
{
    return (struct node_changed) {
        .mzxid = node->czxid,
        .pzxid = node->czxid,
        .mtime = node->ctime,
    };
}

static struct node_changed
changed_of(const struct data_node *node)
{
    struct node_changed c;

    if (!(node->flags & NODE_HAS_CHANGED)) {
        return never_changed(node);
    }
    memcpy(&c, DATA_NODE_PART(node, NODE_HAS_CHANGED), sizeof c);
    return c;
}

void
data_node_stat(const struct data_node *node, struct jute_stat_persisted *out)
{
    struct node_changed c = changed_of(node);

    *out = (struct jute_stat_persisted) {
        .czxid = node->czxid,
        .mzxid = c.mzxid,
        .ctime = node->ctime,
        .mtime = c.mtime,
        .version = c.version,
        .cversion = c.cversion,
        .aversion = c.aversion,
        .ephemeral_owner = data_node_owner(node),
        .pzxid = c.pzxid,
    };
}

int64_t
data_node_owner(const struct data_node *node)
{
    struct node_owner o;

    if (!(node->flags & NODE_HAS_OWNER)) {
        return 0;
    }
    memcpy(&o, DATA_NODE_PART(node, NODE_HAS_OWNER), sizeof o);
    return o.owner;
}

uint32_t
data_node_child_count(const struct data_node *node)
{
    return slot_list_count(data_node_children(node));
}

/* The parts that a node with these fields needs. */
static unsigned
parts_for(struct zk_slice name, const struct jute_stat_persisted *stat)
{
    unsigned parts = 0;

    if (stat->ephemeral_owner != 0) {
        parts |= NODE_HAS_OWNER;
    }
    if (name.len > UINT16_MAX) {
        parts |= NODE_HAS_LONG_NAME;
    }
    if (stat->mzxid != stat->czxid || stat->pzxid != stat->czxid
        || stat->mtime != stat->ctime || stat->version != 0
        || stat->cversion != 0 || stat->aversion != 0) {
        parts |= NODE_HAS_CHANGED;
    }
    return parts;
}

static void
pack_parts(struct data_node *node, struct zk_slice name,
           const struct jute_stat_persisted *stat)
{
    if (node->flags & NODE_HAS_OWNER) {
        *data_node_owner_ref(node) = (struct node_owner) {
            .owner = stat->ephemeral_owner,
        };
    }
    if (node->flags & NODE_HAS_LONG_NAME) {
        uint64_t len = (uint64_t) name.len;

        memcpy(DATA_NODE_PART(node, NODE_HAS_LONG_NAME), &len, sizeof len);
    } else {
        node->name_len = (uint16_t) name.len;
    }
    if (node->flags & NODE_HAS_CHANGED) {
        *data_node_changed_ref(node) = (struct node_changed) {
            .mzxid = stat->mzxid,
            .pzxid = stat->pzxid,
            .mtime = stat->mtime,
            .version = stat->version,
            .cversion = stat->cversion,
            .aversion = stat->aversion,
        };
    }
}

struct data_node *
data_node_pack(struct node_pool *pool, struct zk_slice name,
               struct zk_slice data,
               const struct jute_stat_persisted *stat)
{
    unsigned parts = parts_for(name, stat);
    size_t parts_len = data_node_parts_len(parts);
    size_t dlen = data.len > 0 ? (size_t) data.len : 0;
    struct data_node *node;
    unsigned char *tail;

    node = node_pool_alloc(pool, sizeof *node + parts_len
                                 + (size_t) name.len + dlen);
    *node = (struct data_node) {
        .parent = SLOT_NONE,
        .czxid = stat->czxid,
        .ctime = stat->ctime,
        .data_len = data.len,
        .flags = (uint16_t) parts,
    };
    pack_parts(node, name, stat);
    tail = node->rest + parts_len;
    if (name.len > 0) {
        memcpy(tail, name.p, (size_t) name.len);
    }
    if (dlen > 0) {
        memcpy(tail + name.len, data.p, dlen);
    }
    return node;
}

struct data_node *
data_node_widen(struct node_pool *pool, struct data_node *node,
                unsigned parts)
{
    static const unsigned all[] = { NODE_HAS_CHILDREN, NODE_HAS_OWNER,
                                    NODE_HAS_LONG_NAME, NODE_HAS_CHANGED,
                                    NODE_PARTS };
    unsigned have = node->flags;
    unsigned want = have | parts;
    size_t tail_len;
    struct data_node *wide;

    if (want == have) {
        return node;
    }
    tail_len = data_node_name_len(node) + data_bytes(node);
    wide = node_pool_alloc(pool, sizeof *wide + data_node_parts_len(want)
                                 + tail_len);
    *wide = *node;
    wide->flags = (uint16_t) want;
    for (size_t i = 0; i + 1 < ZK_ARRAY_SIZE(all); i++) {
        size_t to = data_node_part_at(want, all[i]);
        size_t len = data_node_part_at(want, all[i + 1]) - to;

        if (have & all[i]) {
            memcpy(wide->rest + to,
                   node->rest + data_node_part_at(have, all[i]), len);
        } else if (len > 0) {
            memset(wide->rest + to, 0, len);
        }
    }
    if (!(have & NODE_HAS_CHANGED) && want & NODE_HAS_CHANGED) {
        *data_node_changed_ref(wide) = never_changed(node);
    }
    memcpy(wide->rest + data_node_parts_len(want),
           node->rest + data_node_parts_len(have), tail_len);
    node_pool_free(pool, node, block_bytes(node));
    return wide;
}

struct data_node *
data_node_set_data(struct node_pool *pool, struct data_node *node,
                   struct zk_slice data)
{
    size_t head = sizeof *node + data_node_parts_len(node->flags)
                  + data_node_name_len(node);
    size_t len = data.len > 0 ? (size_t) data.len : 0;

    if (len != data_bytes(node)) {
        node = node_pool_resize(pool, node, block_bytes(node), head + len);
    }
    node->data_len = data.len;
    node->flags &= (uint16_t) ~NODE_CRC_VALID;
    if (len > 0) {
        memcpy((unsigned char *) node + head, data.p, len);
    }
    return node;
}

void
data_node_free(struct node_pool *pool, struct data_node *node)
{
    zk_assert(data_node_children(node) == NULL);
    node_pool_free(pool, node, block_bytes(node));
}
