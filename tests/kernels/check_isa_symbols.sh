#!/bin/sh
# check_isa_symbols.sh NM LIBRARY OBJECT:TABLE...: each instruction set's object must define exactly one global symbol, its table.
# Anything else, a weak inline function above all, could be picked by the linker for code that runs on every machine.
set -eu
nm=$1
library=$2
shift 2
status=0
for pair in "$@"; do
  object=${pair%:*}
  table=${pair#*:}
  want="_ZN10tramontane${#table}${table}E"
  found=$("$nm" --print-file-name --extern-only --defined-only "$library" 2>/dev/null |
    awk -v object="[:/]$object\\.cc\\.o(bj)?:" '$0 ~ object { print $NF }')
  if [ "$found" != "$want" ]; then
    echo "$object: expected only $want, found: ${found:-nothing}"
    status=1
  fi
done
exit $status
