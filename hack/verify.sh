#!/usr/bin/env bash
# Checks that need no cluster, all of them whatever fails, each with its time and the command that mends it.
#
#   hack/verify.sh [format vet lint vendor imports generated scripts]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=hack/lib.sh
source "$root/hack/lib.sh"
cd "$root"
modules=(. test/cluster hack/tools)

# in_module DIR COMMAND... A -mod flag of the caller is meant for one module, not for all three.
in_module() { (cd "$1" && shift && GOFLAGS=-buildvcs=false "$@"); }

our_go_files() {
	git ls-files -z --cached --others --exclude-standard -- '*.go' ':!vendor' |
		while IFS= read -r -d '' file; do [[ ! -f $file ]] || printf '%s\0' "$file"; done
}

verify_format() {
	local tools unformatted
	tools=$(hack/tools.sh) || return 1
	unformatted=$(our_go_files | xargs -0 "$tools/gofumpt" -l) || return 1
	[[ -z $unformatted ]] || {
		printf 'not formatted (make format):\n%s\n' "$unformatted"
		return 1
	}
}

verify_vet() {
	in_module . go vet ./... && in_module test/cluster go vet ./...
}

verify_lint() {
	local tools rc=0
	tools=$(hack/tools.sh) || return 1
	# The linter's cache is beside its binary, so that a new version starts clean.
	export GOLANGCI_LINT_CACHE=$tools/cache
	in_module . with_heartbeat "linting the operator" "$tools/golangci-lint" run ./... || rc=1
	in_module test/cluster with_heartbeat "linting test/cluster" "$tools/golangci-lint" run --config .golangci.yaml ./... || rc=1
	return "$rc"
}

verify_vendor() {
	local module rc=0
	for module in "${modules[@]}"; do
		in_module "$module" go mod tidy -diff || {
			echo "$module/go.mod is not tidy (make update)"
			rc=1
		}
	done
	# The download is checked against go.sum; the copy in the repository against the download.
	in_module . go mod vendor -o "$scratch/vendor" || return 1
	diff -rq vendor "$scratch/vendor" || {
		echo "vendor/ is not what go.mod says (make update)"
		rc=1
	}
	return "$rc"
}

# These tests look at the repository through git and go list, which go test's cache does not see.
verify_imports() { go test -count=1 ./test/imports; }

verify_generated() {
	local rc=0
	go run ./hack/generate -check || rc=1
	in_module test/cluster go run ./internal/seed/gen "$scratch/crds" || return 1
	diff -rq test/cluster/internal/seed/crds "$scratch/crds" || {
		echo "the CRDs of the embedded cluster are not those of its API module (make update)"
		rc=1
	}
	return "$rc"
}

verify_scripts() {
	local script rc=0
	for script in hack/*.sh .ci/run; do bash -n "$script" || rc=1; done
	make --no-print-directory -n help >/dev/null || rc=1
	return "$rc"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
(($# > 0)) || set -- format scripts vendor generated imports vet lint
failed=()
for check in "$@"; do
	started=$SECONDS
	# Being a condition, a check runs without -e: each looks after its own failures.
	if ("verify_$check") >"$scratch/log" 2> >(tee -a "$scratch/log" >&2); then
		printf 'ok    %-10s %4ds\n' "$check" $((SECONDS - started))
	else
		cat "$scratch/log"
		printf 'FAIL  %-10s %4ds\n' "$check" $((SECONDS - started))
		failed+=("$check")
	fi
done
((${#failed[@]} == 0)) || die "verify: ${failed[*]}"
