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
