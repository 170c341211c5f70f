// Package conditions turns observations into the core conditions of Config: Available, Progressing, Degraded, Removed,
// and ResourcesApplied beside them. It is pure: state, Deployment, stage facts, stored conditions and clock go in;
// conditions and the time of the next look come out.
//
// Each condition is an ordered list of rows, read top down, and the first that matches wins. How long a fault stays
// hidden is one table, Inertias. Every streak starts at a stored lastTransitionTime, so that a restart of the operator
// neither hides a fault for longer nor shows it earlier.
package conditions
