// Package routes stands in for OpenShift's Route API server and default router: it fills in host names and says which Routes
// are admitted. It carries no traffic.
package routes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"

	routev1 "github.com/openshift/api/route/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/gvr"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/loop"
)

const (
	// RouterName is the name under which the router writes into status.ingress.
	RouterName = "default"
	// generatedHost marks a host name that the API made up.
	generatedHost = "openshift.io/host.generated"
	allRoutes     = "all routes"
)

type router struct {
	*loop.Cluster
	appsDomain string
	clock      clock.PassiveClock
}

// New makes the stand-in. Every change looks at all Routes: who may have a host depends on the others.
func New(cluster *loop.Cluster, appsDomain string) (*loop.Controller, error) {
	r := &router{Cluster: cluster, appsDomain: appsDomain, clock: clock.RealClock{}}
	c := loop.New("routes", r.sync)
	return c, c.Watch(cluster.DynamicInformers.ForResource(gvr.Routes).Informer(), loop.Always(allRoutes))
}

func (r *router) sync(ctx context.Context, _ string) error {
	objects, err := r.DynamicInformers.ForResource(gvr.Routes).Lister().List(labels.Everything())
	if err != nil {
		return fmt.Errorf("listing routes: %w", err)
	}
	var all []*routev1.Route
	var errs []error
	for _, obj := range objects {
		route, err := loop.Typed[routev1.Route](obj)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, route)
	}
	sort.Slice(all, func(i, j int) bool { return keyOf(all[i]) < keyOf(all[j]) })
	admissions := decide(all, r.appsDomain)
	for _, route := range all {
		if err := r.apply(ctx, route, admissions[keyOf(route)]); err != nil && !apierrors.IsNotFound(err) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (r *router) apply(ctx context.Context, route *routev1.Route, a admission) error {
	if route.DeletionTimestamp != nil {
		return nil
	}
	// A Route without a host is given one first; that write brings it back here for its status.
	if route.Spec.Host == "" && route.Spec.Subdomain == "" {
		return r.fillHost(ctx, route, a.host)
	}
	status := route.Status.DeepCopy()
	at := slices.IndexFunc(status.Ingress, func(i routev1.RouteIngress) bool { return i.RouterName == RouterName })
	var previous *routev1.RouteIngress
	if at >= 0 {
		previous = &status.Ingress[at]
	}
	entry := ingress(previous, a, r.appsDomain, route.Spec.WildcardPolicy)
	if previous != nil && equality.Semantic.DeepEqual(*previous, entry) {
		return nil
	}
	if entry.Conditions[0].LastTransitionTime == nil {
		now := metav1.NewTime(r.clock.Now().Truncate(1e9))
		entry.Conditions[0].LastTransitionTime = &now
	}
	if at >= 0 {
		status.Ingress[at] = entry
	} else {
		status.Ingress = append(status.Ingress, entry)
	}
	updated := route.DeepCopy()
	updated.Status = *status
	obj, err := loop.WriteStatus(ctx, r.Dynamic, gvr.Routes, updated)
	if err != nil {
		return err
	}
	if a.reason == reasonUnsupported {
		r.Refuse(obj, reasonUnsupported, "%s", a.message)
	}
	return nil
}

func (r *router) fillHost(ctx context.Context, route *routev1.Route, host string) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{
			"resourceVersion": route.ResourceVersion,
			"annotations":     map[string]string{generatedHost: "true"},
		},
		"spec": map[string]string{"host": host},
	})
	if err != nil {
		return fmt.Errorf("encoding a host: %w", err)
	}
	_, err = r.Dynamic.Resource(gvr.Routes).Namespace(route.Namespace).
		Patch(ctx, route.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("filling in the host of route %s: %w", keyOf(route), err)
	}
	return nil
}
