package mainjob

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// patience is how long the operator may take from its deployment to a registry that serves.
const patience = 10 * time.Minute

// interval is how often the cluster is looked at.
const interval = 500 * time.Millisecond

// untilAvailable prints what changes and returns the bucket when the operator of the release is at work and its registry
// serves. One look that fails is no verdict: the API server of a small machine may be away for a moment.
func (j Job) untilAvailable(parent context.Context, look func(context.Context) (*sight, error)) (bucket string, err error) {
	ctx, cancel := context.WithTimeout(parent, patience)
	defer cancel()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	shown := map[string]string{}
	obstacle := "the cluster was never looked at"
	for {
		s, err := look(ctx)
		switch {
		case ctx.Err() != nil: // what was seen before says more
		case err != nil:
			if ended := j.Running(); ended != nil {
				return "", fmt.Errorf("%w (%w)", ended, err)
			}
			obstacle = err.Error()
			j.once(shown, "look", obstacle+"; trying again")
		default:
			delete(shown, "look")
			if obstacle, err = j.judge(s, shown); err != nil {
				return "", err
			}
			if obstacle == "" {
				bucket, _, _ = unstructured.NestedString(s.config.Object, "status", "storage", "s3", "bucket")
				return bucket, nil
			}
		}
		select {
		case <-ctx.Done():
			return "", j.gaveUp(parent, obstacle)
		case <-tick.C:
		}
	}
}

// gaveUp says what the wait was for.
func (j Job) gaveUp(parent context.Context, obstacle string) error {
	if cause := context.Cause(parent); cause != nil {
		return fmt.Errorf("waiting for the registry: %w: %s", cause, obstacle)
	}
	return fmt.Errorf("the registry is not available after %s: %s; see kubectl get events -n %s, and kubectl describe config.imageregistry.operator.openshift.io %s",
		patience, obstacle, namespace, configName)
}

// judge prints what is new and says what is still in the way. An error is what no waiting mends.
func (j Job) judge(s *sight, shown map[string]string) (obstacle string, err error) {
	obstacle = j.operatorObstacle(s)
	if obstacle != "" {
		j.once(shown, "operator", obstacle)
	} else {
		j.once(shown, "operator", "the operator of this release is at work")
	}
	// What an operator said that is about to go is not news. The new one's words are shown before it counts as rolled out:
	// its first probe may come late.
	if obstacle == "" || s.leadsSince().After(j.Announced) {
		j.showConfig(s.config, shown)
	}
	if obstacle != "" {
		return obstacle, nil
	}
	if err := notManaged(s.config); err != nil {
		return "", err
	}
	return j.registryObstacle(s, time.Now()), nil
}

// showConfig prints the conditions that have changed.
func (j Job) showConfig(config *unstructured.Unstructured, shown map[string]string) {
	if config == nil {
		j.once(shown, "config", "the operator has not created "+configObject+" yet")
		return
	}
	j.once(shown, "config", "the operator has created "+configObject)
	for _, c := range conditionsOf(config) {
		j.once(shown, c.kind, "  "+c.text())
	}
}

// once prints text when it differs from what was last shown under the key.
func (j Job) once(shown map[string]string, key, text string) {
	if shown[key] != text {
		shown[key] = text
		j.Step("%s", text)
	}
}
