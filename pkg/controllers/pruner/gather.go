package pruner

import (
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// found is what the caches hold; what is absent is nil.
type found struct {
	config *imageregistryv1.Config
	pruner *imageregistryv1.ImagePruner
	// host is the registry's internal host name, empty while it is not known.
	host string

	role    *rbacv1.ClusterRole
	binding *rbacv1.ClusterRoleBinding
	account *corev1.ServiceAccount
	policy  *networkingv1.NetworkPolicy
	cronJob *batchv1.CronJob
	jobs    []*batchv1.Job
}

func (c *controller) gather() (found, error) {
	var f found
	var r reader
	f.config = read(&r, func(string) (*imageregistryv1.Config, error) { return c.Client.Config() }, names.Cluster)
	f.pruner = read(&r, c.ImagePruners.Get, names.Cluster)
	if image := read(&r, c.Images.Get, names.Cluster); image != nil {
		f.host = image.Status.InternalRegistryHostname
	}
	f.role = read(&r, c.ClusterRoles.Get, names.PrunerClusterRole)
	f.binding = read(&r, c.ClusterRoleBindings.Get, names.PrunerClusterRoleBinding)
	f.account = read(&r, c.ServiceAccounts.Get, names.PrunerServiceAccount)
	f.policy = read(&r, c.NetworkPolicies.Get, names.PrunerNetworkPolicy)
	f.cronJob = read(&r, c.CronJobs.Get, names.Pruner)
	jobs, err := c.Jobs.List(labels.Everything())
	if err != nil {
		r.fail(fmt.Errorf("listing jobs in %s: %w", names.OperatorNamespace, err))
	}
	f.jobs = jobs
	return f, r.err
}

// registryHost is where blobs are pruned: nowhere, unless the registry is ours to change and can be reached.
func (f found) registryHost() string {
	if f.config == nil || f.config.DeletionTimestamp != nil || f.config.Spec.ManagementState != operatorv1.Managed {
		return ""
	}
	return f.host
}

// begun tells that the registry has been dealt with.
func (f found) begun() bool {
	return f.config != nil && conditions.Begun(f.config.Status.Conditions)
}

// reader keeps the first error of many reads.
type reader struct{ err error }

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// read gets an object that may be absent.
func read[T any](r *reader, get func(string) (*T, error), name string) *T {
	object, err := get(name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		r.fail(fmt.Errorf("reading %T %s from cache: %w", object, name, err))
	}
	return object
}
