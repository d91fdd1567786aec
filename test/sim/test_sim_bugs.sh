#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The simulator finds each of the mistakes that can be put back, and runs a
# seed the same way every time.
set -u
sim="$top_builddir/test/sim/sim_main"
failed=0

for bug in $("$sim" --bug list | cut -d' ' -f1); do
    if out=$("$sim" --bug "$bug" --seeds 10000 2>&1); then
        printf '%s\n' "$out" | tail -n 1
    else
        printf '%s\n' "$out"
        failed=1
    fi
done

if [ "$("$sim" --seed 7 --verbose | grep -v ' seeds from ' | cksum)" \
        != "$("$sim" --seed 7 --verbose | grep -v ' seeds from ' | cksum)" ]
then
    echo "seed 7 does not run the same way twice"
    failed=1
fi
exit $failed
