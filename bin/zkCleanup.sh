#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
#
# zkCleanup.sh [--config DIR] [DATALOGDIR [SNAPDIR]] -n COUNT: removes
# snapshots and transaction logs that the COUNT newest snapshots do not need.
# Without folders, those of the configuration are meant.

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

case "${1:-}" in
-h | --help) ;;
'' | -*)
    snap_dir="$(zk_property dataDir "$ZOOCFG")"
    log_dir="$(zk_property dataLogDir "$ZOOCFG")"
    if [ -z "$snap_dir" ]; then
        zk_fail "no dataDir in $ZOOCFG (or no such file)"
    elif [ -z "$log_dir" ]; then
        set -- "$snap_dir" "$@"
    else
        set -- "$log_dir" "$snap_dir" "$@"
    fi
    ;;
esac
zk_tool purge "$@"
