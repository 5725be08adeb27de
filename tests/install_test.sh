#!/usr/bin/env bash
# install_test.sh BUILD SOURCE: installs the build into a temporary prefix, builds examples/ against it with the system's
# default compiler, and runs what was built and installed.
set -euo pipefail
build=$1 source=$2
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$build" --prefix "$prefix/usr" >/dev/null
cmake -S "$source/examples" -B "$prefix/examples" -DCMAKE_PREFIX_PATH="$prefix/usr" >/dev/null
cmake --build "$prefix/examples" >/dev/null
story=$("$prefix/examples/generate" "$source/tests/data/stories260k" "Once upon a time")
case "$story" in
  ", there was a little girl named Lily."*) ;;
  *) echo "the example printed: $story"; exit 1 ;;
esac
[ "$("$prefix/usr/bin/tramontane" generate --model-path "$source/tests/data/stories260k" \
  --prompt "Once upon a time" -m 60 2>/dev/null)" = "$story" ]
# Without a model named: the one that was installed.
(cd "$prefix" && usr/bin/tramontane generate -m 5 2>&1 >/dev/null) |
  grep -q "Loading model from $prefix/usr/share/tramontane/models/genesis"
echo "installed, consumed, run"
