package registry

import (
	"slices"
	"time"

	operatorv1 "github.com/openshift/api/operator/v1"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// firstWord is how long the first conditions of a new cluster wait for the Deployment. It follows the storage within a
// moment, once the service CA has done its part.
const firstWord = 2 * time.Second

// holdBack says how much longer to keep the first conditions to ourselves: while all there is to say is that the
// registry's Deployment is about to be made.
func (c *controller) holdBack(done outcome, now time.Time) time.Duration {
	quiet := done.waiting != "" && done.applied == nil && done.deployment == nil &&
		!conditions.Begun(done.config.Status.Conditions) && !storageFails(done.config.Status.Conditions)
	if !quiet {
		c.silent = time.Time{}
		return 0
	}
	if c.silent.IsZero() {
		c.silent = now
	}
	return firstWord - now.Sub(c.silent)
}

// until is how long it is to next; zero for never.
func until(next, now time.Time) time.Duration {
	if next.IsZero() {
		return 0
	}
	return next.Sub(now)
}

func storageFails(stored []operatorv1.OperatorCondition) bool {
	return slices.ContainsFunc(stored, func(condition operatorv1.OperatorCondition) bool {
		return condition.Type == names.StorageReady && condition.Status == operatorv1.ConditionFalse
	})
}

// statusOf is the complete set of status fields of this controller, and when to look again.
func statusOf(in Inputs, done outcome, now time.Time) (operatorclient.Status, time.Time) {
	config := done.config
	facts := conditions.Facts{
		State:               stateOf(config),
		Deployment:          done.deployment,
		RollingOut:          done.rollingOut,
		Invalid:             done.invalid,
		StorageAcknowledged: storage.Acknowledged(config),
		StorageMoving:       !storage.Agree(config.Spec.Storage, config.Status.Storage),
		Applied:             done.applied,
		Waiting:             done.waiting,
		Stored:              config.Status.Conditions,
		Topology:            in.Topology,
		Advice:              in.Advice,
		Now:                 now,
	}
	result := conditions.Evaluate(facts)
	var ready int32
	if done.deployment != nil {
		ready = done.deployment.Status.ReadyReplicas
	}
	return operatorclient.Status{
		Conditions:         result.Conditions,
		Generations:        generations(done),
		ObservedGeneration: ptr.To(observedGeneration(done, facts)),
		ReadyReplicas:      &ready,
	}, result.Next
}

// observedGeneration is the generation that has been dealt with: applied, or found to be wrong for good. It stays
// behind while the current spec.storage has not been carried out, and while our writes fail.
func observedGeneration(done outcome, facts conditions.Facts) int64 {
	config := done.config
	failing := done.applied != nil && !conditions.IsPermanent(done.applied)
	if facts.State == operatorv1.Managed && (failing || !facts.StorageSettled()) {
		return config.Status.ObservedGeneration
	}
	return config.Generation
}

// generations is our entry in status.generations: operators of earlier releases write the Deployment again when its
// generation differs from the recorded one. The entry stays when the Deployment goes.
func generations(done outcome) []operatorv1.GenerationStatus {
	entry := operatorv1.GenerationStatus{
		Group: appsv1.GroupName, Resource: "deployments", Namespace: names.OperatorNamespace, Name: names.Registry,
	}
	if done.written {
		entry.LastGeneration = done.deployment.Generation
		return []operatorv1.GenerationStatus{entry}
	}
	index := slices.IndexFunc(done.config.Status.Generations, func(stored operatorv1.GenerationStatus) bool {
		return stored.Group == entry.Group && stored.Resource == entry.Resource &&
			stored.Namespace == entry.Namespace && stored.Name == entry.Name
	})
	if index < 0 {
		return nil
	}
	return []operatorv1.GenerationStatus{done.config.Status.Generations[index]}
}
