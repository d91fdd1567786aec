/* SPDX-License-Identifier: Apache-2.0 */
/*
 * txn_print.h: a transaction as a line of text, as Apache's TxnLogToolkit of
 * 3.8 and 3.9 prints it, and as a line of JSON.
 */
#ifndef TOOLS_TXN_PRINT_H
#define TOOLS_TXN_PRINT_H

#include "proto/txn_codec.h"
#include "util/zk_buf.h"

/* Appends "date session 0x.. cxid 0x.. zxid 0x.. type fields\n".  Data stands
 * there as text, the parts of a multi as the bytes that they are (Java
 * before 3.10). */
void txn_print_text(struct zk_buf *out, const struct txn_view *txn);

/* Where a record stands and how it is, for txn_print_json. */
struct txn_place {
    int64_t offset;
    bool crc_ok;
};
/* Appends an object and a newline; data is base64. */
void txn_print_json(struct zk_buf *out, const struct txn_view *txn,
                    const struct txn_place *place);

#endif
