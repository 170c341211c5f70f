# Shared by the scripts of hack/ and by .ci/run; source it. Everything here writes for people to stderr.
# shellcheck shell=bash

# One folder for all that is built or run, the one test/cluster uses too.
CACHE=${CLUSTER_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/cluster-image-registry-operator}
export CACHE

say() { printf '%s\n' "$*" >&2; }

die() {
	say "error: $*"
	exit 1
}

# What `make run` was seen to write, in MiB; the cluster's own check has the same numbers. A cluster's data with the programs
# and images it is made of; the go command's caches when nothing has been built; the linker's temporary files.
CLUSTER_SPACE=1024
COLD_BUILDS=6144
COLD_MODULES=2048
LINKING=256

# still_to_come FOLDER MIB prints how much of it the folder does not hold yet.
still_to_come() {
	local have=0
	[[ ! -d $1 ]] || have=$( (du -sk "$1" 2>/dev/null || true) | awk '{ print int($1 / 1024) }')
	echo $((have < $2 ? $2 - have : 0))
}

# written_to prints the folders that a build and a cluster write to, each with MiB and the variable that moves it. With the
# programs built little is written.
written_to() {
	local builds modules temporary
	printf '%d CLUSTER_HOME %s\n' "$CLUSTER_SPACE" "$CACHE"
	{ read -r builds && read -r modules && read -r temporary; } < <(go env GOCACHE GOMODCACHE GOTMPDIR 2>/dev/null) ||
		return 0 # without a go command it is the build that fails
	printf '%d TMPDIR %s\n' "$LINKING" "${temporary:-${TMPDIR:-/tmp}}"
	if [[ -x $CACHE/host/cluster ]] && compgen -G "$CACHE/bin/kube-*/kube" >/dev/null; then
		printf '%d GOCACHE %s\n' "$LINKING" "$builds"
		return
	fi
	printf '%d GOCACHE %s\n' "$(still_to_come "$builds" "$COLD_BUILDS")" "$builds"
	printf '%d GOMODCACHE %s\n' "$(still_to_come "$modules" "$COLD_MODULES")" "$modules"
}

# disk_of FOLDER prints the disk on which it is, or is going to be, and how many MiB are free there.
disk_of() {
	local folder=$1
	while [[ ! -e $folder ]]; do folder=$(dirname "$folder"); done
	# File systems in memory are all called the same: for those the mount point counts.
	df -Pk "$folder" | awk 'NR == 2 { print ($1 ~ "^/" ? $1 : $1 "@" $NF), int($4 / 1024) }'
}

# enough_disk tells whether each disk that is written to has the space that a build and a cluster take. A build that runs out
# of it ends in the linker's words, or in those of whoever writes next.
enough_disk() {
	local mib variable folder disk free short=0
	local -A needed=() available=() folders=() elsewhere=()
	mkdir -p "$CACHE" || die "$CACHE cannot be created; CLUSTER_HOME=/another/folder takes its place"
	while read -r mib variable folder; do
		read -r disk free < <(disk_of "$folder")
		needed[$disk]=$((${needed[$disk]:-0} + mib))
		available[$disk]=$free
		folders[$disk]="${folders[$disk]:+${folders[$disk]}, }$folder"
		elsewhere[$disk]="${elsewhere[$disk]:-} $variable=/another/folder"
	done < <(written_to)
	for disk in "${!needed[@]}"; do
		((available[$disk] < needed[$disk])) || continue
		say "error: ${folders[$disk]}: ${available[$disk]} MiB of free disk space, ${needed[$disk]} are needed"
		say "cure:  make space, or use another disk:${elsewhere[$disk]}"
		short=1
	done
	return "$short"
}

sha256_of_stdin() {
	if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d' ' -f1
}

# golden_packages are those of the operator's module that compare with files: their tests are called ...Golden, and take
# the flag -update.
golden_packages() {
	grep -rlE --include='*_test.go' '^func Test[A-Za-z]*Golden' pkg test/golden 2>/dev/null | xargs -r -n 1 dirname | sort -u | sed 's|^|./|'
}

# with_lock NAME FUNCTION ARGS... runs the function alone among all runs of this user that use the same name.
with_lock() {
	local name=$1
	shift
	mkdir -p "$CACHE/locks"
	if ! command -v flock >/dev/null; then
		"$@"
		return
	fi
	exec 9>"$CACHE/locks/$name"
	flock -n 9 || {
		say "waiting for another run that holds $CACHE/locks/$name"
		flock 9
	}
	# The descriptor stays out of what the function starts: a daemon that inherited it would hold the lock for ever.
	"$@" 9>&-
	exec 9>&-
}

# with_heartbeat WHAT COMMAND... says every half minute that a silent command is still at work.
with_heartbeat() {
	local what=$1 started=$SECONDS rc=0
	shift
	exec 8> >(heartbeat "$what" "$started")
	"$@" 8>&- || rc=$?
	exec 8>&-
	return "$rc"
}

# heartbeat ends with its input: no process to stop, no sleep that outlives the command.
heartbeat() {
	while true; do
		read -r -t 30 && continue
		# Above 128 it was the time-out, else the end of the input.
		(($? > 128)) || return 0
		say "  still $1 ($((SECONDS - $2))s)"
	done
}

# promtool_path prints where promtool is: the machine's, or the one that `cluster install` has taken out of its package.
promtool_path() {
	command -v promtool && return 0
	[[ -x $CACHE/promtool/promtool ]] && printf '%s\n' "$CACHE/promtool/promtool"
}
