#!/bin/sh
# check_isa_symbols.sh NM LIBRARY: each instruction set's object must define exactly one global symbol, its table.
# Anything else, a weak inline function above all, could be picked by the linker for code that runs on every machine.
set -eu
status=0
for isa in avx2 avx512; do
  want="_ZN10tramontane$((${#isa} + 8))${isa}_kernelsE"
  found=$("$1" --print-file-name --extern-only --defined-only "$2" 2>/dev/null |
    awk -v object="[:/]$isa\\.cc\\.o(bj)?:" '$0 ~ object { print $NF }')
  if [ "$found" != "$want" ]; then
    echo "$isa: expected only $want, found: ${found:-nothing}"
    status=1
  fi
done
exit $status
