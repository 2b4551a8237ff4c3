#!/usr/bin/env bash
# Installs the real peers that tests talk to, only those that are missing, where root and apt exist.
# Elsewhere it names them; the tests that need them then skip and say so. No daemon is started.
# usage: e2e/peers.sh PROGRAM...
set -euo pipefail

declare -A package=(
  [named]=bind9 [knotd]=knot [unbound]=unbound [chromium]=chromium [certutil]=libnss3-tools
  [ip]=iproute2 [nft]=nftables [strace]=strace [prlimit]=util-linux [docker]=docker.io [dockerd]=docker.io
)
missing=() wanted=()
for program in "$@"; do
  # Daemons live in sbin, which is not on everybody's PATH.
  if ! PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$program" >/dev/null; then
    missing+=("$program")
    wanted+=("${package[$program]}")
  fi
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "peers: installing ${wanted[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${wanted[@]}" </dev/null >/dev/null
else
  echo "peers: missing ${missing[*]}; try: apt-get install ${wanted[*]} (or your system's packages of these)"
fi
