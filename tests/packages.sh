#!/bin/sh
# Debian's packages that tests need, where this is root's Debian: packages.sh FOR PACKAGE…
# Elsewhere it does nothing: those tests skip, naming what they miss.
set -eu
tests=$1
shift

missing=""
for package in "$@"; do
  dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
if [ -z "$missing" ]; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "$tests: not installed, and not to be installed by this user:$missing" >&2
  exit 0
fi
echo "$tests: installing$missing" >&2
apt-get update -qq
apt-get install -y -qq --no-install-recommends $missing >/dev/null
