package routes

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	routev1 "github.com/openshift/api/route/v1"

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
	return err
}
