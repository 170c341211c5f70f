package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/simulated"
)

func (e *engine) registerNode(ctx context.Context, name string, index int) error {
	object := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: e.Options.nodeLabels(name, index)}}
	_, err := e.client.CoreV1().Nodes().Create(ctx, object, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("creating node %s: %w", name, err)
	}
	return nil
}

func (e *engine) waitNode(ctx context.Context, name string) error {
	err := e.group.Until(ctx, "node "+name, 2*time.Minute, func(ctx context.Context) error {
		object, err := e.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("reading node %s: %w", name, err)
		}
		return readiness(object)
	})
	if err == nil {
		e.events.step("%s is ready", name)
	}
	return err
}

// readiness says what a node lacks.
func readiness(object *corev1.Node) error {
	// The controller manager takes the taints of a new node away a moment after it is ready; pods wait for that.
	for _, taint := range object.Spec.Taints {
		if taint.Effect != corev1.TaintEffectPreferNoSchedule {
			return fmt.Errorf("node %s has taint %s", object.Name, taint.Key)
		}
	}
	for _, condition := range object.Status.Conditions {
		if condition.Type != corev1.NodeReady {
			continue
		}
		if condition.Status != corev1.ConditionTrue {
			return fmt.Errorf("node %s is not ready: %s", object.Name, condition.Message)
		}
		return nil
	}
	return errors.New("the kubelet has not reported yet")
}

// startSimulated adds the nodes that kwok plays. Their zones go on where those of the real nodes end, so that few nodes
// cover all zones.
func (e *engine) startSimulated(ctx context.Context) error {
	if e.Options.Simulated == 0 {
		return nil
	}
	config, err := e.creds.User(e.Control, "cluster-kwok", "system:masters")
	if err != nil {
		return err
	}
	for index := range e.Options.Simulated {
		name := simulated.NodeName(index)
		object := simulated.Node(index, e.Options.Family, e.Options.simulatedLabels(name, e.Options.Nodes+index))
		if err := simulated.Add(ctx, e.client, object); err != nil {
			return err
		}
	}
	if err := simulated.Start(e.group, e.Control.Kube, e.Control.Dir, config); err != nil {
		return err
	}
	for index := range e.Options.Simulated {
		if err := e.waitSimulated(ctx, simulated.NodeName(index)); err != nil {
			return err
		}
	}
	e.events.step("%d simulated node(s) are ready", e.Options.Simulated)
	return nil
}

func (e *engine) waitSimulated(ctx context.Context, name string) error {
	return e.group.Until(ctx, "node "+name, time.Minute, func(ctx context.Context) error {
		object, err := e.client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("reading node %s: %w", name, err)
		}
		return readiness(object)
	})
}
