#!/usr/bin/env bash
# Rewrites what is made from something else: formatting, go.mod and go.sum of the three modules, vendor/, generated
# manifests, golden files. `git diff` then shows what moved.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=hack/lib.sh
source "$root/hack/lib.sh"
cd "$root"
export GOFLAGS=-buildvcs=false
for module in . test/cluster hack/tools; do (cd "$module" && go mod tidy); done
go mod vendor
go run ./hack/generate
(cd test/cluster && go generate ./...)
hack/format.sh
mapfile -t golden < <(golden_packages)
for package in "${golden[@]}"; do go test -count=1 -run Golden "$package" -update; done
