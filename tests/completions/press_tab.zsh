# press_tab.zsh - what a zsh on a terminal shows when the tab key is pressed.
#
# usage: zsh -f press_tab.zsh FOLDER-OF-COMPLETIONS LINE
zmodload zsh/zpty

# Until this pattern is on the screen, or ten seconds have passed.
await() {
  local seen all
  repeat 100; do
    while zpty -rt shell seen; do all+=$seen; done
    [[ $all == *$~1* ]] && { print -r -- "$all"; return }
    sleep 0.1
  done
  print -r -- "never saw: $1"
  exit 1
}

zpty -b shell zsh -f -i
zpty -w shell "fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; unsetopt list_ambiguous; PS1=rea\"\"dy"
await ready >/dev/null
zpty -w -n shell "$2"
await "${(b)2}" >/dev/null
zpty -w -n shell $'\t'
await '?'
sleep 0.3
await '*'
zpty -d shell
