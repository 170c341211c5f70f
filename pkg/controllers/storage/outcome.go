package storage

import (
	"context"
	"errors"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// outcome is what a sync has to say.
type outcome struct {
	// err is the failure; nil for success and for waiting.
	err error
	// reason and message are for StorageReady. An empty reason is taken from err, or is AsExpected.
	reason, message string
	// conditions are the storage conditions beside StorageReady.
	conditions []operatorv1.OperatorCondition
	// wait is how long the cloud wants us to wait.
	wait time.Duration
	// next is when something is due again; zero leaves it to the watches.
	next time.Time
	// unwritten tells that the failure is of the cluster, not of the storage: it is tried again without asking the cloud.
	unwritten bool
	// after is done once the status has been reported: the last step of a deletion, after which there is no status.
	after func(context.Context) error
}

// failure is the outcome of err. What is known about the medium stays, but for what err says about it.
func failure(config *imageregistryv1.Config, err error) outcome {
	o := outcome{err: err, reason: names.ReasonError, message: err.Error(), conditions: replace(existing(config), storage.Condition(err))}
	var e *storage.Error
	if errors.As(err, &e) {
		o.wait = e.RetryAfter
		if e.Reason != "" {
			o.reason = e.Reason
		}
	}
	return o
}

// unwritten is the outcome of a write to the cluster that failed.
func unwritten(config *imageregistryv1.Config, err error) outcome {
	o := failure(config, err)
	o.conditions, o.unwritten = existing(config), true
	return o
}

// permanent tells whether trying again cannot help.
func (o outcome) permanent() bool {
	var e *storage.Error
	return errors.As(o.err, &e) && e.Permanent
}

// waiting tells whether somebody else has to do something first.
func (o outcome) waiting() bool {
	return atWork(o.reason) || o.reason == names.ReasonWaitingForCredentials
}

// existing are the storage conditions that config shows now.
func existing(config *imageregistryv1.Config) []operatorv1.OperatorCondition {
	ours := []string{
		names.StorageExists, names.StorageTagged, names.StorageLabeled, names.StorageEncrypted, names.StoragePublicAccessBlocked,
		names.StorageIncompleteUploadCleanupEnabled,
	}
	var found []operatorv1.OperatorCondition
	for _, condition := range config.Status.Conditions {
		if slices.Contains(ours, condition.Type) {
			// The writer fills in the time.
			condition.LastTransitionTime = metav1.Time{}
			found = append(found, condition)
		}
	}
	return found
}

// ready is the StorageReady condition of the outcome.
func (o outcome) ready() operatorv1.OperatorCondition {
	condition := operatorv1.OperatorCondition{
		Type: names.StorageReady, Status: operatorv1.ConditionTrue, Reason: names.ReasonAsExpected, Message: o.message,
	}
	if o.err != nil && o.reason == "" {
		o.reason = names.ReasonError
	}
	if o.reason != "" {
		condition.Status, condition.Reason = operatorv1.ConditionFalse, o.reason
	}
	return condition
}

// report writes the complete set of what the controller says in status, in one call.
func (p *pass) report(ctx context.Context, o outcome) error {
	return p.Client.ApplyStatus(ctx, names.StorageController, operatorclient.Status{
		Conditions:  append([]operatorv1.OperatorCondition{o.ready()}, o.conditions...),
		Generations: []operatorv1.GenerationStatus{p.acknowledgement()},
	})
}

// acknowledgement is the entry for the current spec.storage. It keeps its generation while the storage is the same:
// an edit of anything else is none of our business.
func (p *pass) acknowledgement() operatorv1.GenerationStatus {
	entry := storage.Acknowledgement(p.config)
	for _, have := range p.config.Status.Generations {
		if have.Group == entry.Group && have.Resource == entry.Resource && have.Name == entry.Name && have.Hash == entry.Hash {
			entry.LastGeneration = have.LastGeneration
		}
	}
	return entry
}

// logFailure logs an attempt that failed, once per attempt.
func logFailure(err error, kind storage.Kind, retry time.Duration) {
	klog.ErrorS(err, "storage is not ready", "kind", kind, "retryIn", retry.String())
}
