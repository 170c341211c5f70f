// Package clusteroperator publishes what Config and ImagePruner say about themselves as the ClusterOperator
// image-registry. It does not use library-go's status controller, whose reasons, messages and treatment of Unmanaged
// and of a missing Config differ from what tools outside match.
//
// Reads: Config, ImagePruner, Deployment image-registry, ClusterOperator image-registry.
//
// Writes: ClusterOperator image-registry (created when missing; status on difference; never deleted).
//
// Conditions: none on Config; Available, Progressing and Degraded on the ClusterOperator. Others found there are left
// alone.
//
// Triggers: the four objects it reads.
package clusteroperator
