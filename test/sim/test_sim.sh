#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Seeds from a fixed one on, for SIM_SECONDS (20).  A failure names the seed:
# `test/sim/sim_main --seed N --verbose` plays it again.
exec "$top_builddir/test/sim/sim_main" --seeds "${SIM_SEEDS:-1000000}" \
    --time "${SIM_SECONDS:-20}"
