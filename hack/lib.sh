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

# What a cold start writes, in MiB; the cluster's own check has the same number.
MINIMUM_DISK=3072

# enough_disk tells whether the cache's disk has the space that a build and a cluster take. A build that runs out of it
# ends in the linker's words, or in those of whoever writes next.
enough_disk() {
	local free
	mkdir -p "$CACHE" || die "$CACHE cannot be created; CLUSTER_HOME=/another/folder takes its place"
	free=$(df -Pk "$CACHE" | awk 'NR == 2 { print int($4 / 1024) }')
	((free >= MINIMUM_DISK)) && return
	say "error: $CACHE has $free MiB of free disk space, $MINIMUM_DISK are needed"
	say "cure:  make space, or put everything elsewhere: CLUSTER_HOME=/another/folder"
	return 1
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
