/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "proto/op_code.h"

#include <stddef.h>

enum op_kind {
    OP_KIND_W,
    OP_KIND_R,
    OP_KIND_S,
};

struct op_info {
    const char *name;
    const char *lop;
    enum op_kind kind;
    bool client;
};

static const struct op_info *
op_info(int32_t op)
{
    switch (op) {
#define OP_CODE(name, code, java, lop, kind, client)                      \
    case code: {                                                          \
        static const struct op_info info = { java, lop, OP_KIND_##kind,   \
                                             client };                    \
        return &info;                                                     \
    }
#include "zookeeper/tbl/op_codes.h"
#undef OP_CODE
    default:
        return NULL;
    }
}

const char *
op_code_name(int32_t op)
{
    const struct op_info *info = op_info(op);

    return info != NULL ? info->name : "unknown";
}

const char *
op_code_lop(int32_t op)
{
    const struct op_info *info = op_info(op);

    return info != NULL ? info->lop : "NA";
}

bool
op_code_is_known(int32_t op)
{
    return op_info(op) != NULL;
}

bool
op_code_is_write(int32_t op)
{
    const struct op_info *info = op_info(op);

    return info != NULL && info->kind == OP_KIND_W;
}

bool
op_code_from_client(int32_t op)
{
    const struct op_info *info = op_info(op);

    return info != NULL && info->client;
}
