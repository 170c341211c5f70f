package library

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// interval is how often a wait looks again. Tests never sleep for a fixed time: they look until a deadline.
const interval = 100 * time.Millisecond

// Until calls check until it returns nil or the deadline passes; then the test fails with what was waited for, the
// last answer and the state of the cluster.
func (c *Cluster) Until(t *testing.T, deadline time.Duration, what string, check func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var last error
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		// What fails because time is up says nothing; the answer before it does.
		if last == nil || ctx.Err() == nil && !strings.Contains(err.Error(), "would exceed context deadline") {
			last = err
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waited %s for %s: %v\n%s", deadline, what, last, c.Describe(context.WithoutCancel(ctx)))
		case <-tick.C:
		}
	}
}

// Always fails the test if check returns an error within the given time.
func (c *Cluster) Always(t *testing.T, during time.Duration, what string, check func(context.Context) error) {
	t.Helper()
	over := time.NewTimer(during)
	defer over.Stop()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := check(t.Context()); err != nil {
			t.Fatalf("%s did not hold: %v\n%s", what, err, c.Describe(t.Context()))
		}
		select {
		case <-over.C:
			return
		case <-tick.C:
		}
	}
}

// Want is an expected condition; an empty Reason matches any, Message is a part of the message.
type Want struct {
	Type    string
	Status  operatorv1.ConditionStatus
	Reason  string
	Message string
}

func (w Want) String() string {
	return fmt.Sprintf("%s=%s %q %q", w.Type, w.Status, w.Reason, w.Message)
}

// Matches says what is wrong with conditions, nil if every expected one is there.
func Matches(conditions []operatorv1.OperatorCondition, wants ...Want) error {
	for _, want := range wants {
		if err := want.check(conditions); err != nil {
			return err
		}
	}
	return nil
}

func (w Want) check(conditions []operatorv1.OperatorCondition) error {
	for _, condition := range conditions {
		if condition.Type != w.Type {
			continue
		}
		if condition.Status != w.Status || (w.Reason != "" && condition.Reason != w.Reason) || !strings.Contains(condition.Message, w.Message) {
			return fmt.Errorf("want condition %s, have %s %q %q", w, condition.Status, condition.Reason, condition.Message)
		}
		return nil
	}
	return fmt.Errorf("want condition %s, have none of that type", w)
}

// UntilConditions waits until Config has all the conditions. That of them which the edit before brought about has to be among
// them: one that held before says nothing.
func (c *Cluster) UntilConditions(t *testing.T, deadline time.Duration, wants ...Want) *imageregistryv1.Config {
	t.Helper()
	var config *imageregistryv1.Config
	c.Until(t, deadline, fmt.Sprint(wants), func(ctx context.Context) (err error) {
		config, err = c.GetConfig(ctx)
		if err != nil {
			return err
		}
		return Matches(config.Status.Conditions, wants...)
	})
	return config
}

// UntilAvailable waits until the registry serves what the current Config says.
func (c *Cluster) UntilAvailable(t *testing.T, deadline time.Duration) *imageregistryv1.Config {
	t.Helper()
	var config *imageregistryv1.Config
	c.Until(t, deadline, "the registry to be available with the current Config", func(ctx context.Context) (err error) {
		config, err = c.GetConfig(ctx)
		if err != nil {
			return err
		}
		if config.Status.ObservedGeneration != config.Generation {
			return fmt.Errorf("observedGeneration %d, generation %d", config.Status.ObservedGeneration, config.Generation)
		}
		return Matches(
			config.Status.Conditions,
			Want{Type: names.Available, Status: "True", Reason: names.ReasonReady},
			Want{Type: names.Progressing, Status: "False", Reason: names.ReasonReady},
			Want{Type: names.Degraded, Status: "False"},
			Want{Type: names.StorageReady, Status: "True"},
		)
	})
	return config
}

// UntilRemoved waits until a removal is over: the storage goes after the registry, and Config's Progressing speaks of the
// registry alone.
func (c *Cluster) UntilRemoved(t *testing.T, deadline time.Duration) *imageregistryv1.Config {
	t.Helper()
	return c.UntilConditions(t, deadline,
		Want{Type: names.Progressing, Status: "False", Reason: names.ReasonRemoved},
		Want{Type: names.StorageReady, Status: "True", Message: "storage is removed"},
	)
}

// Recreate deletes Config and waits for the default one that the operator bootstraps on the platform, with nothing left of
// the former.
func (c *Cluster) Recreate(t *testing.T, deadline time.Duration, platform configv1.PlatformType) *imageregistryv1.Config {
	t.Helper()
	c.SetPlatform(t, platform)
	return c.anew(t, deadline)
}

// RecreateOn is Recreate for a platform with everything that Infrastructure says about it.
func (c *Cluster) RecreateOn(t *testing.T, deadline time.Duration, platform configv1.PlatformStatus) *imageregistryv1.Config {
	t.Helper()
	c.SetPlatformStatus(t, platform)
	return c.anew(t, deadline)
}

// anew deletes Config and waits for the one that the operator makes.
func (c *Cluster) anew(t *testing.T, deadline time.Duration) *imageregistryv1.Config {
	t.Helper()
	var old types.UID
	if config, err := c.GetConfig(t.Context()); err == nil {
		old = config.UID
		// A pause between the tests would hide that deleting must work from any state.
		if err := c.Registry.ImageregistryV1().Configs().Delete(t.Context(), names.Cluster, metav1.DeleteOptions{}); err != nil {
			t.Fatalf("deleting config: %v", err)
		}
	}
	var config *imageregistryv1.Config
	c.Until(t, deadline, "a new default config", func(ctx context.Context) (err error) {
		config, err = c.GetConfig(ctx)
		if err == nil && config.UID == old {
			err = fmt.Errorf("the old one is still there, finalizers %v", config.Finalizers)
		}
		return err
	})
	return config
}

// GetConfig reads Config live.
func (c *Cluster) GetConfig(ctx context.Context) (*imageregistryv1.Config, error) {
	return c.Registry.ImageregistryV1().Configs().Get(ctx, names.Cluster, metav1.GetOptions{})
}

// Describe returns what a reader needs to understand a failure: Config's spec and conditions, the pods and the latest
// events of the operator's namespace.
func (c *Cluster) Describe(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var text strings.Builder
	if config, err := c.GetConfig(ctx); err != nil {
		fmt.Fprintf(&text, "config: %v\n", err)
	} else {
		fmt.Fprintf(&text, "config generation %d observed %d state %s storage %+v status.storage %+v\n",
			config.Generation, config.Status.ObservedGeneration, config.Spec.ManagementState, config.Spec.Storage, config.Status.Storage)
		for _, condition := range config.Status.Conditions {
			fmt.Fprintf(&text, "  %s=%s %q since %s: %s\n", condition.Type, condition.Status, condition.Reason, condition.LastTransitionTime.Format(time.TimeOnly), condition.Message)
		}
	}
	c.describePods(ctx, &text)
	c.describeEvents(ctx, &text)
	return text.String()
}

func (c *Cluster) describePods(ctx context.Context, text *strings.Builder) {
	pods, err := c.Kube.CoreV1().Pods(names.OperatorNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		fmt.Fprintf(text, "pods: %v\n", err)
		return
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		fmt.Fprintf(text, "pod %s %s\n", pod.Name, pod.Status.Phase)
		for _, status := range pod.Status.ContainerStatuses {
			if !status.Ready {
				fmt.Fprintf(text, "  container %s not ready, restarts %d, state %+v\n", status.Name, status.RestartCount, status.State)
			}
		}
	}
}

func (c *Cluster) describeEvents(ctx context.Context, text *strings.Builder) {
	const latest = 15
	list, err := c.Kube.CoreV1().Events(names.OperatorNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		fmt.Fprintf(text, "events: %v\n", err)
		return
	}
	sort.Slice(list.Items, func(i, j int) bool { return list.Items[i].LastTimestamp.Before(&list.Items[j].LastTimestamp) })
	if len(list.Items) > latest {
		list.Items = list.Items[len(list.Items)-latest:]
	}
	for i := range list.Items {
		event := &list.Items[i]
		fmt.Fprintf(text, "event %s %s %s/%s: %s\n", event.LastTimestamp.Format(time.TimeOnly), event.Reason, event.InvolvedObject.Kind, event.InvolvedObject.Name, event.Message)
	}
}

// IgnoreNotFound turns a NotFound answer of the API into nil.
func IgnoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
