#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
#
# Makes the data folders of one server: version-2 in dataDir and dataLogDir,
# myid, and the mark "initialize", by which a server with an empty database
# may vote at once even when zookeeper.db.autocreate is false.

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

force=false
myid=
while [ $# -gt 0 ]; do
    case "$1" in
    --configfile=*) ZOOCFG="${1#*=}" ;;
    --myid=*) myid="${1#*=}" ;;
    --configfile | --myid)
        [ $# -gt 1 ] || zk_fail "$1 needs a value"
        if [ "$1" = --myid ]; then myid="$2"; else ZOOCFG="$2"; fi
        shift
        ;;
    --force) force=true ;;
    -h | --help)
        usage
        exit 1 # as Apache's script does
        ;;
    *)
        usage >&2
        zk_fail "unknown option $1"
        ;;
    esac
    shift
done

if [ ! -f "$ZOOCFG" ]; then
    echo "Unable to find config file at $ZOOCFG"
    exit 1
fi
case "$myid" in
*[!0-9]*)
    echo "myid must be a number: $myid"
    exit 1
    ;;
esac

data_dir="$(zk_property dataDir "$ZOOCFG")"
log_dir="$(zk_property dataLogDir "$ZOOCFG")"
if [ -z "$data_dir" ]; then
    echo "Unable to determine dataDir from $ZOOCFG"
    exit 1
fi

# refuse_existing WHAT DIR: ends the script when DIR holds data.
refuse_existing() {
    if [ -e "$2/version-2" ]; then
        echo "ZooKeeper $1 directory already exists at $2" \
            "(or use --force to force re-initialization)"
        exit 1
    fi
}

# make_empty DIR: DIR/version-2 with nothing in it.
make_empty() {
    rm -rf "${1:?}/version-2" "$1/initialize" || zk_fail "cannot clear $1"
    mkdir -p "$1/version-2" || zk_fail "cannot make $1/version-2"
}

# Both folders are looked at before one is changed.
if [ "$force" = true ]; then
    echo "Force enabled, data/txnlog directories will be re-initialized"
else
    refuse_existing data "$data_dir"
    [ -z "$log_dir" ] || refuse_existing txnlog "$log_dir"
fi
make_empty "$data_dir"
if [ -n "$log_dir" ] && [ "$log_dir" != "$data_dir" ]; then
    make_empty "$log_dir"
fi

if [ -n "$myid" ]; then
    echo "Using myid of $myid"
    echo "$myid" >"$data_dir/myid" || zk_fail "cannot write $data_dir/myid"
else
    echo "No myid provided, be sure to specify it in $data_dir/myid" \
        "if using non-standalone"
fi
# The server looks for the mark beside its transaction logs.
: >"${log_dir:-$data_dir}/initialize" ||
    zk_fail "cannot write ${log_dir:-$data_dir}/initialize"
