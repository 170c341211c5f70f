package manifests

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// inventory is everything that the version operator applies for this operator, as KIND NAMESPACE/NAME, and as often as it
// is there: the Deployment has two variants of which a cluster gets one.
const inventory = `
ClusterOperator /image-registry
ClusterRole /cluster-image-registry-operator
ClusterRole /registry-monitoring
ClusterRoleBinding /default-account-cluster-image-registry-operator
ClusterRoleBinding /registry-monitoring
ConfigMap openshift-image-registry/image-registry-operator-config
ConfigMap openshift-image-registry/trusted-ca
CredentialsRequest openshift-cloud-credential-operator/openshift-image-registry
CredentialsRequest openshift-cloud-credential-operator/openshift-image-registry-azure
CredentialsRequest openshift-cloud-credential-operator/openshift-image-registry-gcs
CredentialsRequest openshift-cloud-credential-operator/openshift-image-registry-ibmcos
CredentialsRequest openshift-cloud-credential-operator/openshift-image-registry-ibmcos-powervs
CredentialsRequest openshift-cloud-credential-operator/openshift-image-registry-openstack
CustomResourceDefinition /configs.imageregistry.operator.openshift.io
CustomResourceDefinition /imagepruners.imageregistry.operator.openshift.io
Deployment openshift-image-registry/cluster-image-registry-operator
Deployment openshift-image-registry/cluster-image-registry-operator
Namespace /openshift-image-registry
NetworkPolicy openshift-image-registry/default-deny-all
NetworkPolicy openshift-image-registry/image-registry-move-networkpolicy
NetworkPolicy openshift-image-registry/image-registry-operator-networkpolicy
PrometheusRule openshift-image-registry/image-registry-operator-alerts
PrometheusRule openshift-image-registry/image-registry-rules
PrometheusRule openshift-image-registry/imagestreams-rules
Role openshift-config-managed/cluster-image-registry-operator
Role openshift-config/cluster-image-registry-operator
Role openshift-image-registry/cluster-image-registry-operator
Role openshift-image-registry/image-registry-move
Role openshift-image-registry/node-ca
Role openshift-image-registry/prometheus-k8s
RoleBinding openshift-config-managed/cluster-image-registry-operator
RoleBinding openshift-config/cluster-image-registry-operator
RoleBinding openshift-image-registry/cluster-image-registry-operator
RoleBinding openshift-image-registry/image-registry-move
RoleBinding openshift-image-registry/node-ca
RoleBinding openshift-image-registry/prometheus-k8s
Service openshift-image-registry/image-registry-operator
ServiceAccount openshift-image-registry/cluster-image-registry-operator
ServiceAccount openshift-image-registry/node-ca
ServiceMonitor openshift-image-registry/image-registry
ServiceMonitor openshift-image-registry/image-registry-operator
`

func TestInventory(t *testing.T) {
	var got []string
	for _, m := range load(t) {
		got = append(got, m.Kind+" "+m.Metadata.Namespace+"/"+m.Metadata.Name)
	}
	want := strings.Split(strings.TrimSpace(inventory), "\n")
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("manifests/ (-should have +has)\n%s", diff)
	}
}

// The image of the operator takes the files that begin with a digit, and image-references.
func TestEveryFileIsShipped(t *testing.T) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); name != "image-references" && (!strings.HasPrefix(name, "0") || filepath.Ext(name) != ".yaml") {
			t.Errorf("%s would not be in the release", name)
		}
	}
}

var placeholder = regexp.MustCompile(`\b(?:docker|quay)\.io/[\w./-]+(?::[\w.-]+)?`)

// The release build replaces exactly the strings of image-references. One that it does not know would be pulled as it is.
func TestPlaceholdersAndImageReferencesAreTheSameSet(t *testing.T) {
	referenced, used := map[string]bool{}, map[string]bool{}
	for _, dir := range []string{folder, "../../bindata"} {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) == ".go" {
				return err
			}
			content, err := os.ReadFile(path)
			for _, image := range placeholder.FindAllString(string(content), -1) {
				if filepath.Base(path) == "image-references" {
					referenced[image] = true
				} else {
					used[image] = true
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(referenced, used); diff != "" || len(used) == 0 {
		t.Errorf("%d images; image-references (-) and what is used (+) differ\n%s", len(used), diff)
	}
}

// What refers to the operator's pods, its port and its certificate says the same everywhere.
func TestReferencesFit(t *testing.T) {
	self, _ := deployments(t)
	all := load(t)
	var service corev1.Service
	find(all, "Service", "image-registry-operator")[0].decode(t, &service)
	var policy networkingv1.NetworkPolicy
	find(all, "NetworkPolicy", "image-registry-operator-networkpolicy")[0].decode(t, &policy)
	labels := self.Spec.Template.Labels
	for what, selector := range map[string]map[string]string{
		"Deployment": self.Spec.Selector.MatchLabels, "Service": service.Spec.Selector, "NetworkPolicy": policy.Spec.PodSelector.MatchLabels,
	} {
		if diff := cmp.Diff(labels, selector); diff != "" {
			t.Errorf("the %s does not select the operator's pods (-labels +selector)\n%s", what, diff)
		}
	}
	port := self.Spec.Template.Spec.Containers[0].Ports[0].ContainerPort
	if service.Spec.Ports[0].TargetPort.IntVal != port || policy.Spec.Ingress[0].Ports[0].Port.IntVal != port {
		t.Errorf("the container listens on %d, the Service goes to %v, the policy lets in %v", port, service.Spec.Ports, policy.Spec.Ingress)
	}
	config := find(all, "ConfigMap", "image-registry-operator-config")[0]
	if !strings.Contains(string(config.content), `bindAddress: ":60000"`) || port != 60000 {
		t.Errorf("the configuration does not bind port %d", port)
	}
	secret := service.Annotations["service.alpha.openshift.io/serving-cert-secret-name"]
	if secret != names.OperatorTLSSecret || !slices.ContainsFunc(self.Spec.Template.Spec.Volumes, func(v corev1.Volume) bool {
		return v.Secret != nil && v.Secret.SecretName == secret
	}) {
		t.Errorf("the certificate in %q is not mounted", secret)
	}
	for _, m := range all {
		if m.Kind == "PrometheusRule" || m.Kind == "ServiceMonitor" {
			if m.Metadata.Namespace != names.OperatorNamespace || !strings.HasPrefix(m.file, "0000_90_") {
				t.Errorf("%s has to be in the operator's namespace and to come after the kinds of the monitoring operator", m)
			}
		}
	}
	namespace := find(all, "Namespace", names.OperatorNamespace)[0]
	if namespace.Metadata.Labels["openshift.io/cluster-monitoring"] != "true" {
		t.Error("Prometheus does not look into the namespace")
	}
}
