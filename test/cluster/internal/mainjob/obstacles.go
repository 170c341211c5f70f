package mainjob

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/lifecycle"
)

// settling is how long an operator that has begun to lead, or a release that was announced, has to change conditions that
// are older: what they say until then may be about what ran before. A pass takes a second or two.
const settling = 5 * time.Second

// leadsSince is when whoever holds the lease got it; zero when nobody does.
func (s *sight) leadsSince() time.Time {
	if s.lease == nil || s.lease.Spec.AcquireTime == nil || s.lease.Spec.HolderIdentity == nil || *s.lease.Spec.HolderIdentity == "" {
		return time.Time{}
	}
	return s.lease.Spec.AcquireTime.Time
}

// operatorObstacle says why the operator of the release is not the one at work, in words that stay the same while nothing
// changes; empty when it is.
func (j Job) operatorObstacle(s *sight) string {
	obstacle := j.podObstacle(s)
	if j.OperatorLog != "" {
		obstacle = j.processObstacle(s)
	}
	failing := conditionsOf(s.version).of("Failing")
	switch {
	case failing.status != "True":
		return obstacle
	case obstacle == "":
		return "the version operator cannot apply the release: " + firstLine(failing.message)
	default:
		return obstacle + "; the version operator cannot apply the release: " + firstLine(failing.message)
	}
}

// processObstacle is about an operator that is a process of this machine: each release starts it anew, so it leads since
// later than the release was announced.
func (j Job) processObstacle(s *sight) string {
	if !s.leadsSince().After(j.Announced) {
		return "the operator does not lead yet, see " + j.OperatorLog
	}
	return ""
}

func (j Job) podObstacle(s *sight) string {
	if s.operator == nil {
		return "the version operator has not created the operator's Deployment yet"
	}
	if missing := notNamed(s.operator, j.Images); len(missing) > 0 {
		return "the operator's Deployment is not that of this release yet, it does not name " + strings.Join(missing, ", ")
	}
	pods := slices.DeleteFunc(slices.Clone(s.pods), func(pod corev1.Pod) bool { return pod.DeletionTimestamp != nil })
	if !rolledOut(s.operator) {
		return "the operator's Deployment is rolling out" + trouble(pods)
	}
	// A container that has just begun counts as ready before it can fail; one that leads has come far. The lease may still be
	// that of one that has ended.
	if s.leadsSince().IsZero() || s.leadsSince().Before(startOf(pods)) {
		return "the operator's pod does not lead yet"
	}
	return ""
}

// notNamed are the images that appear neither as one of a container nor as the value of a variable.
func notNamed(d *appsv1.Deployment, images []string) []string {
	named := map[string]bool{}
	for _, container := range d.Spec.Template.Spec.Containers {
		named[container.Image] = true
		for _, variable := range container.Env {
			named[variable.Value] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(images), func(image string) bool { return named[image] })
}

func rolledOut(d *appsv1.Deployment) bool {
	wanted := int32(1)
	if d.Spec.Replicas != nil {
		wanted = *d.Spec.Replicas
	}
	status := d.Status
	return status.ObservedGeneration >= d.Generation && status.UpdatedReplicas == wanted && status.Replicas == wanted &&
		status.AvailableReplicas == wanted
}

// trouble says what keeps pods from running; empty when they are only about to.
func trouble(pods []corev1.Pod) string {
	for i := range pods {
		for _, condition := range pods[i].Status.Conditions {
			if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
				return ": pod " + pods[i].Name + " has no node: " + firstLine(condition.Message)
			}
		}
		for _, container := range pods[i].Status.ContainerStatuses {
			if why := containerTrouble(container); why != "" {
				return ": pod " + pods[i].Name + " " + why
			}
		}
	}
	return ""
}

func containerTrouble(container corev1.ContainerStatus) string {
	if container.Ready {
		return ""
	}
	// How it ended comes first: the wait for the next try has no reason of its own. The message is the end of its log.
	for _, state := range []corev1.ContainerState{container.State, container.LastTerminationState} {
		if ended := state.Terminated; ended != nil {
			return fmt.Sprintf("has ended with exit code %d: %s", ended.ExitCode, cmp.Or(lastWords(ended.Message), ended.Reason))
		}
	}
	if waiting := container.State.Waiting; waiting != nil && waiting.Message != "" {
		return fmt.Sprintf("waits, %s: %s", waiting.Reason, firstLine(waiting.Message))
	}
	return ""
}

// startOf is when the last of the containers began.
func startOf(pods []corev1.Pod) time.Time {
	var last time.Time
	for i := range pods {
		for _, container := range pods[i].Status.ContainerStatuses {
			if running := container.State.Running; running != nil && running.StartedAt.After(last) {
				last = running.StartedAt.Time
			}
		}
	}
	return last
}

// notManaged is an error when the administrator wants no registry of the operator's: waiting changes nothing then.
func notManaged(config *unstructured.Unstructured) error {
	if config == nil {
		return nil
	}
	state, _, _ := unstructured.NestedString(config.Object, "spec", "managementState")
	what := ""
	switch state {
	case "", "Managed":
		return nil
	case "Removed":
		what = ": no registry runs, so there is nothing to push an image to"
	default:
		what = ": the operator leaves the registry alone, so what would be shown is not its doing"
	}
	return lifecycle.Cure(fmt.Errorf("the registry is %s by spec.managementState of %s%s", state, configObject, what),
		"bring it back and run this again: kubectl patch config.imageregistry.operator.openshift.io "+configName+
			` --type merge -p '{"spec":{"managementState":"Managed"}}'`)
}

// registryObstacle says why the registry does not serve what the config asks for; empty when it does.
func (j Job) registryObstacle(s *sight, now time.Time) string {
	if s.config == nil {
		return "the operator has not created " + configObject + " yet"
	}
	conditions := conditionsOf(s.config)
	for _, wanted := range []condition{{kind: "Available", status: "True"}, {kind: "Progressing", status: "False"}} {
		if found := conditions.of(wanted.kind); found.status != wanted.status {
			return "the operator reports " + cmp.Or(found.text(), "nothing about "+wanted.kind)
		}
	}
	if observed, _, _ := unstructured.NestedInt64(s.config.Object, "status", "observedGeneration"); observed != s.config.GetGeneration() {
		return fmt.Sprintf("the operator has dealt with generation %d of %s, not yet with %d", observed, configObject, s.config.GetGeneration())
	}
	if s.registry == nil || s.registry.Status.AvailableReplicas == 0 {
		return fmt.Sprintf("deployment %s/%s has no pod that is available", namespace, registryName)
	}
	if since := j.newest(s); conditions.of("Available").since.Before(since.Truncate(time.Second)) && now.Before(since.Add(settling)) {
		return "the operator may not have looked at everything yet"
	}
	return ""
}

// newest is the last thing that had the operator look at everything again.
func (j Job) newest(s *sight) time.Time {
	if leads := s.leadsSince(); leads.After(j.Announced) {
		return leads
	}
	return j.Announced
}

// condition is what is read of one.
type condition struct {
	kind, status, reason, message string
	since                         time.Time
}

// text is one line; empty for a condition that is not there.
func (c condition) text() string {
	if c.status == "" {
		return ""
	}
	return strings.TrimRight(fmt.Sprintf("%s=%s %s: %s", c.kind, c.status, c.reason, firstLine(c.message)), ": ")
}

type conditionList []condition

// of finds one by its type.
func (l conditionList) of(kind string) condition {
	for _, c := range l {
		if c.kind == kind {
			return c
		}
	}
	return condition{}
}

// conditionsOf are those of an object, which may be nil, in its order.
func conditionsOf(object *unstructured.Unstructured) conditionList {
	if object == nil {
		return nil
	}
	list, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	var conditions conditionList
	for _, entry := range list {
		fields, ok := entry.(map[string]any)
		if !ok {
			continue
		}
		text := func(field string) string { value, _ := fields[field].(string); return value }
		since, _ := time.Parse(time.RFC3339, text("lastTransitionTime")) // the zero time is long ago
		conditions = append(conditions, condition{kind: text("type"), status: text("status"), reason: text("reason"), message: text("message"), since: since})
	}
	return conditions
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// lastWords is what matters in the end of a log: a panic says why in its first line, anything else in the last.
func lastWords(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return line
		}
	}
	return lines[len(lines)-1]
}
