#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
#
# zkSnapShotToolkit.sh [-d|-json] FILE: prints a snapshot.  See zktool(8),
# snapshot.

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
zk_tool snapshot "$@"
