#!/bin/sh
# Entry point of the operator's image: puts the cluster's trust bundle where the programs of the image look for roots,
# then becomes the operator. The folder is a volume in the pod, because the root file system is read-only.
set -eu

trusted=/var/run/configmaps/trusted-ca/tls-ca-bundle.pem
store=/etc/pki/ca-trust/extracted/pem
# The image's own roots, kept aside by the Dockerfile: the volume hides the originals.
image=/usr/share/image-registry-operator/tls-ca-bundle.pem

if [ -f "$trusted" ]; then
	echo "Overwriting root TLS certificate authority trust store"
	cp -f "$trusted" "$store/"
elif [ -f "$image" ] && [ -w "$store" ]; then
	# Over an earlier start's too: the volume outlives the container, and a bundle that was taken away is no longer trusted.
	cp -f "$image" "$store/"
fi

exec /usr/bin/cluster-image-registry-operator "$@"
