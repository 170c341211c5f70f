package registry

import (
	"context"
	"errors"
	"slices"
	"sync"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/klog/v2"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/httpsecret"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
)

// outcome is what one sync has done.
type outcome struct {
	// config is the object after our patch, if there was one.
	config *imageregistryv1.Config
	// deployment is the object as stored, nil when there is none.
	deployment *appsv1.Deployment
	// written tells that the Deployment is what it should be, so that its generation can be recorded.
	written    bool
	rollingOut bool
	invalid    error
	applied    error
	waiting    string
}

// stateOf is what the administrator asks for: a Config that is being deleted is to be removed.
func stateOf(config *imageregistryv1.Config) operatorv1.ManagementState {
	if config.DeletionTimestamp != nil {
		return operatorv1.Removed
	}
	return config.Spec.ManagementState
}

// reconcile acts on the inputs as the state demands.
func (c *controller) reconcile(ctx context.Context, in Inputs) outcome {
	result := outcome{config: in.Config, deployment: in.Live.Deployment}
	switch {
	case in.Config.DeletionTimestamp != nil && !slices.Contains(in.Config.Finalizers, names.Finalizer):
		// Removal is done, or was never ours to do; somebody else's finalizer holds the object.
		return result
	case stateOf(in.Config) == operatorv1.Managed:
		c.manage(ctx, in, &result)
	case stateOf(in.Config) == operatorv1.Removed:
		result.applied = c.remove(ctx, in.Live)
	}
	return result
}

// manage brings the registry to what Config says.
func (c *controller) manage(ctx context.Context, in Inputs, result *outcome) {
	if result.invalid = Validate(in); result.invalid != nil {
		return
	}
	if in.Config.Spec.HTTPSecret == "" {
		// Stored before it is used: a value that were lost after its use would break uploads and roll the pods again.
		stored, err := c.Client.Patch(ctx, names.RegistryController, in.Config, operatorclient.Set("/spec/httpSecret", httpsecret.New()))
		if err != nil {
			result.applied = err
			return
		}
		in.Config, result.config = stored, stored
		c.Recorder.Event(names.EventHTTPSecretGenerated, "spec.httpSecret was empty and got a new value: uploads under way have to begin again")
	}
	desired, err := Render(in)
	if err != nil {
		result.applied = err
		return
	}
	result.waiting = desired.Waiting
	result.applied = c.applyAll(ctx, in.Live, desired.Objects, result)
	if result.applied == nil && desired.Missing != "" {
		result.applied = errors.New(desired.Missing)
	}
}

// applyAll writes every object that differs. One that fails does not keep the others from being written, but the
// Deployment is not written before the Secrets that its pods read. What the pods need only once they run, or what is
// about them, follows the Deployment: an API server takes long for roles.
func (c *controller) applyAll(ctx context.Context, live, desired Objects, result *outcome) error {
	core := c.Kube.CoreV1()
	secrets := core.Secrets(names.OperatorNamespace)
	// First, because the service CA has work to do before the pods can start.
	around := ensure(ctx, c, core.Services(names.OperatorNamespace), apply.Service, live.Service, desired.Service)
	var account error
	needed := together(
		func() error { return ensure(ctx, c, secrets, apply.Secret, live.PullSecret, desired.PullSecret) },
		func() error {
			return ensure(ctx, c, secrets, apply.Secret, live.PrivateConfiguration, desired.PrivateConfiguration)
		},
		func() error { return ensure(ctx, c, secrets, apply.Secret, live.HTTPSecret, desired.HTTPSecret) },
		func() error {
			account = ensure(ctx, c, core.ServiceAccounts(names.OperatorNamespace), apply.ServiceAccount, live.ServiceAccount, desired.ServiceAccount)
			return nil
		},
	)
	if needed == nil {
		needed = c.applyDeployment(ctx, live.Deployment, desired.Deployment, result)
	}
	if result.deployment == nil {
		return errors.Join(needed, around, account)
	}
	return errors.Join(needed, around, account, c.applyRoles(ctx, live, desired),
		ensure(ctx, c, c.Kube.PolicyV1().PodDisruptionBudgets(names.OperatorNamespace), apply.PodDisruptionBudget, live.PodDisruptionBudget, desired.PodDisruptionBudget),
		ensure(ctx, c, c.Kube.NetworkingV1().NetworkPolicies(names.OperatorNamespace), apply.NetworkPolicy, live.NetworkPolicy, desired.NetworkPolicy),
	)
}

// applyRoles keeps the order: nothing is bound to a role that does not exist.
func (c *controller) applyRoles(ctx context.Context, live, desired Objects) error {
	rbac := c.Kube.RbacV1()
	return errors.Join(
		ensure(ctx, c, rbac.ClusterRoles(), apply.ClusterRole, live.ClusterRole, desired.ClusterRole),
		ensure(ctx, c, rbac.ClusterRoleBindings(), apply.ClusterRoleBinding, live.ClusterRoleBinding, desired.ClusterRoleBinding),
	)
}

// together runs writes that do not depend on each other at the same time, and joins their errors in this order.
func together(writes ...func() error) error {
	failed := make([]error, len(writes))
	var running sync.WaitGroup
	for i, write := range writes {
		running.Go(func() { failed[i] = write() })
	}
	running.Wait()
	return errors.Join(failed...)
}

func (c *controller) applyDeployment(ctx context.Context, live, desired *appsv1.Deployment, result *outcome) error {
	if desired == nil || live != nil && live.DeletionTimestamp != nil {
		// One that is on its way out is made anew when it is gone.
		return nil
	}
	stored, _, err := apply.Apply(ctx, c.applier, c.Kube.AppsV1().Deployments(names.OperatorNamespace), apply.Deployment, live, desired)
	if err != nil {
		return classify(err)
	}
	result.deployment, result.written = stored, true
	result.rollingOut = live == nil || !equality.Semantic.DeepEqual(live.Spec.Template, stored.Spec.Template)
	return nil
}

// remove deletes what the cache shows. The routes are the route controller's, the medium is the storage controller's.
func (c *controller) remove(ctx context.Context, live Objects) error {
	c.applier.Forget()
	core, rbac := c.Kube.CoreV1(), c.Kube.RbacV1()
	secrets := core.Secrets(names.OperatorNamespace)
	return errors.Join(
		discard(ctx, rbac.ClusterRoles(), apply.ClusterRole, live.ClusterRole),
		discard(ctx, rbac.ClusterRoleBindings(), apply.ClusterRoleBinding, live.ClusterRoleBinding),
		discard(ctx, core.ServiceAccounts(names.OperatorNamespace), apply.ServiceAccount, live.ServiceAccount),
		discard(ctx, secrets, apply.Secret, live.PullSecret),
		discard(ctx, secrets, apply.Secret, live.PrivateConfiguration),
		discard(ctx, secrets, apply.Secret, live.HTTPSecret),
		discard(ctx, core.Services(names.OperatorNamespace), apply.Service, live.Service),
		discard(ctx, c.Kube.AppsV1().Deployments(names.OperatorNamespace), apply.Deployment, live.Deployment),
		discard(ctx, c.Kube.PolicyV1().PodDisruptionBudgets(names.OperatorNamespace), apply.PodDisruptionBudget, live.PodDisruptionBudget),
		discard(ctx, c.Kube.NetworkingV1().NetworkPolicies(names.OperatorNamespace), apply.NetworkPolicy, live.NetworkPolicy),
	)
}

// ensure applies desired, unless it is not wanted now.
func ensure[T apply.Object](ctx context.Context, c *controller, client apply.Client[T], kind apply.Kind[T], live, desired T) error {
	var none T
	if desired == none || live != none && live.GetDeletionTimestamp() != nil {
		return nil
	}
	_, _, err := apply.Apply(ctx, c.applier, client, kind, live, desired)
	return classify(err)
}

func discard[T apply.Object](ctx context.Context, client apply.Client[T], kind apply.Kind[T], live T) error {
	_, err := apply.Delete(ctx, client, kind, live)
	return err
}

// classify makes a refusal by validation permanent: what came from Config will be refused again.
func classify(err error) error {
	if apierrors.IsInvalid(err) {
		return conditions.Permanent(names.ReasonVerificationFailed, err)
	}
	return err
}

// transient is the error that trying again may cure. One that only an edit can cure waits for that edit.
func transient(done outcome) error {
	for _, err := range []error{done.invalid, done.applied} {
		if err == nil {
			continue
		}
		if !conditions.IsPermanent(err) {
			return err
		}
		klog.InfoS("cannot go on before something is changed", "controller", names.RegistryController, "err", err)
	}
	return nil
}
