// Package policies tells what the NetworkPolicies of a cluster mean: which of its pods may open a connection to which
// port of which other. Nothing enforces policies in the embedded cluster, so this is how a test sees them.
//
// Rules are matched by cyclonus. It reads two kinds of label selector differently from Kubernetes: a required label with
// an empty value (it takes a missing label for one), and NotIn (it wants the label to be there). So selectors are decided
// here, by Kubernetes' own code, and cyclonus gets their outcome as labels.
//
// As in Kubernetes, policies do not apply to pods in the host network; others see them as addresses of their node. What
// is always open, a node's way to its own pods, is not shown.
package policies
