package clusteroperator

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
)

const (
	yes     = operatorv1.ConditionTrue
	no      = operatorv1.ConditionFalse
	unknown = operatorv1.ConditionUnknown
)

func cond(conditionType string, status operatorv1.ConditionStatus, reason, message string) operatorv1.OperatorCondition {
	return operatorv1.OperatorCondition{Type: conditionType, Status: status, Reason: reason, Message: message}
}

type outcome struct{ status, reason, message string }

func TestUnion(t *testing.T) {
	for _, tc := range []struct {
		name           string
		config, pruner []operatorv1.OperatorCondition
		// want is Available, Progressing, Degraded.
		want [3]outcome
	}{
		{
			name: "a healthy registry names the reasons that are not AsExpected and every message in stored order",
			config: []operatorv1.OperatorCondition{
				cond("NodeCADaemonAvailable", yes, "AsExpected", "The daemon set node-ca has available replicas"),
				cond("NodeCADaemonProgressing", no, "AsExpected", "The daemon set node-ca is deployed"),
				cond("Available", yes, "Ready", "The registry is ready"),
				cond("Progressing", no, "Ready", "The registry is ready"),
				cond("Degraded", no, "", ""),
				cond("Removed", no, "", ""),
				cond("ImageRegistryCertificatesControllerDegraded", no, "AsExpected", ""),
			},
			pruner: []operatorv1.OperatorCondition{
				cond("Available", yes, "AsExpected", "Pruner CronJob has been created"),
				cond("Degraded", no, "AsExpected", ""),
				cond("Failed", no, "Complete", "done"),
			},
			want: [3]outcome{
				{"True", "Ready", "NodeCADaemonAvailable: The daemon set node-ca has available replicas\nAvailable: The registry is ready\nImagePrunerAvailable: Pruner CronJob has been created"},
				{"False", "Ready", "NodeCADaemonProgressing: The daemon set node-ca is deployed\nProgressing: The registry is ready"},
				{"False", "AsExpected", ""},
			},
		},
		{
			name: "a removed registry is available",
			config: []operatorv1.OperatorCondition{
				cond("Available", yes, "Removed", "gone"), cond("Progressing", no, "Removed", "gone"),
				cond("Degraded", no, "Removed", "gone"), cond("Removed", yes, "Removed", "gone"),
			},
			want: [3]outcome{{"True", "Removed", "Available: gone"}, {"False", "Removed", "Progressing: gone"}, {"False", "Removed", "Degraded: gone"}},
		},
		{
			name:   "a missing cron job makes the operator unavailable and is sorted before Ready",
			config: []operatorv1.OperatorCondition{cond("Available", yes, "Ready", "fine"), cond("Progressing", no, "Ready", "fine"), cond("Degraded", no, "", "")},
			pruner: []operatorv1.OperatorCondition{cond("Available", no, "Error", "no cron job")},
			want:   [3]outcome{{"False", "ImagePrunerError::Ready", "Available: fine\nImagePrunerAvailable: no cron job"}, {"False", "Ready", "Progressing: fine"}, {"False", "AsExpected", ""}},
		},
		{
			name:   "a failed prune job degrades under the pruner's name",
			config: []operatorv1.OperatorCondition{cond("Available", yes, "Ready", ""), cond("Degraded", no, "", "")},
			pruner: []operatorv1.OperatorCondition{cond("Available", yes, "AsExpected", ""), cond("Degraded", yes, "JobFailed", "back-off limit")},
			want:   [3]outcome{{"True", "Ready", ""}, {"False", "AsExpected", ""}, {"True", "ImagePrunerJobFailed", "ImagePrunerDegraded: back-off limit"}},
		},
		{
			name: "a missing node-ca shows in Available and in Progressing",
			config: []operatorv1.OperatorCondition{
				cond("Available", yes, "Ready", ""), cond("NodeCADaemonAvailable", no, "NotFound", ""),
				cond("Progressing", no, "Ready", ""), cond("NodeCADaemonProgressing", yes, "NotFound", ""),
			},
			want: [3]outcome{{"False", "NodeCADaemonNotFound::Ready", ""}, {"True", "NodeCADaemonNotFound::Ready", ""}, {"False", "AsExpected", ""}},
		},
		{
			name: "a permanent error keeps its own reason",
			config: []operatorv1.OperatorCondition{
				cond("Available", no, "StorageNotConfigured", ""), cond("Progressing", no, "Error", ""), cond("Degraded", yes, "StorageNotConfigured", ""),
			},
			want: [3]outcome{{"False", "StorageNotConfigured", ""}, {"False", "Error", ""}, {"True", "StorageNotConfigured", ""}},
		},
		{
			name:   "Unknown counts only while nobody is clearly not normal",
			config: []operatorv1.OperatorCondition{cond("Available", unknown, "Unknown", ""), cond("Progressing", unknown, "", ""), cond("NodeCADaemonProgressing", yes, "Progressing", "")},
			want:   [3]outcome{{"Unknown", "Unknown", ""}, {"True", "NodeCADaemonProgressing", ""}, {"False", "AsExpected", ""}},
		},
		{
			name:   "a status that is not normal without any reason has none",
			config: []operatorv1.OperatorCondition{cond("Available", no, "AsExpected", ""), cond("Degraded", yes, "", "broken")},
			want:   [3]outcome{{"False", "", ""}, {"False", "AsExpected", ""}, {"True", "", "Degraded: broken"}},
		},
		{
			name:   "each line of a message carries the full type",
			config: []operatorv1.OperatorCondition{cond("ConfigObservationDegraded", yes, "Error", "one\ntwo")},
			want:   [3]outcome{{"True", "AsExpected", ""}, {"False", "AsExpected", ""}, {"True", "ConfigObservationError", "ConfigObservationDegraded: one\nConfigObservationDegraded: two"}},
		},
		{
			name:   "storage and acknowledgement conditions take no part",
			config: []operatorv1.OperatorCondition{cond("StorageExists", no, "NoSuchBucket", "x"), cond("StorageReady", no, "Error", "x"), cond("RoutesReady", no, "Error", "x"), cond("ResourcesApplied", no, "Error", "x")},
			want:   [3]outcome{{"True", "AsExpected", ""}, {"False", "AsExpected", ""}, {"False", "AsExpected", ""}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := Union(tc.config, tc.pruner)
			var outcomes [3]outcome
			for i, condition := range got {
				if want := []configv1.ClusterStatusConditionType{"Available", "Progressing", "Degraded"}[i]; condition.Type != want {
					t.Errorf("condition %d is %s, want %s", i, condition.Type, want)
				}
				outcomes[i] = outcome{string(condition.Status), condition.Reason, condition.Message}
			}
			if diff := cmp.Diff(tc.want, outcomes, cmp.AllowUnexported(outcome{})); diff != "" {
				t.Errorf("union differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnionLeavesItsInputsAlone(t *testing.T) {
	config := append(make([]operatorv1.OperatorCondition, 0, 8), cond("Available", yes, "Ready", ""))
	pruner := []operatorv1.OperatorCondition{cond("Available", yes, "AsExpected", "")}
	Union(config, pruner)
	if pruner[0].Type != "Available" || config[:2][1].Type != "" {
		t.Errorf("Union wrote into the slices of its caller: %v, %v", config[:2], pruner)
	}
}
