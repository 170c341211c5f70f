package versionoperator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/gvr"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/loop"
)

// Condition types and reasons of the real version operator.
const (
	conditionFailing  configv1.ClusterStatusConditionType = "Failing"
	conditionAccepted configv1.ClusterStatusConditionType = "ReleaseAccepted"
)

// progress is how far one pass over the release came.
type progress struct {
	total, done int
	rejected    error    // the payload on disk is not acceptable
	invalid     error    // a manifest asks for something unknown; nothing is applied
	failed      error    // the object that stopped the pass
	waiting     error    // the object that only needs time
	operators   []string // ClusterOperators that are not there yet
}

func (p *progress) failing() error {
	return errors.Join(p.rejected, p.invalid, p.failed)
}

func (p *progress) complete() bool {
	return p.failing() == nil && p.waiting == nil && p.total > 0 && p.done == p.total && len(p.operators) == 0
}

// begin puts a version that is new to the cluster at the head of its history.
func begin(status *configv1.ClusterVersionStatus, version string, now time.Time) {
	if len(status.History) > 0 && status.History[0].Version == version {
		return
	}
	at := metav1.NewTime(now.Truncate(time.Second))
	entry := configv1.UpdateHistory{State: configv1.PartialUpdate, StartedTime: at, Version: version, Image: image(version)}
	if len(status.History) > 0 && status.History[0].CompletionTime == nil {
		status.History[0].CompletionTime = &at // superseded
	}
	status.History = append([]configv1.UpdateHistory{entry}, status.History...)
	status.Desired = configv1.Release{Version: version, Image: entry.Image}
}

// image names a release image that nobody can pull; the field is required and readers show it.
func image(version string) string { return "release.cluster.test/release:" + version }

// report writes the progress into a ClusterVersion's status.
func (p *progress) report(version *configv1.ClusterVersion, now time.Time) {
	status := &version.Status
	status.ObservedGeneration = version.Generation
	set := func(t configv1.ClusterStatusConditionType, on bool, reason, message string) {
		setCondition(status, t, on, reason, message, now)
	}
	if p.rejected != nil {
		set(conditionAccepted, false, "RetrievePayload", p.rejected.Error())
	} else {
		set(conditionAccepted, true, "PayloadLoaded", "Payload loaded version="+status.Desired.Version)
	}
	switch err := p.failing(); {
	case err == nil:
		set(conditionFailing, false, "", "")
	case p.failed == nil:
		set(conditionFailing, true, "InvalidManifests", err.Error())
	default:
		set(conditionFailing, true, "UpdatePayloadFailed", err.Error())
	}
	if p.complete() {
		p.finish(status, now)
		set(configv1.OperatorAvailable, true, "", "Done applying "+status.Desired.Version)
		set(configv1.OperatorProgressing, false, "", "Cluster version is "+status.Desired.Version)
		return
	}
	if len(status.History) == 0 || status.History[0].State != configv1.CompletedUpdate {
		set(configv1.OperatorProgressing, true, "", p.message(status.Desired.Version))
	}
}

func (p *progress) message(version string) string {
	message := fmt.Sprintf("Working towards %s: %d of %d done", version, p.done, p.total)
	if p.waiting != nil {
		message += ", waiting: " + p.waiting.Error()
	}
	if len(p.operators) > 0 {
		message += ", " + strings.Join(p.operators, ", ")
	}
	return message
}

func (p *progress) finish(status *configv1.ClusterVersionStatus, now time.Time) {
	if len(status.History) == 0 || status.History[0].State == configv1.CompletedUpdate {
		return
	}
	at := metav1.NewTime(now.Truncate(time.Second))
	status.History[0].State = configv1.CompletedUpdate
	status.History[0].CompletionTime = &at
}

func setCondition(s *configv1.ClusterVersionStatus, t configv1.ClusterStatusConditionType, on bool, reason, message string, now time.Time) {
	condition := configv1.ClusterOperatorStatusCondition{
		Type: t, Status: configv1.ConditionFalse, Reason: reason, Message: message,
		LastTransitionTime: metav1.NewTime(now.Truncate(time.Second)),
	}
	if on {
		condition.Status = configv1.ConditionTrue
	}
	for i := range s.Conditions {
		if s.Conditions[i].Type != t {
			continue
		}
		if s.Conditions[i].Status == condition.Status {
			condition.LastTransitionTime = s.Conditions[i].LastTransitionTime
		}
		s.Conditions[i] = condition
		return
	}
	s.Conditions = append(s.Conditions, condition)
}

func failingMessage(version *configv1.ClusterVersion) string {
	for _, c := range version.Status.Conditions {
		if c.Type == conditionFailing && c.Status == configv1.ConditionTrue {
			return c.Message
		}
	}
	return ""
}

// writeStatus stores a changed status and returns the ClusterVersion as it is then.
func (v *operator) writeStatus(ctx context.Context, before, after *configv1.ClusterVersion) (*configv1.ClusterVersion, error) {
	if equality.Semantic.DeepEqual(before.Status, after.Status) {
		return after, nil
	}
	updated, err := loop.WriteStatus(ctx, v.Dynamic, gvr.ClusterVersions, after)
	if err != nil {
		return nil, err
	}
	return loop.Typed[configv1.ClusterVersion](updated)
}
