/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "proto/request_codec.h"

#include "proto/acl_codec.h"
#include "proto/op_code.h"

int
create_view_decode(struct create_view *v, int32_t op,
                   struct input_archive *ia)
{
    v->path = input_archive_slice(ia);
    v->data = input_archive_slice(ia);
    (void) acl_raw_read(ia, &v->acl);
    v->flags = input_archive_int(ia);
    v->ttl = op == OP_CREATE_TTL ? input_archive_long(ia) : -1;
    return ia->err;
}

int
set_acl_view_decode(struct set_acl_view *v, struct input_archive *ia)
{
    v->path = input_archive_slice(ia);
    (void) acl_raw_read(ia, &v->acl);
    v->version = input_archive_int(ia);
    return ia->err;
}
