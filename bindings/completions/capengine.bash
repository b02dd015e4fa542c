# shellcheck shell=bash
# capengine.bash - completion in bash; what a word may become, the program says.

_capengine() {
  local current=${COMP_WORDS[COMP_CWORD]} word
  COMPREPLY=()
  while IFS=$'\t' read -r word _; do
    case $word in
      :files)
        compopt -o filenames 2>/dev/null
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current")
        ;;
      :users) mapfile -t COMPREPLY < <(compgen -u -- "$current") ;;
      "$current"*) COMPREPLY+=("$word") ;;
    esac
  done < <("${COMP_WORDS[0]}" help --complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}

complete -F _capengine capengine
