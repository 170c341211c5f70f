package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// This file sorts last: what it looks at is the whole run.

// TestSteadyStateIsSilent: over three minutes, counted from 60 s after the last transition, the operator sends nothing
// but watches and the lease.
func TestSteadyStateIsSilent(t *testing.T) {
	managed(t, onS3)
	cluster.RequireSilence(t, time.Minute, 3*time.Minute)
}

func operatorPods(ctx context.Context) ([]corev1.Pod, error) {
	list, err := cluster.Kube.CoreV1().Pods(names.OperatorNamespace).List(ctx, metav1.ListOptions{LabelSelector: "name=" + names.OperatorDeployment})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// TestTheOperatorWentOn: whatever was wrong was mended without a restart.
func TestTheOperatorWentOn(t *testing.T) {
	pods, err := operatorPods(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(pods) != 1 || pods[0].UID != firstPod {
		t.Errorf("the operator has %d pods, and not the one that it began with", len(pods))
	}
	for i := range pods {
		for _, status := range pods[i].Status.ContainerStatuses {
			if status.RestartCount != 0 {
				t.Errorf("container %s was restarted %d times, the last time after %+v", status.Name, status.RestartCount, status.LastTerminationState.Terminated)
			}
		}
	}
}

func TestNothingWasDenied(t *testing.T) { library.RequireNothingDenied(t, cluster, started) }

// TestEventsAreSpare: no text was said more than five times about one object, and none shows a key.
func TestEventsAreSpare(t *testing.T) {
	library.RequireSpareEvents(t, cluster, cluster.S3.SecretAccessKey, "nosuchsecret")
}
