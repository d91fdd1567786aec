/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quorum_view.h: the ensemble as the server lines describe it, in the form
 * that elections and leaders count with.
 */
#ifndef QUORUM_QUORUM_VIEW_H
#define QUORUM_QUORUM_VIEW_H

#include "config/server_config.h"
#include "flexible/quorum_verifier.h"

/* The members of the server lines with their roles, groups and weights; the
 * caller destroys it. */
struct quorum_verifier *quorum_view_create(const struct quorum_config *q);

#endif
