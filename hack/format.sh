#!/usr/bin/env bash
# Formats the Go files of the repository.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
tools=$(hack/tools.sh)
git ls-files -z --cached --others --exclude-standard -- '*.go' ':!vendor' |
	while IFS= read -r -d '' file; do [[ ! -f $file ]] || printf '%s\0' "$file"; done |
	xargs -0 "$tools/gofumpt" -w
