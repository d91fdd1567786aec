/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keeper_error.h: the error codes in replies to clients and in error txns
 * (Java: KeeperException.Code).  The server's own results are in
 * util/zk_error.h; the two never mix.
 */
#ifndef PROTO_KEEPER_ERROR_H
#define PROTO_KEEPER_ERROR_H

#include <stdint.h>

enum keeper_error {
#define KEEPER_ERROR(name, code, java, message) KE_##name = code,
#include "zookeeper/tbl/keeper_errors.h"
#undef KEEPER_ERROR
};

/* Java's enum name, "NONODE"; "UNKNOWN" for a code that Apache lacks. */
const char *keeper_error_name(int32_t code);
/* What follows "KeeperErrorCode = " in Java's messages: "NoNode";
 * "Unknown error" for a code that Apache lacks. */
const char *keeper_error_message(int32_t code);

#endif
