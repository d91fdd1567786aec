/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota.h: the text of quota nodes (Java: StatsTrack).  What the tree does
 * with quotas is in data_tree.h and quota.c.
 */
#ifndef TREE_QUOTA_H
#define TREE_QUOTA_H

#include "tree/data_tree.h"

/* A limits or stats node read: the numbers, and which of the hard limits
 * the text has at all, so that writing it again loses nothing. */
struct quota_text {
    struct quota q;
    bool has_count_hard;
    bool has_bytes_hard;
};

/* False when the text is not one that Java reads. */
bool quota_text_parse(struct zk_slice text, struct quota_text *qt);
/* Appends "count=1,bytes=2", and "=;byteHardLimit=3;countHardLimit=4" for
 * what is there of that. */
void quota_text_format(const struct quota_text *qt, struct zk_buf *out);

#endif
