/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_code.h: the types of requests and transactions (Java: ZooDefs.OpCode).
 * Numbers come from the wire, so the functions take any int32_t.
 */
#ifndef PROTO_OP_CODE_H
#define PROTO_OP_CODE_H

#include <stdbool.h>
#include <stdint.h>

enum op_code {
#define OP_CODE(name, code, java, lop, kind, client) OP_##name = code,
#include "zookeeper/tbl/op_codes.h"
#undef OP_CODE
};

/* Header xids with a meaning of their own. */
enum special_xid {
    XID_NOTIFICATION = -1,      /* A watch event, server to client. */
    XID_PING = -2,
    XID_AUTH = -4,
    XID_SET_WATCHES = -8,
};

/* Java's name: "create", "getData"; "unknown" for no known code. */
const char *op_code_name(int32_t op);
/* As `cons` shows a connection's last operation: "CREA"; "NA" for those that
 * leave it alone. */
const char *op_code_lop(int32_t op);
/* There is such an operation (client or internal). */
bool op_code_is_known(int32_t op);
/* It is ordered by the leader and logged, sessions' begin and end included.
 * sync is not: it passes the leader but leaves no transaction. */
bool op_code_is_write(int32_t op);
/* A client may send it as a request; everything else is answered by
 * KE_UNIMPLEMENTED and the end of the connection. */
bool op_code_from_client(int32_t op);

#endif
