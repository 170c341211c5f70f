// Package nodeca is the program that runs on every node and brings the certificate authorities for registries to where
// the container runtime looks for them: each key of ConfigMap image-registry-certificates, mounted as a folder, becomes
// /etc/docker/certs.d/<host>/ca.crt.
//
// The folder on the node belongs to its administrators. What this program has made there carries a marker, and only that
// is ever removed. Contents are compared, never times, so that an edit on the node is undone and clocks do not matter. A
// reader sees the old file or the new one, never a part.
package nodeca
