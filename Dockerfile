# The image of the operator, for linux/amd64, arm64, ppc64le and s390x.
#
#   podman build -t operator .                              static binary, cross-compiled (the default)
#   podman build --build-arg VARIANT=fips -t operator .     FIPS binary, compiled on the target's platform
#
# The FIPS variant has cgo on and takes its cryptography from the frozen module that GOFIPS140 names: every Go toolchain
# since 1.24 has it, on all four architectures, and the binary runs in FIPS mode without being told to. The alternative,
# GOEXPERIMENT=strictfipsruntime, exists only in Red Hat's toolchain, where cgo loads the system's OpenSSL and the
# program ends if that is missing. Who builds with that toolchain says so:
#   --build-arg BUILDER=... --build-arg VARIANT=fips --build-arg GOFIPS140=off --build-arg GOEXPERIMENT=strictfipsruntime
#
# For another platform than the machine's own the last stage needs emulation (qemu-user in binfmt_misc), because it runs a
# command of its base; the FIPS variant is compiled in emulation too. Not every podman sets BUILDPLATFORM (4.3 does not):
# `make images` says it, because empty means the target's platform, and then the compiler of static is emulated as well.
ARG BUILDER=docker.io/library/golang:1.26
ARG BASE=registry.access.redhat.com/ubi9/ubi-minimal:latest
ARG VARIANT=static

FROM --platform=${BUILDPLATFORM} ${BUILDER} AS static
ARG TARGETOS TARGETARCH VERSION=v0.0.1
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 GOOS=${TARGETOS:-linux} GOARCH=${TARGETARCH} go build -mod=vendor -buildvcs=false -trimpath \
    -ldflags "-s -w -X github.com/openshift/cluster-image-registry-operator/pkg/version.Version=${VERSION}" \
    -o /out/cluster-image-registry-operator ./cmd/cluster-image-registry-operator

# On the target's platform: cgo needs a C compiler for it, and the builder image has one for itself only.
FROM ${BUILDER} AS fips
ARG VERSION=v0.0.1 GOFIPS140=certified GOEXPERIMENT=
WORKDIR /src
COPY . .
RUN CGO_ENABLED=1 GOFIPS140=${GOFIPS140} GOEXPERIMENT=${GOEXPERIMENT} go build -mod=vendor -buildvcs=false -trimpath \
    ${GOEXPERIMENT:+-tags ${GOEXPERIMENT}} \
    -ldflags "-s -w -X github.com/openshift/cluster-image-registry-operator/pkg/version.Version=${VERSION}" \
    -o /out/cluster-image-registry-operator ./cmd/cluster-image-registry-operator

FROM ${VARIANT} AS built

# The platform is said although it is the default: podman 4.3 goes on with the builder's, and the image for arm64 would
# have the base of amd64.
FROM --platform=${TARGETPLATFORM} ${BASE}
# The base brings a shell, coreutils and the CA folders. A pod mounts an empty volume over the extracted bundle, so
# a copy of it is kept for the entry point; the group may write, because a pod runs with any user and group 0.
RUN mkdir -p /usr/share/image-registry-operator \
 && cp -L /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem /usr/share/image-registry-operator/ \
 && chmod -R g+w /etc/pki/ca-trust/extracted/pem/
COPY --from=built /out/cluster-image-registry-operator /usr/bin/
COPY cmd/cluster-image-registry-operator/entrypoint.sh /usr/bin/entrypoint.sh
COPY manifests /manifests
USER 1001
ENTRYPOINT ["/usr/bin/entrypoint.sh"]
LABEL io.openshift.release.operator=true \
      io.k8s.display-name="OpenShift image registry operator" \
      io.k8s.description="Installs the OpenShift image registry and manages its configuration"
