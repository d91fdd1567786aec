/* SPDX-License-Identifier: Apache-2.0 */
/* qcm_settings.h: properties of the election, read with their limits. */
#ifndef ELECTION_QCM_SETTINGS_H
#define ELECTION_QCM_SETTINGS_H

#include "config/server_config.h"
#include "util/zk_error.h"

/* A property between 'min' and INT_MAX ('def', which need not be, when it is
 * not set), or ZK_ECONFIG. */
int qcm_setting(const struct server_config *config, const char *name,
                int64_t def, int64_t min, int64_t *out, struct zk_errmsg *em)
    ZK_WARN_UNUSED;

#endif
