# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
# bash completion for zkServer.sh: --config DIR, verbs, configurations.

_zkserver_sh() {
    local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}"
    local verbs='start start-foreground stop restart status version print-cmd'
    local dir="${ZOOCFGDIR:-}" at=1
    COMPREPLY=()
    if [ "${COMP_WORDS[1]}" = --config ]; then
        dir="${COMP_WORDS[2]:-}"
        at=3
    fi
    if [ "$prev" = --config ]; then
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
    elif [ "$COMP_CWORD" -eq "$at" ]; then
        [ "$at" -gt 1 ] || verbs="$verbs --config"
        mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur")
    elif [ "$COMP_CWORD" -eq $((at + 1)) ]; then
        # A name means a file of the folder, what has a slash is a path.
        case "$cur" in
        */*) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
        *)
            [ -d "$dir" ] || return
            mapfile -t COMPREPLY < <(cd "$dir" && compgen -f -- "$cur")
            ;;
        esac
    fi
}
complete -F _zkserver_sh zkServer.sh
