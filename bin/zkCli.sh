#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
#
# zkCli.sh [--config DIR] [OPTION]... [COMMAND [WORD]...]: runs zkcli(1) with
# the -D words of CLIENT_JVMFLAGS and JVMFLAGS.

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

zk_find_program zkcli
ZK_PROPERTIES=()
ZK_IGNORED=()
zk_java_words "${CLIENT_JVMFLAGS:-} ${JVMFLAGS:-}"
exec "$ZKCLI" "-Dzookeeper.log.dir=$ZOO_LOG_DIR" \
    "-Dzookeeper.log.file=zookeeper-$USER-cli-$HOSTNAME.log" \
    "${ZK_PROPERTIES[@]}" "$@"
