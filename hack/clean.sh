#!/usr/bin/env bash
# Removes what was built, here and in the cache folder. Running clusters keep the programs they run, and their folders.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=hack/lib.sh
source "$root/hack/lib.sh"
rm -rf "$root/bin" "$root/coverage.out" "$CACHE/host" "$CACHE/tools" "$CACHE/locks"
for state in "$CACHE"/clusters/*/state.json; do
	[[ -e $state ]] || continue
	say "kept $CACHE/bin and $CACHE/images: there is a cluster in ${state%/*} (make down NAME=$(basename "${state%/*}"))"
	exit 0
done
rm -rf "$CACHE/bin" "$CACHE/images"
