package seed_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	configv1 "github.com/openshift/api/config/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/kubetest"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/seed"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/seed/crdsource"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/gvr"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/loop"
)

var shared kubetest.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	shared.Stop()
	os.Exit(code)
}

func TestEmbeddedCRDsAreTheModules(t *testing.T) {
	want, err := crdsource.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir("crds")
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(want) {
		t.Errorf("crds/ holds %d files, the module gives %d: run go generate ./internal/seed", len(entries), len(want))
	}
	for name, data := range want {
		have, err := os.ReadFile(filepath.Join("crds", name))
		if err != nil || !bytes.Equal(have, data) {
			t.Errorf("crds/%s is not the module's (%v): run go generate ./internal/seed", name, err)
		}
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for name, c := range map[string]struct {
		options seed.Options
		want    string
	}{
		"an S3 endpoint without AWS": {
			seed.Options{Platform: configv1.NonePlatformType, S3: seed.S3{Endpoint: "https://s3"}}, "S3 endpoint is for platform AWS",
		},
		"a platform status of another platform": {
			seed.Options{PlatformStatus: &configv1.PlatformStatus{Type: configv1.GCPPlatformType}}, "platform status is of GCP",
		},
		"a capability nobody knows": {
			seed.Options{DisabledCapabilities: []configv1.ClusterVersionCapability{"Flying"}}, `capability "Flying" is not known`,
		},
		"a volume nowhere": {
			seed.Options{LocalVolumes: []seed.LocalVolume{{Name: "a"}}}, "name, path and node are required",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := seed.Apply(t.Context(), nil, c.options)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestSeed applies one seed, twice, and reads everything back.
func TestSeed(t *testing.T) {
	cfg := shared.Server(t).Config
	kube, dyn := kubernetes.NewForConfigOrDie(cfg), dynamic.NewForConfigOrDie(cfg)
	options := seed.Options{
		Name: "demo", Region: "eu-north-1", Version: "4.22.7",
		S3:                   seed.S3{Endpoint: "https://s3.eu-north-1.cluster.test", STSEndpoint: "https://sts.eu-north-1.cluster.test", CABundle: []byte("a CA")},
		DisabledCapabilities: []configv1.ClusterVersionCapability{configv1.ClusterVersionCapabilityCloudCredential},
		LocalVolumes:         []seed.LocalVolume{{Name: "local-0", Path: "/mnt/0", Node: "node-1"}},
	}
	if err := seed.Apply(t.Context(), cfg, options); err != nil {
		t.Fatal(err)
	}
	before := versions(t, dyn)
	if err := seed.Apply(t.Context(), cfg, options); err != nil {
		t.Fatalf("a second time: %v", err)
	}
	for name, version := range versions(t, dyn) {
		if before[name] != version {
			t.Errorf("applying again wrote %s (resourceVersion %s, then %s)", name, before[name], version)
		}
	}
	t.Run("all CRDs are served", func(t *testing.T) { testServed(t, cfg) })
	t.Run("the infrastructure names platform, endpoint and topology", func(t *testing.T) { testInfrastructure(t, dyn) })
	t.Run("the version lists capabilities and its feature gates", func(t *testing.T) { testVersion(t, dyn) })
	t.Run("the pull secret and the cloud's CA are there", func(t *testing.T) { testInputs(t, kube) })
	t.Run("the local volume waits for its pod", func(t *testing.T) { testVolume(t, kube) })
}

func versions(t *testing.T, dyn dynamic.Interface) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, resource := range []schema.GroupVersionResource{
		gvr.CustomResourceDefinitions, gvr.APIServers, gvr.ClusterVersions, gvr.DNSes, gvr.FeatureGates, gvr.Images,
		gvr.Infrastructures, gvr.Ingresses, gvr.Proxies,
	} {
		list, err := dyn.Resource(resource).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Items) == 0 {
			t.Errorf("no %s", resource.Resource)
		}
		for _, item := range list.Items {
			out[resource.Resource+" "+item.GetName()] = item.GetResourceVersion()
		}
	}
	return out
}

func testServed(t *testing.T, cfg *rest.Config) {
	client := apiextensions.NewForConfigOrDie(cfg)
	list, err := client.ApiextensionsV1().CustomResourceDefinitions().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if want := 10 + 5; len(list.Items) != want {
		t.Errorf("%d CRDs, want %d", len(list.Items), want)
	}
	dyn := dynamic.NewForConfigOrDie(cfg)
	for _, crd := range list.Items {
		resource := schema.GroupVersionResource{Group: crd.Spec.Group, Version: "v1", Resource: crd.Spec.Names.Plural}
		if _, err := dyn.Resource(resource).List(t.Context(), metav1.ListOptions{}); err != nil {
			t.Errorf("listing %s: %v", resource, err)
		}
	}
}

func get[T any](ctx context.Context, t *testing.T, dyn dynamic.Interface, resource schema.GroupVersionResource, name string) *T {
	t.Helper()
	obj, err := dyn.Resource(resource).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := loop.Typed[T](obj)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func testInfrastructure(t *testing.T, dyn dynamic.Interface) {
	status := get[configv1.Infrastructure](t.Context(), t, dyn, gvr.Infrastructures, "cluster").Status
	if status.InfrastructureName != "demo" || status.ControlPlaneTopology != configv1.SingleReplicaTopologyMode ||
		status.InfrastructureTopology != configv1.SingleReplicaTopologyMode {
		t.Errorf("name or topology: %+v", status)
	}
	aws := status.PlatformStatus.AWS
	if aws == nil || aws.Region != "eu-north-1" || len(aws.ServiceEndpoints) != 2 ||
		aws.ServiceEndpoints[0].URL != "https://s3.eu-north-1.cluster.test" || aws.ServiceEndpoints[1].URL != "https://sts.eu-north-1.cluster.test" {
		t.Errorf("platform status: %+v", aws)
	}
}

func testVersion(t *testing.T, dyn dynamic.Interface) {
	status := get[configv1.ClusterVersion](t.Context(), t, dyn, gvr.ClusterVersions, "version").Status
	if status.Desired.Version != "4.22.7" || len(status.History) != 1 || status.History[0].State != configv1.CompletedUpdate {
		t.Errorf("desired %+v, history %+v", status.Desired, status.History)
	}
	enabled := map[configv1.ClusterVersionCapability]bool{}
	for _, c := range status.Capabilities.EnabledCapabilities {
		enabled[c] = true
	}
	if !enabled[configv1.ClusterVersionCapabilityImageRegistry] || enabled[configv1.ClusterVersionCapabilityCloudCredential] {
		t.Errorf("enabled capabilities: %v", status.Capabilities.EnabledCapabilities)
	}
	gates := get[configv1.FeatureGate](t.Context(), t, dyn, gvr.FeatureGates, "cluster").Status.FeatureGates
	if len(gates) != 1 || gates[0].Version != "4.22.7" {
		t.Fatalf("feature gates: %+v", gates)
	}
	known := map[configv1.FeatureGateName]bool{}
	for _, g := range append(gates[0].Enabled, gates[0].Disabled...) {
		known[g.Name] = true
	}
	if !known["ImageStreamImportMode"] {
		t.Errorf("ImageStreamImportMode is not among %d gates", len(known))
	}
}

func testInputs(t *testing.T, kube kubernetes.Interface) {
	secret, err := kube.CoreV1().Secrets("openshift-config").Get(t.Context(), "pull-secret", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Auths map[string]struct{ Auth []byte } `json:"auths"`
	}
	if err := json.Unmarshal(secret.Data[corev1.DockerConfigJsonKey], &config); err != nil {
		t.Fatal(err)
	}
	if got := string(config.Auths["registry.cluster.test"].Auth); got != "seed:seed" {
		t.Errorf("pull secret for the test registry: %q", got)
	}
	cloud, err := kube.CoreV1().ConfigMaps("openshift-config-managed").Get(t.Context(), "kube-cloud-config", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if cloud.Data["ca-bundle.pem"] != "a CA" {
		t.Errorf("cloud CA: %q", cloud.Data["ca-bundle.pem"])
	}
}

func testVolume(t *testing.T, kube kubernetes.Interface) {
	class, err := kube.StorageV1().StorageClasses().Get(t.Context(), "local", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if *class.VolumeBindingMode != "WaitForFirstConsumer" {
		t.Errorf("binding mode %s", *class.VolumeBindingMode)
	}
	volume, err := kube.CoreV1().PersistentVolumes().Get(t.Context(), "local-0", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	terms := volume.Spec.NodeAffinity.Required.NodeSelectorTerms
	if volume.Spec.Local.Path != "/mnt/0" || terms[0].MatchExpressions[0].Values[0] != "node-1" {
		t.Errorf("volume: %+v", volume.Spec)
	}
}

// TestEveryPlatform sees that the CRD takes the status of each platform.
func TestEveryPlatform(t *testing.T) {
	cfg := shared.Server(t).Config
	for _, platform := range []configv1.PlatformType{
		configv1.AWSPlatformType, configv1.AzurePlatformType, configv1.GCPPlatformType, configv1.IBMCloudPlatformType,
		configv1.PowerVSPlatformType, configv1.OpenStackPlatformType, configv1.BareMetalPlatformType, configv1.NonePlatformType,
		configv1.VSpherePlatformType, configv1.NutanixPlatformType, configv1.OvirtPlatformType, configv1.LibvirtPlatformType,
		configv1.KubevirtPlatformType, configv1.EquinixMetalPlatformType, configv1.AlibabaCloudPlatformType, configv1.ExternalPlatformType,
	} {
		t.Run(string(platform), func(t *testing.T) {
			if err := seed.Apply(t.Context(), cfg, seed.Options{Platform: platform}); err != nil {
				t.Fatal(err)
			}
			status := get[configv1.Infrastructure](t.Context(), t, dynamic.NewForConfigOrDie(cfg), gvr.Infrastructures, "cluster").Status
			if status.PlatformStatus.Type != platform {
				t.Errorf("platform is %s", status.PlatformStatus.Type)
			}
		})
	}
}
