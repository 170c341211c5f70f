#!/usr/bin/env bash
# Builds the pinned developer tools once and prints the folder they are in. Progress goes to stderr.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=hack/lib.sh
source "$root/hack/lib.sh"

key=$(cat "$root/hack/tools/go.sum" <(go env GOVERSION GOOS GOARCH) | sha256_of_stdin | cut -c1-16)
dir=$CACHE/tools/$key
build() {
	[[ -x $dir/golangci-lint && -x $dir/gofumpt ]] && return # another run built them while this one waited for the lock
	say "building the tools into $dir (once per version; the linter takes a few minutes from cold)"
	local partial=$dir.partial
	rm -rf "$partial" && mkdir -p "$partial"
	(cd "$root/hack/tools" && unset GOFLAGS && with_heartbeat "building the tools" \
		env CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags "-s -w" -o "$partial/" \
		mvdan.cc/gofumpt github.com/golangci/golangci-lint/v2/cmd/golangci-lint) >&2
	rm -rf "$dir" && mv "$partial" "$dir"
	say "tools built in ${SECONDS}s"
}
[[ -x $dir/golangci-lint && -x $dir/gofumpt ]] || with_lock tools build
printf '%s\n' "$dir"
