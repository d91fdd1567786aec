# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
# bash looks for completions by the name of the command: the same as zkcli.
. "${BASH_SOURCE[0]%/*}/zkcli"
