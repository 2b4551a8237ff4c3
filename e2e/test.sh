#!/usr/bin/env bash
# Runs every test of the modules given, with the race detector, and names at the end what was
# skipped and why. usage: e2e/test.sh MODULE_DIR...
set -uo pipefail
export PATH="$PATH:/usr/sbin:/usr/local/sbin" # where name servers are installed

log=$(mktemp) status=0
trap 'rm -f "$log"' EXIT
for module in "$@"; do
  # -v, because only then does go test tell about skipped tests; what passes is not worth a line.
  (cd "$module" && go test -race -timeout 20m -v ./...) 2>&1 | tee -a "$log" |
    grep --line-buffered -vE '^[[:space:]]*(=== (RUN|PAUSE|CONT|NAME)|--- PASS)|^PASS$|\[no test files\]$' || true
  [ "${PIPESTATUS[0]}" = 0 ] || status=1
done

awk '
  $1 == "===" { current = $3 }
  /^ +[a-z0-9_]+\.go:[0-9]+: / { sub(/^ +[a-z0-9_]+\.go:[0-9]+: /, ""); reason[current] = $0 }
  $1 == "---" && $2 == "SKIP:" { skipped[++n] = $3 }
  END {
    if (n == 0) { print "skipped: nothing"; exit }
    print "skipped: " n
    for (i = 1; i <= n; i++) print "  " skipped[i] ": " reason[skipped[i]]
  }' "$log"
exit $status
