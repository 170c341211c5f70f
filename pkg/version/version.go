// Package version holds what the build stamps into the binary. It is a leaf: anything may import it.
package version

// Version says which build this binary is; the Makefile sets it with -X. It is not the release the operator reports:
// that one comes from the payload, through the operator's environment.
var Version = "v0.0.1"
