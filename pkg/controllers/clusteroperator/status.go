package clusteroperator

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/utils/clock"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	configv1helpers "github.com/openshift/library-go/pkg/config/clusteroperator/v1helpers"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

type controller struct {
	Deps
	// replaced is the version that our last write replaced.
	replaced string
}

// behind tells that the cache does not show our last write yet. The event that does is on its way.
func (c *controller) behind(current *configv1.ClusterOperator) bool {
	return c.replaced != "" && current.ResourceVersion == c.replaced
}

func (c *controller) wrote(before, after *configv1.ClusterOperator) {
	c.replaced = before.ResourceVersion
	if after.ResourceVersion == before.ResourceVersion {
		// The API server found no difference, and there will be no event.
		c.replaced = ""
	}
}

// operandName is the one entry of status.versions.
const operandName = "operator"

// inputs are what the status of the ClusterOperator is made from.
type inputs struct {
	config *imageregistryv1.Config
	// pruner and deployment are nil when absent.
	pruner         *imageregistryv1.ImagePruner
	deployment     *appsv1.Deployment
	releaseVersion string
}

// ready tells whether Config says anything yet. Before its first core condition a union would claim that all is well.
func (in inputs) ready() bool {
	return slices.ContainsFunc(in.config.Status.Conditions, func(c operatorv1.OperatorCondition) bool {
		return c.Type == names.Available
	})
}

// desiredStatus returns the status to publish. What others put into the ClusterOperator stays.
func desiredStatus(current configv1.ClusterOperatorStatus, in inputs, clock clock.PassiveClock) configv1.ClusterOperatorStatus {
	desired := *current.DeepCopy()
	var pruner []operatorv1.OperatorCondition
	if in.pruner != nil {
		pruner = in.pruner.Status.Conditions
	}
	for _, condition := range Union(in.config.Status.Conditions, pruner) {
		configv1helpers.SetStatusCondition(&desired.Conditions, condition, clock)
	}
	if version := Version(in.config.Spec.ManagementState, in.deployment, in.releaseVersion); version != "" {
		desired.Versions = []configv1.OperandVersion{{Name: operandName, Version: version}}
	}
	desired.RelatedObjects = relatedObjects()
	return desired
}

// Version is the version to publish, or empty to keep what is there. While the registry is Managed the version moves
// only once the Deployment of that release is rolled out: this is what decides when an upgrade counts as finished.
func Version(state operatorv1.ManagementState, deployment *appsv1.Deployment, release string) string {
	if state != operatorv1.Managed {
		return release
	}
	if deployment == nil || !rolledOut(deployment) {
		return ""
	}
	return deployment.Annotations[names.VersionAnnotation]
}

func rolledOut(deployment *appsv1.Deployment) bool {
	status := deployment.Status
	return status.AvailableReplicas > 0 &&
		status.ObservedGeneration >= deployment.Generation &&
		status.UpdatedReplicas == status.Replicas
}

// relatedObjects is what must-gather collects. The first six are the reference's, in its order.
func relatedObjects() []configv1.ObjectReference {
	const rbacGroup = "rbac.authorization.k8s.io"
	return []configv1.ObjectReference{
		{Group: imageregistryv1.GroupVersion.Group, Resource: "configs", Name: names.Cluster},
		{Group: imageregistryv1.GroupVersion.Group, Resource: "imagepruners", Name: names.Cluster},
		{Group: rbacGroup, Resource: "clusterroles", Name: names.RegistryClusterRole},
		{Group: rbacGroup, Resource: "clusterrolebindings", Name: names.RegistryClusterRoleBinding},
		{Group: rbacGroup, Resource: "clusterrolebindings", Name: names.PrunerClusterRoleBinding},
		{Resource: "namespaces", Name: names.OperatorNamespace},
		{Group: rbacGroup, Resource: "clusterroles", Name: names.PrunerClusterRole},
		{Resource: "configmaps", Namespace: names.OperatorNamespace, Name: names.Certificates},
		{Resource: "configmaps", Namespace: names.ManagedConfigNamespace, Name: names.RegistryCA},
		{Group: configv1.GroupName, Resource: "images", Name: names.Cluster},
	}
}
