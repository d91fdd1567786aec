#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
#
# zkServer-initialize.sh [--configfile FILE] [--myid N] [--force]: makes the
# data folders of one server.  See zktool(8), init.

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

usage() {
    cat <<EOF
Usage: ${0##*/} [--config DIR] [OPTION]...
  --configfile FILE   the configuration that names the folders
                      (default $ZOOCFG)
  --myid N            number of this server in its ensemble
  --force             erase the data that the folders hold
  -h, --help          this text
Options take their value as the next word or after "=".
EOF
}

for word; do
    case "$word" in
    -h | --help)
        usage
        exit 1 # as Apache's script does
        ;;
    esac
done
zk_tool init --configfile "$ZOOCFG" "$@"
