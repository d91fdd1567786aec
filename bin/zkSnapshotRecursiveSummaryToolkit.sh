#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
#
# zkSnapshotRecursiveSummaryToolkit.sh FILE NODE DEPTH: znodes and bytes below
# NODE of a snapshot.  See zktool(8), snapshot.

ZOOBIN="${BASH_SOURCE-$0}"
if [ ! -e "$(dirname "$ZOOBIN")/zkEnv.sh" ] && [ -L "$ZOOBIN" ]; then
    ZOOBIN="$(readlink -f "$ZOOBIN")"
fi
ZOOBINDIR="$(cd "$(dirname "$ZOOBIN")" && pwd)"
if [ -e "$ZOOBINDIR/../libexec/zkEnv.sh" ]; then
    . "$ZOOBINDIR/../libexec/zkEnv.sh"
else
    . "$ZOOBINDIR/zkEnv.sh"
fi
if [ $# -ne 3 ]; then
    cat >&2 <<EOF
Usage: ${0##*/} SNAPSHOT_FILE STARTING_NODE MAX_DEPTH
  STARTING_NODE  the path where to begin
  MAX_DEPTH      so many levels below it are shown (0: all); what is counted
                 does not depend on it
EOF
    exit 2
fi
zk_tool snapshot --summary "$2" --depth "$3" -- "$1"
