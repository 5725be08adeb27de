#!/bin/sh
# check_isa_symbols.sh NM LIBRARY: each instruction set's object must define exactly one global symbol, its table.
# Anything else, a weak inline function above all, could be picked by the linker for code that runs on every machine.
set -eu
status=0
for pair in avx2:avx2_kernels integer_avx2:avx2_products avxvnni:avxvnni_products avx512:avx512_kernels avx512vnni:avx512vnni_products peaks_avx2:avx2_peaks peaks_avx512:avx512_peaks; do
  object=${pair%:*}
  table=${pair#*:}
  want="_ZN10tramontane${#table}${table}E"
  found=$("$1" --print-file-name --extern-only --defined-only "$2" 2>/dev/null |
    awk -v object="[:/]$object\\.cc\\.o(bj)?:" '$0 ~ object { print $NF }')
  if [ "$found" != "$want" ]; then
    echo "$object: expected only $want, found: ${found:-nothing}"
    status=1
  fi
done
exit $status
