package conditions

import (
	"time"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// Inertia is how long a fault stays out of a condition. What is not in the table shows at once.
type Inertia struct {
	// Type is the condition and Reason the reason that is held back.
	Type, Reason string
	// After is the age at which the fault enters the condition.
	After time.Duration
	// Topology restricts the row to control planes of that kind; empty means every kind. A row with the topology of
	// the cluster wins over one without.
	Topology configv1.TopologyMode
	// Why is the case for the number.
	Why string
}

// Inertias is the one table of delays.
var Inertias = []Inertia{
	{
		Type: names.Progressing, Reason: names.ReasonError, After: time.Minute,
		Why: "beside a running registry a failed call is retried within seconds, and most such faults heal before anybody could act",
	},
	{
		Type: names.Progressing, Reason: names.ReasonError, After: 5 * time.Minute, Topology: configv1.SingleReplicaTopologyMode,
		Why: "the one API server is away for minutes when it rolls out, as the timing of the lease on such a cluster knows; Degraded is no later than elsewhere",
	},
	{
		Type: names.Progressing, Reason: names.ReasonWaitingForCredentials, After: time.Minute,
		Why: "rotating credentials deletes and recreates their Secret while the registry runs on its copy",
	},
	{
		Type: names.Degraded, Reason: names.ReasonError, After: 15 * time.Minute,
		Why: "the registry serves meanwhile; an outage of the cloud or of the API server's etcd is usually over in that time, and what lasts longer needs an administrator",
	},
	{
		Type: names.Degraded, Reason: names.ReasonWaitingForCredentials, After: 15 * time.Minute,
		Why: "as for an error: the registry serves, but a change of storage cannot be made",
	},
	{
		Type: names.Degraded, Reason: names.ReasonUnavailable, After: 5 * time.Minute,
		Why: "a rollout or the reboot of a node may leave no pod for minutes; clusters have known this number for years",
	},
	{
		Type: names.ImageConfigDegraded, Reason: names.ReasonError, After: 2 * time.Minute,
		Why: "the hostnames are settled long before anybody reads them anew, and an API server that restarts refuses writes for a minute",
	},
	{
		Type: names.NodeCAAvailable, Reason: names.ReasonNoAvailableReplicas, After: 2 * time.Minute,
		Why: "a single node has no pod while its one is replaced; it keeps the CAs it has, and a pod that has to be pulled starts within that time",
	},
	{
		Type: names.NodeCADegraded, Reason: names.ReasonError, After: 2 * time.Minute,
		Why: "nodes keep the CAs they have, and an API server that restarts refuses writes for a minute",
	},
}

// delay is how long a fault is held back on any topology.
func delay(conditionType, reason string) time.Duration {
	return delayIn(Inertias, conditionType, reason, "")
}

// Wait says how much longer a fault stays out of a condition that is not one of the four core ones; zero or less when its
// time has come. The fault is as old as the condition outcome, which tells of it, is stored False: that of a fault which is
// new, or was stored by nobody, begins now. So a restart neither ends nor prolongs the wait.
func Wait(stored []operatorv1.OperatorCondition, outcome, conditionType, reason string, now time.Time) time.Duration {
	since := now
	if before := Find(stored, outcome); before != nil && before.Status == operatorv1.ConditionFalse && !before.LastTransitionTime.IsZero() {
		since = before.LastTransitionTime.Time
	}
	return since.Add(delay(conditionType, reason)).Sub(now)
}

// delayIn looks up how long a fault is held back from a condition.
func delayIn(table []Inertia, conditionType, reason string, topology configv1.TopologyMode) time.Duration {
	var general time.Duration
	for _, row := range table {
		if row.Type != conditionType || row.Reason != reason {
			continue
		}
		if row.Topology == topology && topology != "" {
			return row.After
		}
		if row.Topology == "" {
			general = row.After
		}
	}
	return general
}
