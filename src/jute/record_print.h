/* SPDX-License-Identifier: Apache-2.0 */
/* record_print.h: strings and buffers as text, for generated print. */
#ifndef JUTE_RECORD_PRINT_H
#define JUTE_RECORD_PRINT_H

#include <stdio.h>

#include "util/zk_slice.h"

/* "text" with bytes below 0x20, '"', '\' and 0x7f escaped, or null.  Bytes
 * from 0x80 are left as they are: UTF-8. */
void jute_print_string(FILE *out, struct zk_slice s);
/* 0x and hex digits, or null. */
void jute_print_buffer(FILE *out, struct zk_slice s);

#endif
