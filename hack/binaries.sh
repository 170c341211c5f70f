#!/usr/bin/env bash
# Builds the programs that tests and commands start and prints `export NAME_BINARY=path` for each, for `eval`. Contents
# decide what is built: a call without changes takes about a second. Progress goes to stderr.
#
#   exports=$(hack/binaries.sh operator cluster); eval "$exports"
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=hack/lib.sh
source "$root/hack/lib.sh"
bin=$CACHE/host
VERSION=${VERSION:-v0.0.1}

# go_build FOLDER OUTPUT LDFLAGS PACKAGE. The go command links nothing when the output is up to date.
go_build() {
	local started=$SECONDS
	# The caller's -mod flag is for its own module; the cluster's module is not vendored.
	(cd "$1" && unset GOFLAGS && with_heartbeat "building $2" \
		env CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags "-s -w $3" -o "$bin/$2" "$4") >&2 ||
		die "building $4 in $1"
	((SECONDS - started < 5)) || say "built $2 in $((SECONDS - started))s"
}

# of_the_cluster NAME VARIABLE: programs the cluster runs; it knows how to build them and where it keeps them.
of_the_cluster() {
	local line
	go_build "$root/test/cluster" programs "" ./cmd/programs
	line=$(cd "$root/test/cluster" && "$bin/programs" -home "$CACHE" "$1")
	printf 'export %q\n' "$2=${line#"$1 "}"
}

build() {
	case $1 in
	operator)
		go_build "$root" cluster-image-registry-operator \
			"-X github.com/openshift/cluster-image-registry-operator/pkg/version.Version=$VERSION" \
			./cmd/cluster-image-registry-operator
		printf 'export %q\n' "OPERATOR_BINARY=$bin/cluster-image-registry-operator"
		;;
	cluster)
		go_build "$root/test/cluster" cluster "" ./cmd/cluster
		printf 'export %q\n' "CLUSTER_BINARY=$bin/cluster"
		;;
	kube) of_the_cluster kube KUBE_BINARY ;;
	azure)
		of_the_cluster azure AZURE_SERVER_BINARY
		# Without it the tests of Azure skip themselves.
		if [[ -d $CACHE/azurite/node_modules/azurite ]]; then
			printf 'export %q\n' "AZURITE_HOME=$CACHE/azurite/node_modules/azurite"
		else
			say "no azurite in $CACHE: the tests of Azure storage skip themselves; make install gets it"
		fi
		;;
	dockerregistry) of_the_cluster dockerregistry REGISTRY_BINARY ;;
	dockerregistry2) of_the_cluster dockerregistry2 REGISTRY2_BINARY ;;
	gcs) of_the_cluster gcs GCS_SERVER_BINARY ;;
	ibm) of_the_cluster ibm IBM_SERVER_BINARY ;;
	keystone)
		go_build "$root/test/cluster" cluster "" ./cmd/cluster
		"$bin/cluster" --home "$CACHE" install --keystone >&2 || die "getting Keystone"
		# Without it its test skips itself.
		[[ ! -d $CACHE/keystone ]] || printf 'export %q\n' "KEYSTONE_PACKAGES=$CACHE/keystone"
		;;
	minio)
		go_build "$root/test/minio" minio "" github.com/minio/minio
		printf 'export %q\n' "MINIO_BINARY=$bin/minio"
		;;
	s3) of_the_cluster s3 S3_SERVER_BINARY ;;
	swift) of_the_cluster swift SWIFT_SERVER_BINARY ;;
	*) die "unknown program $1: operator, cluster, kube, or one of azure, dockerregistry, dockerregistry2, gcs, ibm, keystone, minio, s3, swift" ;;
	esac
}

build_all() {
	local name
	for name in "$@"; do build "$name"; done
}

# A full disk must not keep anybody from ending a cluster: the program that does it is used as it is.
if ! enough_disk; then
	[[ $* == cluster && -x $bin/cluster ]] || exit 1
	say "going on with $bin/cluster as it is, for commands that need no space"
	printf 'export %q\n' "CLUSTER_BINARY=$bin/cluster"
	exit 0
fi
mkdir -p "$bin"
with_lock binaries build_all "$@"
