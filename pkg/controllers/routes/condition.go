package routes

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	routev1 "github.com/openshift/api/route/v1"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
)

// precedence orders the reasons of problems: what is wrong in Config comes before what is found while applying it.
var precedence = []string{names.ReasonVerificationFailed, names.ReasonRouteConflict, names.ReasonError}

// ready folds what happened into RoutesReady. A route that a router refuses counts only when all routes are as they
// should be: before that it may be a consequence.
func ready(problems []Problem, refused []string) operatorv1.OperatorCondition {
	condition := operatorv1.OperatorCondition{Type: names.RoutesReady, Status: operatorv1.ConditionTrue, Reason: names.ReasonAsExpected}
	if len(problems) > 0 {
		condition.Status, condition.Reason, condition.Message = operatorv1.ConditionFalse, firstReason(problems), messages(problems)
	} else if len(refused) > 0 {
		condition.Status, condition.Reason, condition.Message = operatorv1.ConditionFalse, names.ReasonRouteDegraded, strings.Join(refused, ",")
	}
	return condition
}

func firstReason(problems []Problem) string {
	for _, reason := range precedence {
		for _, problem := range problems {
			if problem.Reason == reason {
				return reason
			}
		}
	}
	return names.ReasonError
}

func messages(problems []Problem) string {
	texts := make([]string, 0, len(problems))
	for _, problem := range problems {
		texts = append(texts, problem.Message)
	}
	return strings.Join(texts, "; ")
}

// refusals lists, for routes that Config asks for, each router that does not admit it.
func refusals(plan Plan, live []*routev1.Route) []string {
	refused := []string{}
	for _, route := range live {
		if !plan.Wanted.Has(route.Name) || !owned(route) {
			continue
		}
		for _, ingress := range route.Status.Ingress {
			for _, condition := range ingress.Conditions {
				if condition.Type == routev1.RouteAdmitted && condition.Status != corev1.ConditionTrue {
					refused = append(refused, refusal(route.Name, ingress, condition))
				}
			}
		}
	}
	return refused
}

func refusal(name string, ingress routev1.RouteIngress, condition routev1.RouteIngressCondition) string {
	text := condition.Reason
	if condition.Message != "" {
		text += ": " + condition.Message
	}
	return fmt.Sprintf("route %s (host %s, router %s) not admitted: %s", name, ingress.Host, ingress.RouterName, text)
}

// publish writes the condition. While a new cluster has no conditions at all, good news waits: the first core conditions
// are an event.
func (c *controller) publish(ctx context.Context, config *imageregistryv1.Config, condition operatorv1.OperatorCondition) error {
	if condition.Status == operatorv1.ConditionTrue && !conditions.Begun(config.Status.Conditions) {
		return nil
	}
	err := c.Client.ApplyStatus(ctx, names.RoutesController, operatorclient.Status{Conditions: []operatorv1.OperatorCondition{condition}})
	if apierrors.IsNotFound(err) {
		return nil // deleted meanwhile
	}
	if err == nil {
		tell(c.Recorder, config.Status.Conditions, condition)
	}
	return err
}

// tell raises the event for the step from the conditions before to now. Messages name routes and hosts and do not change
// from sync to sync: another one is news.
func tell(recorder events.Recorder, before []operatorv1.OperatorCondition, now operatorv1.OperatorCondition) {
	was := operatorv1.OperatorCondition{Status: operatorv1.ConditionTrue}
	if i := slices.IndexFunc(before, func(c operatorv1.OperatorCondition) bool { return c.Type == now.Type }); i >= 0 {
		was = before[i]
	}
	if was.Status == now.Status && was.Reason == now.Reason && was.Message == now.Message {
		return
	}
	switch {
	case now.Status != operatorv1.ConditionTrue && now.Reason == names.ReasonRouteConflict:
		recorder.Warning(names.EventRouteConflict, now.Message)
	case now.Status != operatorv1.ConditionTrue && now.Reason == names.ReasonRouteDegraded:
		recorder.Warning(names.EventRouteRefused, now.Message)
	case now.Status != operatorv1.ConditionTrue:
		recorder.Warning(names.EventRoutesFailed, now.Message)
	case was.Status != operatorv1.ConditionTrue:
		recorder.Event(names.EventRoutesRecovered, "all routes are as spec.defaultRoute and spec.routes ask")
	}
}
