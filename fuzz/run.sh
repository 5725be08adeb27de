#!/usr/bin/env bash
# run.sh BUILD SECONDS: each fuzz target over its seed corpus for a bounded time, two at once. New inputs stay in BUILD.
set -euo pipefail
build=$1 seconds=$2
here=$(dirname "$0")

fuzz_one() {
  local name=$1 corpus="$build/corpus/$1"
  mkdir -p "$corpus"
  if "$build/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=512 \
      -artifact_prefix="$build/$name-" "$corpus" "$here/corpus/$name" >"$build/$name.log" 2>&1; then
    echo "$name: $(tail -n 1 "$build/$name.log")"
  else
    echo "$name: FAILED"; tail -n 40 "$build/$name.log"; return 1
  fi
}
export -f fuzz_one
export build seconds here
targets=$(cd "$here" && ls ./*.cc | sed 's,^\./,,; s,\.cc$,,')
for name in $targets; do
  if [ -z "$(ls -A "$here/corpus/$name" 2>/dev/null)" ]; then echo "$name: no seeds in $here/corpus/$name"; exit 1; fi
done
xargs -P 2 -I{} bash -c 'fuzz_one {}' <<<"$targets"
