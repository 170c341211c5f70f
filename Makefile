# The commands of this repository. `make` or `make help` lists them. What they build goes to
# ${XDG_CACHE_HOME:-~/.cache}/cluster-image-registry-operator (or $CLUSTER_HOME), never into the repository.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION ?= v0.0.1
PACKAGE := github.com/openshift/cluster-image-registry-operator
BINARY := cluster-image-registry-operator
LDFLAGS := -s -w -X $(PACKAGE)/pkg/version.Version=$(VERSION)
ARCHITECTURES := amd64 arm64 ppc64le s390x

# make run
NAME ?= dev
NODES ?=
SIMULATED ?=
DETACH ?=
CLUSTER_FLAGS = --name $(NAME) $(if $(NODES),--nodes $(NODES)) $(if $(SIMULATED),--simulated $(SIMULATED))

# make image; BUILDER and BASE are images in place of those that the Dockerfile names
ENGINE ?= $(shell command -v podman || command -v docker)
VARIANT ?= static
IMAGE ?= localhost/$(BINARY):$(VERSION)
BUILDER ?=
BASE ?=
BUILD_ARGS = $(foreach arg,VERSION VARIANT BUILDER BASE,$(if $($(arg)),--build-arg $(arg)=$($(arg))))

export VERSION

# with builds the named programs and puts NAME_BINARY into the recipe's environment. Two steps: eval would hide a failure.
with = exports=$$(hack/binaries.sh $(1)); eval "$$exports"

##@ The two commands

.PHONY: run
run: ## install what is missing, start a cluster, install the operator, push and pull an image [DETACH=1 NODES=2 SIMULATED=3 NAME=dev]
	@$(call with,operator cluster); "$$CLUSTER_BINARY" run $(CLUSTER_FLAGS) $(if $(DETACH),--detach) --operator "$$OPERATOR_BINARY"

.PHONY: test
test: install ## install what is missing, then all tests: unit, backends, golden, cluster, integration, storages, run, e2e, images, reads
	@hack/test.sh $(TEST_SECTIONS)

##@ A running cluster

.PHONY: status
status: ## what a cluster and its registry are doing [NAME=dev]
	@$(call with,cluster); "$$CLUSTER_BINARY" status --name $(NAME)

.PHONY: down
down: ## stop a cluster and remove what it left [NAME=dev]
	@$(call with,cluster); "$$CLUSTER_BINARY" down --name $(NAME)

.PHONY: bench
bench: ## print a table of figures measured on this machine: start, requests, memory, latency; ten minutes [FULL=1 adds cold runs]
	@$(call with,operator cluster); go run ./test/bench $(if $(FULL),-full)

.PHONY: bench-storage
bench-storage: ## print how long each kind of storage takes to be emptied of 10,000 objects and how often its cloud is asked, at servers on this machine
	@$(call with,azure gcs ibm s3 swift); go run ./test/bench -storages

##@ Build

.PHONY: build
build: ## the operator, into bin/ (static)
	CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags "$(LDFLAGS)" -o bin/$(BINARY) ./cmd/$(BINARY)

.PHONY: build-fips
build-fips: ## the operator with cgo and Go's frozen FIPS module (needs a C compiler)
	CGO_ENABLED=1 GOFIPS140=certified go build -buildvcs=false -trimpath -ldflags "$(LDFLAGS)" -o bin/$(BINARY)-fips ./cmd/$(BINARY)

.PHONY: cross
cross: $(addprefix cross-,$(ARCHITECTURES)) cross-darwin ## compile for all four architectures, and make run's program for macOS, without linking

.PHONY: $(addprefix cross-,$(ARCHITECTURES))
$(addprefix cross-,$(ARCHITECTURES)): cross-%:
	@echo "compiling for linux/$*"; CGO_ENABLED=0 GOOS=linux GOARCH=$* go build -buildvcs=false -trimpath -o /dev/null ./cmd/...

# What runs off Linux is the embedded cluster with simulated nodes.
.PHONY: cross-darwin
cross-darwin:
	@echo "compiling the embedded cluster for darwin/arm64"; cd test/cluster && GOFLAGS= CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 go build -buildvcs=false -trimpath -o /dev/null ./cmd/cluster ./internal/kubetest

.PHONY: cross-fips
cross-fips: $(addprefix cross-fips-,$(ARCHITECTURES)) ## the same with the FIPS module, but for cgo, which needs a C compiler for each

.PHONY: $(addprefix cross-fips-,$(ARCHITECTURES))
$(addprefix cross-fips-,$(ARCHITECTURES)): cross-fips-%:
	@echo "compiling with the FIPS module for linux/$*"; CGO_ENABLED=0 GOFIPS140=certified GOOS=linux GOARCH=$* go build -buildvcs=false -trimpath -o /dev/null ./cmd/...

.PHONY: image
image: ## the operator's image with podman or docker [IMAGE=... ENGINE=... VARIANT=fips BUILDER=... BASE=...]
	@[[ -n "$(ENGINE)" ]] || { echo "no podman or docker here: install one, or use make run, which builds its images without an engine" >&2; exit 1; }
	$(ENGINE) build $(BUILD_ARGS) -t $(IMAGE) .

# The name goes first: podman adds to the list it finds, and a list with two images for a platform gives out the older one.
.PHONY: images
images: ## the operator's image for all four architectures, as one manifest list [the same; podman and emulation]
	@[[ "$(notdir $(ENGINE))" == podman ]] || { echo "a manifest list needs podman" >&2; exit 1; }
	if $(ENGINE) manifest exists $(IMAGE) 2>/dev/null; then $(ENGINE) manifest rm $(IMAGE); else $(ENGINE) rmi --ignore $(IMAGE); fi
	platform=$$($(ENGINE) info --format '{{.Version.OsArch}}'); \
	$(ENGINE) build --platform $(subst $(space),$(comma),$(addprefix linux/,$(ARCHITECTURES))) --build-arg BUILDPLATFORM=$$platform $(BUILD_ARGS) --manifest $(IMAGE) .

.PHONY: cluster-bin
cluster-bin: ## the embedded cluster's program; it builds the rest when it needs it
	@hack/binaries.sh cluster

##@ Tests: RUN=regexp picks, V=1 shows each, COUNT=1 ignores cached results

# Four lanes of about the same length.
TEST_SECTIONS := unit golden backends cluster + e2e integration + images + reads run storages

.PHONY: test-unit
test-unit: ## tables and single syncs, no cluster: under a minute when warm [RACE=1]
	@hack/test.sh unit

.PHONY: test-golden
test-golden: ## what is compared with golden files; make update rewrites them
	@hack/test.sh golden

.PHONY: test-backends
test-backends: install ## storage backends against a real server
	@hack/test.sh backends

.PHONY: test-long
test-long: ## storage backends against MinIO, which takes a quarter of an hour to build, and OpenStack Keystone
	@hack/test.sh long

.PHONY: test-cluster
test-cluster: install ## the embedded cluster's own tests
	@hack/test.sh cluster

.PHONY: test-integration
test-integration: ## real etcd and API server, no nodes
	@hack/test.sh integration

.PHONY: test-storages
test-storages: install ## the operator against a server of every kind of storage
	@hack/test.sh storages

.PHONY: test-e2e
test-e2e: install ## promises to the user on real pods (root)
	@hack/test.sh e2e

.PHONY: test-images
test-images: install ## promises about storage and the images in it (root)
	@hack/test.sh images

.PHONY: test-reads
test-reads: install ## promises to who pulls images while storage, keys and images move (root)
	@hack/test.sh reads

.PHONY: test-run
test-run: install ## make run, status and down themselves (root)
	@hack/test.sh run

.PHONY: fresh-machine
fresh-machine: ## make run on a Debian of its own in a VM: cgroup v2 alone, overlay as a module (root, qemu) [SUITE=trixie]
	@hack/fresh-machine.sh

##@ Checks

.PHONY: verify
verify: ## all of the following
	@hack/verify.sh

CHECKS := format vet lint vendor imports generated scripts
.PHONY: $(addprefix verify-,$(CHECKS))
verify-format: ## every file is as gofumpt writes it
verify-vet: ## go vet, both modules
verify-lint: ## golangci-lint, both modules
verify-vendor: ## go.mod, go.sum and vendor/ say the same
verify-imports: ## who imports whom, length of files, number of exceptions, words that stay out
verify-generated: ## CRDs and the hosted Deployment are what their sources make them
verify-scripts: ## the scripts and this file parse
$(addprefix verify-,$(CHECKS)): verify-%:
	@hack/verify.sh $*

.PHONY: update
update: ## rewrite what is generated: go.mod, vendor/, manifests, golden files, formatting
	@hack/update.sh

.PHONY: format
format: ## gofumpt over our files
	@hack/format.sh

##@ The machine

.PHONY: install
install: ## what tests and real nodes need: containerd, runc, CNI plugins (Debian, root), promtool, Swift, azurite
	@$(call with,cluster); "$$CLUSTER_BINARY" install

.PHONY: tools
tools: ## build the pinned linter and formatter and print their folder
	@hack/tools.sh

.PHONY: clean
clean: ## remove what was built, here and in the cache folder; clusters stay, see down
	@hack/clean.sh

.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-zA-Z0-9_-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

comma := ,
empty :=
space := $(empty) $(empty)
