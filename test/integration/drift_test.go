package integration

import (
	"context"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// managedObject is an object that the operator keeps as it should be.
type managedObject struct {
	resource        schema.GroupVersionResource
	namespace, name string
}

var (
	deployment   = managedObject{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, names.OperatorNamespace, names.Registry}
	service      = managedObject{schema.GroupVersionResource{Version: "v1", Resource: "services"}, names.OperatorNamespace, names.Registry}
	account      = managedObject{schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}, names.OperatorNamespace, names.RegistryServiceAccount}
	role         = managedObject{schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"}, "", names.RegistryClusterRole}
	binding      = managedObject{schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"}, "", names.RegistryClusterRoleBinding}
	budget       = managedObject{schema.GroupVersionResource{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"}, names.OperatorNamespace, names.Registry}
	policy       = managedObject{schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"}, names.OperatorNamespace, names.RegistryNetworkPolicy}
	private      = managedObject{schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, names.OperatorNamespace, names.PrivateConfiguration}
	httpSecret   = managedObject{schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, names.OperatorNamespace, names.RegistryHTTPSecret}
	pullSecret   = managedObject{schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, names.OperatorNamespace, names.PullSecretCopy}
	certificates = managedObject{schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, names.OperatorNamespace, names.Certificates}
	registryCA   = managedObject{schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, names.ManagedConfigNamespace, names.RegistryCA}
	serviceCA    = managedObject{schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, names.OperatorNamespace, names.ServiceCA}
	defaultRoute = managedObject{schema.GroupVersionResource{Group: "route.openshift.io", Version: "v1", Resource: "routes"}, names.OperatorNamespace, names.DefaultRoute}
)

func (o managedObject) String() string { return o.resource.Resource + "/" + o.name }

func (o managedObject) client() dynamic.ResourceInterface {
	client := dynamic.NewForConfigOrDie(cluster.REST).Resource(o.resource)
	if o.namespace == "" {
		return client
	}
	return client.Namespace(o.namespace)
}

// TestDriftIsReverted edits a field that the operator owns and waits for the old value; it deletes each object and
// waits for it to come back.
func TestDriftIsReverted(t *testing.T) {
	fresh(t, configv1.AWSPlatformType)
	cluster.Patch(t, `{"spec":{"defaultRoute":true}}`)
	cluster.UntilAvailable(t, settle)
	tests := map[string]struct {
		object managedObject
		edit   string
		field  []string
	}{
		"a scaled deployment":              {deployment, `{"spec":{"replicas":7}}`, []string{"spec", "replicas"}},
		"an env var added":                 {deployment, `{"spec":{"template":{"spec":{"containers":[{"name":"registry","env":[{"name":"ADDED","value":"1"}]}]}}}}`, []string{"spec", "template", "spec", "containers"}},
		"a port added":                     {deployment, `{"spec":{"template":{"spec":{"containers":[{"name":"registry","ports":[{"containerPort":9999}]}]}}}}`, []string{"spec", "template", "spec", "containers"}},
		"a container added":                {deployment, `{"spec":{"template":{"spec":{"containers":[{"name":"added","image":"x"}]}}}}`, []string{"spec", "template", "spec", "containers"}},
		"a volume added":                   {deployment, `{"spec":{"template":{"spec":{"volumes":[{"name":"added","emptyDir":{}}]}}}}`, []string{"spec", "template", "spec", "volumes"}},
		"another service account":          {deployment, `{"spec":{"template":{"spec":{"serviceAccountName":"default"}}}}`, []string{"spec", "template", "spec", "serviceAccountName"}},
		"another priority":                 {deployment, `{"spec":{"template":{"spec":{"priorityClassName":"system-node-critical"}}}}`, []string{"spec", "template", "spec", "priorityClassName"}},
		"another progress deadline":        {deployment, `{"spec":{"progressDeadlineSeconds":999}}`, []string{"spec", "progressDeadlineSeconds"}},
		"a pod label added":                {deployment, `{"spec":{"template":{"metadata":{"labels":{"added":"1"}}}}}`, []string{"spec", "template", "metadata", "labels"}},
		"a restart annotation":             {deployment, `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"now"}}}}}`, []string{"spec", "template", "metadata", "annotations"}},
		"a probe changed":                  {deployment, `{"spec":{"template":{"spec":{"containers":[{"name":"registry","livenessProbe":{"timeoutSeconds":50}}]}}}}`, []string{"spec", "template", "spec", "containers"}},
		"another service selector":         {service, `{"spec":{"selector":{"docker-registry":"other"}}}`, []string{"spec", "selector"}},
		"another target port":              {service, `{"spec":{"ports":[{"port":5000,"name":"5000-tcp","targetPort":1}]}}`, []string{"spec", "ports"}},
		"a rule removed from the role":     {role, `{"rules":[]}`, []string{"rules"}},
		"another subject":                  {binding, `{"subjects":[{"kind":"ServiceAccount","name":"other","namespace":"default"}]}`, []string{"subjects"}},
		"another budget":                   {budget, `{"spec":{"minAvailable":2}}`, []string{"spec", "minAvailable"}},
		"a closed network policy":          {policy, `{"spec":{"ingress":[]}}`, []string{"spec", "ingress"}},
		"a key wiped from the credentials": {private, `{"data":{"credentials":""}}`, []string{"data"}},
		"another HTTP secret":              {httpSecret, `{"data":{"REGISTRY_HTTP_SECRET":"b3RoZXI="}}`, []string{"data"}},
		"another pull secret":              {pullSecret, `{"data":{".dockerconfigjson":"e30="}}`, []string{"data"}},
		"a CA wiped":                       {certificates, `{"data":{"image-registry.openshift-image-registry.svc..5000":""}}`, []string{"data"}},
		"a CA wiped from the other map":    {registryCA, `{"data":{"image-registry.openshift-image-registry.svc..5000":""}}`, []string{"data"}},
		"no CA injection any more":         {serviceCA, `{"metadata":{"annotations":{"service.beta.openshift.io/inject-cabundle":"false"}}}`, []string{"metadata", "annotations", "service.beta.openshift.io/inject-cabundle"}},
		"another route target":             {defaultRoute, `{"spec":{"to":{"name":"other"}}}`, []string{"spec", "to", "name"}},
		"another TLS termination":          {defaultRoute, `{"spec":{"tls":{"termination":"edge"}}}`, []string{"spec", "tls", "termination"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			operator.PrintOnFailure(t)
			revert(t, test.object, test.edit, test.field...)
		})
	}
	for _, object := range []managedObject{deployment, service, account, role, binding, budget, policy, private, httpSecret, pullSecret, certificates, registryCA, serviceCA, defaultRoute} {
		t.Run("deleted "+object.String(), func(t *testing.T) {
			operator.PrintOnFailure(t)
			comesBack(t, object)
		})
	}
	cluster.UntilAvailable(t, settle)
}

// read is a field as people write it.
func read(t *testing.T, object managedObject, field []string) string {
	t.Helper()
	live, err := object.client().Get(t.Context(), object.name, metav1.GetOptions{})
	if err != nil {
		t.Fatalf("reading %s: %v", object, err)
	}
	value, _, err := unstructured.NestedFieldNoCopy(live.Object, field...)
	if err != nil {
		t.Fatalf("reading %v of %s: %v", field, object, err)
	}
	return fmt.Sprint(value)
}

// TestForeignMetadataSurvives adds labels and annotations that are nobody's business of ours and makes the operator
// write each object.
func TestForeignMetadataSurvives(t *testing.T) {
	fresh(t, configv1.AWSPlatformType)
	cluster.Patch(t, `{"spec":{"defaultRoute":true}}`)
	cluster.UntilAvailable(t, settle)
	objects := []managedObject{deployment, service, account, role, binding, budget, policy, private, certificates, defaultRoute}
	for _, object := range objects {
		patch := `{"metadata":{"labels":{"mine":"1"},"annotations":{"mine":"1"}}}`
		if _, err := object.client().Patch(t.Context(), object.name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, object := range []managedObject{deployment, service, budget} {
		edit := map[string]string{"deployments": `{"spec":{"replicas":5}}`, "services": `{"spec":{"selector":{"docker-registry":"x"}}}`, "poddisruptionbudgets": `{"spec":{"minAvailable":2}}`}[object.resource.Resource]
		if _, err := object.client().Patch(t.Context(), object.name, types.MergePatchType, []byte(edit), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	cluster.UntilAvailable(t, settle)
	untilDeployment(t, "its own replica count", replicas(2))
	for _, object := range objects {
		live, err := object.client().Get(t.Context(), object.name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if live.GetLabels()["mine"] != "1" || live.GetAnnotations()["mine"] != "1" {
			t.Errorf("%s lost foreign metadata: labels %v annotations %v", object, live.GetLabels(), live.GetAnnotations())
		}
	}
}

func absent(ctx context.Context, object managedObject) error {
	_, err := object.client().Get(ctx, object.name, metav1.GetOptions{})
	if err == nil {
		return fmt.Errorf("%s is there", object)
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
