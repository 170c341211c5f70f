package pruner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// cronJobKind takes away the record of failed runs once there is nothing to record.
var cronJobKind = apply.Kind[*batchv1.CronJob]{
	Name:   apply.CronJob.Name,
	Stamp:  apply.CronJob.Stamp,
	Events: true,
	Merge: func(live, desired *batchv1.CronJob) (*batchv1.CronJob, bool) {
		merged, changed := apply.CronJob.Merge(live, desired)
		_, recorded := merged.Annotations[names.PrunerFailedRunsAnnotation]
		if _, wanted := desired.Annotations[names.PrunerFailedRunsAnnotation]; recorded && !wanted {
			delete(merged.Annotations, names.PrunerFailedRunsAnnotation)
			changed = true
		}
		return merged, changed
	},
}

// bootstrap creates the ImagePruner. Its event brings the next sync.
func (c *controller) bootstrap(ctx context.Context) error {
	_, err := c.ImagePrunerClient.Create(ctx, DefaultImagePruner(), metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil // the cache is behind
	}
	if err != nil {
		return fmt.Errorf("creating imagepruner %s: %w", names.Cluster, err)
	}
	klog.InfoS("object created", "kind", "ImagePruner", "name", names.Cluster)
	c.Recorder.Eventf(names.EventImagePrunerCreated, "Created imagepruner/%s with its defaults, because there was none", names.Cluster)
	return nil
}

// reconcile writes every object that differs and returns what is known then. One that fails does not keep the others
// from being written.
func (c *controller) reconcile(ctx context.Context, in found) facts {
	now := c.Clock.Now()
	past := historyOf(in.jobs, in.cronJob, c.sighted.unrecorded(in.cronJob)...)
	f := facts{pruner: in.pruner, cronJob: in.cronJob, past: past, now: now, invalid: Validate(in.pruner, in.cronJob)}
	rbac, core, network := c.Kube.RbacV1(), c.Kube.CoreV1(), c.Kube.NetworkingV1()
	f.applied = errors.Join(
		ensure(ctx, c, rbac.ClusterRoles(), apply.ClusterRole, in.role, load[rbacv1.ClusterRole]("clusterrole")),
		ensure(ctx, c, rbac.ClusterRoleBindings(), apply.ClusterRoleBinding, in.binding, load[rbacv1.ClusterRoleBinding]("clusterrolebinding")),
		ensure(ctx, c, core.ServiceAccounts(names.OperatorNamespace), apply.ServiceAccount, in.account, load[corev1.ServiceAccount]("serviceaccount")),
		ensure(ctx, c, network.NetworkPolicies(names.OperatorNamespace), apply.NetworkPolicy, in.policy, load[networkingv1.NetworkPolicy]("networkpolicy")),
	)
	if f.invalid == nil {
		var err error
		f.cronJob, err = c.applyCronJob(ctx, in, f.past)
		if !conditions.IsPermanent(err) {
			f.applied = errors.Join(f.applied, err)
			return f
		}
		f.invalid = err
	}
	f.applied = errors.Join(f.applied, c.spare(ctx, in))
	return f
}

// applyCronJob returns the CronJob as stored.
func (c *controller) applyCronJob(ctx context.Context, in found, past history) (*batchv1.CronJob, error) {
	if in.cronJob != nil && in.cronJob.DeletionTimestamp != nil {
		// It is made anew when it is gone.
		return in.cronJob, nil
	}
	desired := CronJob(Inputs{Spec: in.pruner.Spec, Image: c.PrunerImage, RegistryHost: in.registryHost()})
	annotate(desired, in.cronJob, past, c.Clock.Now())
	key, err := attempt(in.cronJob, desired)
	if err != nil {
		return in.cronJob, err
	}
	if c.refused != nil && c.refused.attempt == key {
		return in.cronJob, c.refused.err
	}
	stored, _, err := apply.Apply(ctx, c.applier, c.Kube.BatchV1().CronJobs(names.OperatorNamespace), cronJobKind, in.cronJob, desired)
	c.refused = nil
	if err == nil {
		return stored, nil
	}
	err = classify(err)
	if conditions.IsPermanent(err) {
		c.refused = &refusal{attempt: key, err: err}
	}
	return in.cronJob, err
}

// refusal is a CronJob that the API server does not take. It is not sent again until something differs.
type refusal struct {
	attempt string
	err     error
}

func attempt(live, desired *batchv1.CronJob) (string, error) {
	version := ""
	if live != nil {
		version = live.ResourceVersion
	}
	// The time is not part of what was refused.
	spec, err := json.Marshal(desired.Spec)
	if err != nil {
		return "", fmt.Errorf("encoding %s: %w", object, err)
	}
	return version + " " + string(spec), nil
}

func ensure[T apply.Object](ctx context.Context, c *controller, client apply.Client[T], kind apply.Kind[T], live, desired T) error {
	var none T
	if live != none && live.GetDeletionTimestamp() != nil {
		return nil
	}
	_, _, err := apply.Apply(ctx, c.applier, client, kind, live, desired)
	return err
}
