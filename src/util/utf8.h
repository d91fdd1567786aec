/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8.h: text that may not be UTF-8, taken apart as Java's decoder does it.
 *
 * Thread-safety: none needed; pure functions over the caller's memory.
 */
#ifndef UTIL_UTF8_H
#define UTIL_UTF8_H

#include "util/zk_buf.h"
#include "util/zk_slice.h"

/* Bytes of the next character at 'p' ('left' > 0 bytes are there), or, with
 * *ok false, of the malformed part that stands for one: all bytes up to the
 * first that cannot be.  A whole surrogate (U+D800 to U+DFFF) is one
 * malformed part. */
size_t utf8_next(const uint8_t *p, size_t left, bool *ok);
/* True when no part of the text is malformed. */
bool utf8_valid(struct zk_slice text);
/* Appends the text with each malformed part replaced by U+FFFD, just as
 * Java's decoder does it. */
void utf8_repair(struct zk_slice text, struct zk_buf *out);

#endif
