// Package sandbox gives a cluster namespaces, mounts, a network and cgroups of its own, so that several run on one
// machine, nothing in them reaches the outside, and the kernel takes almost all of it away when their first process ends.
// What it does not take away are cgroups; RemoveCgroups does that.
//
// It needs Linux and root.
package sandbox
