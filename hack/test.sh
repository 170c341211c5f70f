#!/usr/bin/env bash
# Runs sections of the tests, all of them whatever fails, and closes with a summary. A plus begins a lane: sections of a lane
# run one after the other, lanes side by side. Most of what has real pods is waiting for them to drain, and for silence.
#
#   hack/test.sh unit golden          # RUN=regexp picks tests, V=1 shows each, COUNT=1 ignores cached results
#   hack/test.sh unit + e2e           # AGAIN=1 runs a few failed tests once more and tells those that pass then as flaky
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
lanes=()
failures=$(mktemp "$CACHE/failures.XXXXXX")
trap 'signal_lanes TERM; wait_for_lanes; rm -f "$totals" "$failures"; sweep' EXIT
runner=("$CACHE/host/testrun")

# sweep ends the clusters of suites that are gone: a suite that was killed could not do it. Their names end in its pid.
sweep() {
	local state name
	for state in "$CACHE"/clusters/{integration,storages,e2e,run}-*/state.json; do
		name=$(basename "$(dirname "$state")")
		[[ -e $state ]] && ! kill -0 "${name##*-}" 2>/dev/null || continue
		say "ending cluster $name, which its suite left behind"
		"$CACHE/host/cluster" down --name "$name" >&2 || true
	done
}

# The module's packages without the sections that need a cluster's parts. The tests of test/library need none.
unit_packages() { go list ./... | grep -vE '/test/(golden|integration|storages|e2e|run)(/|$)'; }

# go_tests SECTION DIR GO-TEST-ARGUMENTS... Two packages at a time: the machine has two cores.
go_tests() {
	local section=$1 dir=$2 extra=()
	shift 2
	[[ -z ${RUN:-} ]] || extra+=(-run "$RUN")
	[[ -z ${COUNT:-} ]] || extra+=("-count=$COUNT")
	local flags=()
	[[ -z ${V:-} ]] || flags=(-v)
	[[ -z ${AGAIN:-} ]] || flags+=(-again -final "$looks_back")
	"${runner[@]}" -section "$section" -dir "$dir" -totals "$totals" ${flags[@]+"${flags[@]}"} -- \
		-p 2 ${extra[@]+"${extra[@]}"} "$@"
}

# with_binaries NAMES... puts the programs a section starts into its environment.
with_binaries() {
	local exports
	exports=$("$root/hack/binaries.sh" "$@") || die "building the programs the tests start"
	eval "$exports"
}

# The promises on real pods are three sections, each in a cluster of its own, for the time they take: tests during which images
# are pulled without a pause, those about storage and what is in it, and all others. Those that judge the whole run are part of
# each.
reads='^TestReadsGoOn'
images='^(TestImagesOn|TestThePruner|TestDeletingConfig|TestStorageFailures|TestWrongCredentials|TestUntrustedCertificate|TestNoStorage|TestACloudOutage)'
looks_back='^(TestTheOperatorWentOn|TestNothingWasDenied|TestEventsAreSpare|TestEveryRuleIsNeeded)$'

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
	backends)
		with_binaries azure dockerregistry dockerregistry2 gcs ibm s3 swift &&
			go_tests backends . -count=1 -timeout 20m ./pkg/storage/{azure,emptydir,gcs,ibmcos,pvc,s3,swift}/...
		;;
	# Servers that take too long for every run: MinIO is built for about a quarter of an hour, once, and Keystone downloaded; it
	# needs a minute to start.
	long)
		with_binaries keystone minio swift &&
			go_tests long . -count=1 -timeout 20m -run 'MinIO|ConformanceKeystone' ./pkg/storage/{s3,swift}/...
		;;
	# What these start is not among the files that go test's cache looks at: never take a cached result.
	cluster) with_binaries operator cluster kube s3 && GOFLAGS='' go_tests cluster test/cluster -count=1 -timeout 20m ./... ;;
	integration) with_binaries operator cluster s3 && go_tests integration . -count=1 -timeout 30m ./test/integration/... ;;
	storages)
		with_binaries operator cluster azure gcs ibm s3 swift && go_tests storages . -count=1 -timeout 30m ./test/storages/...
		;;
	e2e) with_binaries operator cluster s3 && V=1 go_tests e2e . -count=1 -timeout 60m -skip "$reads|$images" ./test/e2e/... ;;
	reads | images)
		with_binaries operator cluster s3 &&
			V=1 RUN=${RUN:-${!1}|$looks_back} go_tests "$1" . -count=1 -timeout 60m ./test/e2e/...
		;;
	# The commands build what they start.
	run) V=1 go_tests run . -count=1 -timeout 40m ./test/run/... ;;
	*) die "unknown section $1: unit, golden, backends, cluster, integration, storages, e2e, images, reads, run or long" ;;
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

# run_lane runs sections one after the other and notes those that fail. After a signal no other one begins.
run_lane() {
	local section
	trap 'exit 1' INT TERM
	for section in "$@"; do
		attempt "$section" || echo "$section" >>"$failures"
	done
}

# start_lane runs a lane beside this script, which so can end it at any time: a shell that waits for a command in the foreground
# hears no signal. The lines of all lanes but the first are marked. Job control gives each a process group of its own, to be
# named by its leader's pid.
start_lane() {
	set -m
	if ((${#lanes[@]} == 0)); then
		run_lane "$@" &
	else
		run_lane "$@" > >(sed -u "s/^/$1 | /") 2>&1 &
	fi
	lanes+=("$!")
	set +m
}

# signal_lanes passes a signal on, as a terminal would if the lanes were in its foreground: tests that hear it clean up.
signal_lanes() {
	local lane
	interrupted=1
	for lane in ${lanes[@]+"${lanes[@]}"}; do
		kill "-$1" -- "-$lane" 2>/dev/null || true
	done
}

# wait_for_lanes returns when all have ended. A signal ends only one wait.
wait_for_lanes() {
	local lane
	for lane in ${lanes[@]+"${lanes[@]}"}; do
		while kill -0 "$lane" 2>/dev/null; do
			wait "$lane" || true
		done
	done
	lanes=()
}

interrupted=''
trap 'signal_lanes INT' INT
trap 'signal_lanes TERM' TERM
mkdir -p "$CACHE/host"
go build -o "${runner[0]}" ./hack/testrun
while (($# > 0)); do
	sections=()
	while (($# > 0)) && [[ $1 != + ]]; do
		sections+=("$1")
		shift
	done
	shift $(($# > 0))
	start_lane "${sections[@]}"
done
wait_for_lanes
[[ -z $interrupted ]] || die "interrupted"
echo
[[ ! -s $failures ]] || echo "failed: $(paste -sd ' ' "$failures")"
rc=0
"${runner[0]}" -report "$totals" || rc=$?
cp "$totals" "$CACHE/last-test"
printf 'all of it took %dm%02ds\n' $((SECONDS / 60)) $((SECONDS % 60))
exit "$rc"
