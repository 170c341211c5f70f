#!/bin/sh
# Entry point of the operator's image. Where the cluster injects a trust bundle, the operator's process trusts
# exactly that bundle; without one, it trusts what the image trusts.
set -e

bundle=/var/run/configmaps/trusted-ca/tls-ca-bundle.pem
if [ -f "$bundle" ]; then
    echo "entrypoint.sh: trusting the bundle that the cluster injected"
    cp -f "$bundle" /etc/pki/ca-trust/extracted/pem/
fi

exec /usr/bin/cluster-image-registry-operator "$@"
