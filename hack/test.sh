#!/usr/bin/env bash
# Runs sections of the tests, all of them whatever fails, and closes with a summary. Most of e2e is waiting for pods that
# drain and for silence: it runs beside the other sections, its lines marked. The others run one after the other.
#
#   hack/test.sh unit golden          # RUN=regexp picks tests, V=1 shows each, COUNT=1 ignores cached results
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=hack/lib.sh
source "$root/hack/lib.sh"
cd "$root"
mkdir -p "$CACHE"
# test/manifests reads it: go test's cache notices when a variable that a test has read changes, as this one does on a
# machine that gets promtool later.
export PROMTOOL=${PROMTOOL:-$(promtool_path || true)}
totals=$(mktemp "$CACHE/totals.XXXXXX")
lane=
trap 'end_lane; rm -f "$totals"; sweep' EXIT
runner=("$CACHE/host/testrun")

# sweep ends the clusters of suites that are gone: a suite that was killed could not do it. Their names end in its pid.
sweep() {
	local state name
	for state in "$CACHE"/clusters/{integration,e2e}-*/state.json; do
		name=$(basename "$(dirname "$state")")
		[[ -e $state ]] && ! kill -0 "${name##*-}" 2>/dev/null || continue
		say "ending cluster $name, which its suite left behind"
		"$CACHE/host/cluster" down --name "$name" >&2 || true
	done
}

# The module's packages without the sections that need a cluster's parts. The tests of test/library need none.
unit_packages() { go list ./... | grep -vE '/test/(golden|integration|e2e)(/|$)'; }

# go_tests SECTION DIR GO-TEST-ARGUMENTS... Two packages at a time: the machine has two cores.
go_tests() {
	local section=$1 dir=$2 extra=()
	shift 2
	[[ -z ${RUN:-} ]] || extra+=(-run "$RUN")
	[[ -z ${COUNT:-} ]] || extra+=("-count=$COUNT")
	local verbose=()
	[[ -z ${V:-} ]] || verbose=(-v)
	"${runner[@]}" -section "$section" -dir "$dir" -totals "$totals" ${verbose[@]+"${verbose[@]}"} -- \
		-p 2 ${extra[@]+"${extra[@]}"} "$@"
}

# with_binaries NAMES... puts the programs a section starts into its environment.
with_binaries() {
	local exports
	exports=$("$root/hack/binaries.sh" "$@") || die "building the programs the tests start"
	eval "$exports"
}

run_section() {
	case $1 in
	unit)
		local packages
		mapfile -t packages < <(unit_packages)
		((${#packages[@]} > 0)) || die "go list found no package"
		go_tests unit . ${RACE:+-race} -timeout 5m "${packages[@]}"
		;;
	golden)
		local golden
		mapfile -t golden < <(golden_packages)
		((${#golden[@]} > 0)) || die "no test is called ...Golden"
		RUN=${RUN:-Golden} go_tests golden . -timeout 5m "${golden[@]}"
		;;
	# Without the server these tests skip themselves, which is how unit stays quick.
	backends) with_binaries s3 && go_tests backends . -count=1 -timeout 10m ./pkg/storage/s3/... ;;
	# What these start is not among the files that go test's cache looks at: never take a cached result.
	cluster) with_binaries cluster kube s3 && GOFLAGS='' go_tests cluster test/cluster -count=1 -timeout 20m ./... ;;
	integration) with_binaries operator cluster s3 && go_tests integration . -count=1 -timeout 30m ./test/integration/... ;;
	e2e) with_binaries operator cluster s3 && V=1 go_tests e2e . -count=1 -timeout 60m ./test/e2e/... ;;
	*) die "unknown section $1: unit, golden, backends, cluster, integration or e2e" ;;
	esac
}

# attempt runs a section in a shell of its own: one that dies must not take the summary with it. Its counts may be missing
# then.
attempt() {
	local section=$1 started=$SECONDS
	if ! (run_section "$section"); then
		grep -q "\"Section\":\"$section\"" "$totals" ||
			printf '{"Section":"%s","Failed":1,"Seconds":%d}\n' "$section" $((SECONDS - started)) >>"$totals"
		return 1
	fi
}

# end_lane stops e2e when this script ends before it. The lane is a process group: its leader's pid names it.
end_lane() {
	[[ -n $lane ]] || return 0
	kill -TERM -- "-$lane" 2>/dev/null || true
	wait "$lane" 2>/dev/null || true
}

mkdir -p "$CACHE/host"
go build -o "${runner[0]}" ./hack/testrun
failed=() sections=()
for section in "$@"; do
	if [[ $section == e2e && $# -gt 1 ]]; then
		# Job control gives the lane a process group of its own, to stop it whole.
		set -m
		attempt e2e > >(sed -u 's/^/e2e | /') 2>&1 &
		lane=$!
		set +m
	else
		sections+=("$section")
	fi
done
for section in ${sections[@]+"${sections[@]}"}; do
	attempt "$section" || failed+=("$section")
done
if [[ -n $lane ]]; then
	wait "$lane" || failed+=(e2e)
	lane=
fi
echo
((${#failed[@]} == 0)) || echo "failed: ${failed[*]}"
"${runner[0]}" -report "$totals"
