/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoch_file.h: currentEpoch and acceptedEpoch: one decimal number, replaced
 * whole or not at all (protocol: "Epoch files").
 */
#ifndef PERSISTENCE_EPOCH_FILE_H
#define PERSISTENCE_EPOCH_FILE_H

#include "util/zk_error.h"

/* ZK_ENOTFOUND when there is none; ZK_ECORRUPT when its first line is not a
 * number. */
int epoch_file_read(const char *dir, const char *name, int64_t *epoch,
                    struct zk_errmsg *em) ZK_WARN_UNUSED;
int epoch_file_write(const char *dir, const char *name, int64_t epoch,
                     struct zk_errmsg *em) ZK_WARN_UNUSED;

#endif
