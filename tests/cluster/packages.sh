#!/bin/sh
# Debian's packages for the tests with containers, where this is root's Debian. Elsewhere it does
# nothing: those tests skip, naming what they miss.
set -eu
PACKAGES="buildah podman runc netavark aardvark-dns catatonit iptables mmdebstrap nginx-light prometheus"

missing=""
for package in $PACKAGES; do
  dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
if [ -z "$missing" ]; then exit 0; fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "test-cluster: not installed, and not to be installed by this user:$missing" >&2
  exit 0
fi
echo "test-cluster: installing$missing" >&2
apt-get update -qq
apt-get install -y -qq --no-install-recommends $missing
