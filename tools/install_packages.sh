#!/bin/sh
# install_packages.sh [LIST]: installs the Debian packages of a list (packages.txt) that are missing.
set -eu
cd "$(dirname "$0")/.."
missing=
for package in $(cat "${1:-packages.txt}"); do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
echo "Installing:$missing"
$sudo apt-get update
# shellcheck disable=SC2086  # a list of package names
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
