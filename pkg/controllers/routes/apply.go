package routes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	routev1 "github.com/openshift/api/route/v1"
	routeclient "github.com/openshift/client-go/route/clientset/versioned/typed/route/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// live returns the cached routes, sorted by name so that messages do not change from sync to sync.
func (c *controller) live() ([]*routev1.Route, error) {
	live, err := c.Routes.List(labels.Everything())
	if err != nil {
		return nil, fmt.Errorf("listing routes in %s: %w", names.OperatorNamespace, err)
	}
	slices.SortFunc(live, func(a, b *routev1.Route) int { return cmp.Compare(a.Name, b.Name) })
	return live, nil
}

// outcome collects what went wrong.
type outcome struct {
	problems []Problem
	errs     []error
}

// failed notes an error that a retry may cure.
func (o *outcome) failed(err error) {
	if err == nil {
		return
	}
	o.errs = append(o.errs, err)
	if !apply.Behind(err) {
		o.problems = append(o.problems, Problem{names.ReasonError, err.Error()})
	}
}

// apply writes what differs from plan and removes obsolete routes. Each route is on its own: what goes wrong is
// added to the problems, and as an error for those that a retry may cure.
func (c *controller) apply(ctx context.Context, plan Plan, live []*routev1.Route) ([]Problem, error) {
	result := outcome{problems: slices.Clone(plan.Problems)}
	for _, desired := range plan.Routes {
		existing := find(live, desired.Name)
		switch {
		case existing != nil && !owned(existing):
			result.problems = append(result.problems, Problem{names.ReasonRouteConflict, fmt.Sprintf(
				"route %s/%s exists and was not made by the operator (it has no annotation %s); rename or delete it, or choose another name in spec.routes",
				names.OperatorNamespace, desired.Name, names.OwnedAnnotation)})
		case existing == nil || existing.DeletionTimestamp == nil:
			_, _, err := apply.Apply(ctx, c.applier, discreet{c.RouteClient}, routeKind, existing, desired)
			result.failed(err)
		}
	}
	for _, route := range live {
		if owned(route) && !plan.Wanted.Has(route.Name) {
			result.failed(c.remove(ctx, route))
		}
	}
	return result.problems, errors.Join(result.errs...)
}

func (c *controller) remove(ctx context.Context, route *routev1.Route) error {
	c.applier.Forget()
	deleted, err := apply.Delete(ctx, c.RouteClient, routeKind, route)
	if deleted && err == nil {
		c.Recorder.Eventf("RouteDeleted", "Deleted Route %s/%s", names.OperatorNamespace, route.Name)
	}
	return err
}

func find(live []*routev1.Route, name string) *routev1.Route {
	for _, route := range live {
		if route.Name == name {
			return route
		}
	}
	return nil
}

// discreet keeps the content of Secrets out of the errors of the API server, which end up in conditions and events.
type discreet struct{ routeclient.RouteInterface }

// Create is the client's with a discreet error.
func (d discreet) Create(ctx context.Context, route *routev1.Route, options metav1.CreateOptions) (*routev1.Route, error) {
	created, err := d.RouteInterface.Create(ctx, route, options)
	return created, withoutSecrets(err)
}

// Update is the client's with a discreet error.
func (d discreet) Update(ctx context.Context, route *routev1.Route, options metav1.UpdateOptions) (*routev1.Route, error) {
	updated, err := d.RouteInterface.Update(ctx, route, options)
	return updated, withoutSecrets(err)
}

// withoutSecrets reduces a refusal by the API server to field names: its text may repeat the value that it refuses,
// and this text goes into a condition.
func withoutSecrets(err error) error {
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return err
	}
	texts := []string{}
	for _, cause := range status.Status().Details.Causes {
		text := cause.Field + ": " + cause.Message
		if strings.HasPrefix(cause.Field, "spec.tls") {
			text = cause.Field + ": refused"
		}
		texts = append(texts, text)
	}
	return fmt.Errorf("refused by the API server: %s", strings.Join(texts, ", "))
}
