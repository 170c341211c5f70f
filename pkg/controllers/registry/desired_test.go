package registry

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// everything sets every field of Config that the registry controller reads.
func everything(w *world) {
	spec := &w.config.Spec
	spec.Replicas = 4
	spec.LogLevel = operatorv1.Debug
	spec.ReadOnly, spec.DisableRedirect = true, true
	spec.Proxy = imageregistryv1.ImageRegistryConfigProxy{HTTP: "http://p", HTTPS: "https://p", NoProxy: ".svc"}
	spec.Requests = imageregistryv1.ImageRegistryConfigRequests{
		Read:  imageregistryv1.ImageRegistryConfigRequestsLimits{MaxRunning: 1, MaxInQueue: 2, MaxWaitInQueue: metav1.Duration{Duration: 3 * time.Second}},
		Write: imageregistryv1.ImageRegistryConfigRequestsLimits{MaxRunning: 4, MaxInQueue: 5, MaxWaitInQueue: metav1.Duration{Duration: 6 * time.Hour}},
	}
	spec.Resources = &corev1.ResourceRequirements{Limits: corev1.ResourceList{"memory": resource.MustParse("1Gi")}}
	spec.NodeSelector = map[string]string{"node-role.kubernetes.io/infra": ""}
	spec.Tolerations = []corev1.Toleration{{Key: "infra", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}}
	spec.RolloutStrategy = "Recreate"
	spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{{
		Weight: 1, Preference: corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "disk", Operator: "Exists"}}},
	}}}}
	spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 2, TopologyKey: "rack", WhenUnsatisfiable: corev1.ScheduleAnyway}}
	spec.ObservedConfig = raw(`{"servingInfo":{"minTLSVersion":"VersionTLS12","cipherSuites":["TLS_AES_128_GCM_SHA256","TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305"]}}`)
	spec.UnsupportedConfigOverrides = raw(`{"deployment":{"annotations":{"a":"b","openshift.io/required-scc":"mine"},"runtimeClassName":"kata"},"other":1}`)
}

func TestRenderGolden(t *testing.T) {
	for name, edit := range map[string]func(*world){
		"aws":      func(*world) {},
		"emptydir": func(w *world) { onEmptyDir(w); w.config.Spec.Replicas = 1 },
		"pvc": func(w *world) {
			w.setStorage(storage.Coordinates{PVC: &imageregistryv1.ImageRegistryConfigStoragePVC{Claim: "image-registry-storage"}}, nil)
			w.config.Spec.Replicas, w.config.Spec.RolloutStrategy = 1, "Recreate"
		},
		"everything": everything,
	} {
		t.Run(name, func(t *testing.T) {
			desired := render(t, newWorld(edit))
			var got bytes.Buffer
			for _, object := range []any{
				desired.Service, desired.ServiceAccount, desired.ClusterRole, desired.ClusterRoleBinding, desired.PullSecret,
				desired.PrivateConfiguration, desired.HTTPSecret, desired.Deployment, desired.PodDisruptionBudget, desired.NetworkPolicy,
			} {
				text, err := yaml.Marshal(object)
				if err != nil {
					t.Fatal(err)
				}
				got.WriteString("---\n")
				got.Write(text)
			}
			path := filepath.Join("testdata", name+".yaml")
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
				t.Errorf("go test -run TestRenderGolden -update rewrites %s (-want +got):\n%s", path, diff)
			}
		})
	}
}

func onEmptyDir(w *world) {
	w.setStorage(storage.Coordinates{EmptyDir: &imageregistryv1.ImageRegistryConfigStorageEmptyDir{}}, nil)
}

func spec(edit func(*imageregistryv1.ImageRegistrySpec)) func(*world) {
	return func(w *world) { edit(&w.config.Spec) }
}

type imageRegistrySpec = imageregistryv1.ImageRegistrySpec

// environment is the pod's variables as NAME=value lines.
func environment(d *appsv1.Deployment) []string {
	var list []string
	for _, variable := range registry(d).Env {
		value := variable.Value
		if from := variable.ValueFrom; from != nil {
			value = "<" + from.SecretKeyRef.Name + "/" + from.SecretKeyRef.Key + ">"
		}
		list = append(list, variable.Name+"="+value)
	}
	return list
}

// Each field of Config, and of what else is read, adds or changes exactly these variables, in this place.
func TestEnvironment(t *testing.T) {
	for _, tc := range []struct {
		name    string
		edit    func(*world)
		removed []string
		added   []string
	}{
		{name: "Debug", edit: spec(func(s *imageRegistrySpec) { s.LogLevel = operatorv1.Debug }), removed: []string{"REGISTRY_LOG_LEVEL=info"}, added: []string{"REGISTRY_LOG_LEVEL=debug"}},
		{name: "TraceAll", edit: spec(func(s *imageRegistrySpec) { s.LogLevel = operatorv1.TraceAll }), removed: []string{"REGISTRY_LOG_LEVEL=info"}, added: []string{"REGISTRY_LOG_LEVEL=debug"}},
		{name: "deprecated number 1", edit: spec(func(s *imageRegistrySpec) { s.Logging = 1 }), removed: []string{"REGISTRY_LOG_LEVEL=info"}, added: []string{"REGISTRY_LOG_LEVEL=warn"}},
		{name: "deprecated number 3", edit: spec(func(s *imageRegistrySpec) { s.Logging = 3 })},
		{name: "deprecated number below zero", edit: spec(func(s *imageRegistrySpec) { s.Logging = -1 }), removed: []string{"REGISTRY_LOG_LEVEL=info"}, added: []string{"REGISTRY_LOG_LEVEL=debug"}},
		{name: "level wins over number", edit: spec(func(s *imageRegistrySpec) { s.Logging, s.LogLevel = 1, operatorv1.Trace }), removed: []string{"REGISTRY_LOG_LEVEL=info"}, added: []string{"REGISTRY_LOG_LEVEL=debug"}},
		{name: "readOnly", edit: spec(func(s *imageRegistrySpec) { s.ReadOnly = true }), added: []string{"REGISTRY_STORAGE_MAINTENANCE_READONLY={enabled: true}"}},
		{name: "disableRedirect", edit: spec(func(s *imageRegistrySpec) { s.DisableRedirect = true }), added: []string{"REGISTRY_STORAGE_REDIRECT_DISABLE=true"}},
		{name: "proxy of the registry", edit: spec(func(s *imageRegistrySpec) { s.Proxy.HTTP = "h" }), added: []string{"HTTP_PROXY=h"}},
		{name: "proxy of the cluster", edit: func(w *world) { w.proxy = clusterProxy("a", "b", "c") }, added: []string{"HTTP_PROXY=a", "HTTPS_PROXY=b", "NO_PROXY=c"}},
		{name: "each field of the proxy on its own", edit: func(w *world) {
			w.proxy = clusterProxy("a", "b", "")
			w.config.Spec.Proxy = imageregistryv1.ImageRegistryConfigProxy{HTTPS: "mine", NoProxy: "n"}
		}, added: []string{"HTTP_PROXY=a", "HTTPS_PROXY=mine", "NO_PROXY=n"}},
		{name: "read limits", edit: spec(func(s *imageRegistrySpec) { s.Requests.Read.MaxInQueue = 2 }), added: []string{
			"REGISTRY_OPENSHIFT_REQUESTS_READ_MAXRUNNING=0", "REGISTRY_OPENSHIFT_REQUESTS_READ_MAXINQUEUE=2", "REGISTRY_OPENSHIFT_REQUESTS_READ_MAXWAITINQUEUE=0s",
		}},
		{name: "write limits", edit: spec(func(s *imageRegistrySpec) {
			s.Requests.Write = imageregistryv1.ImageRegistryConfigRequestsLimits{MaxRunning: 4, MaxWaitInQueue: metav1.Duration{Duration: 6 * time.Hour}}
		}), added: []string{
			"REGISTRY_OPENSHIFT_REQUESTS_WRITE_MAXRUNNING=4", "REGISTRY_OPENSHIFT_REQUESTS_WRITE_MAXINQUEUE=0", "REGISTRY_OPENSHIFT_REQUESTS_WRITE_MAXWAITINQUEUE=6h0m0s",
		}},
		{name: "a waiting time alone", edit: spec(func(s *imageRegistrySpec) { s.Requests.Write.MaxWaitInQueue.Duration = time.Hour })},
		{name: "TLS version", edit: spec(func(s *imageRegistrySpec) { s.ObservedConfig = raw(`{"servingInfo":{"minTLSVersion":"VersionTLS13"}}`) }), added: []string{"REGISTRY_HTTP_TLS_MINVERSION=VersionTLS13"}},
		{name: "TLS suites", edit: spec(func(s *imageRegistrySpec) {
			s.ObservedConfig = raw(`{"servingInfo":{"cipherSuites":["TLS_RSA_WITH_RC4_128_SHA","TLS_AES_128_GCM_SHA256"]}}`)
		}), added: []string{"OPENSHIFT_REGISTRY_HTTP_TLS_CIPHERSUITES=TLS_RSA_WITH_RC4_128_SHA,TLS_AES_128_GCM_SHA256"}},
		{name: "empty TLS settings", edit: spec(func(s *imageRegistrySpec) {
			s.ObservedConfig = raw(`{"servingInfo":{"minTLSVersion":"","cipherSuites":[]}}`)
		})},
		{name: "no serving info", edit: spec(func(s *imageRegistrySpec) { s.ObservedConfig = raw(`{"other":{}}`) })},
		{name: "null", edit: spec(func(s *imageRegistrySpec) { s.ObservedConfig = raw(`null`) })},
	} {
		t.Run(tc.name, func(t *testing.T) {
			base, got := environment(render(t, newWorld()).Deployment), environment(render(t, newWorld(tc.edit)).Deployment)
			removed, added := difference(base, got), difference(got, base)
			if diff := cmp.Diff(tc.removed, removed); diff != "" {
				t.Errorf("removed (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.added, added); diff != "" {
				t.Errorf("added (-want +got):\n%s", diff)
			}
		})
	}
}

func clusterProxy(http, https, no string) *configv1.Proxy {
	return &configv1.Proxy{
		ObjectMeta: metav1.ObjectMeta{Name: names.Cluster},
		Status:     configv1.ProxyStatus{HTTPProxy: http, HTTPSProxy: https, NoProxy: no},
	}
}

func difference(a, b []string) []string {
	in := map[string]bool{}
	for _, item := range b {
		in[item] = true
	}
	var only []string
	for _, item := range a {
		if !in[item] {
			only = append(only, item)
		}
	}
	return only
}

func TestTheHTTPSecretIsNoLiteral(t *testing.T) {
	desired := render(t, newWorld())
	text, err := yaml.Marshal(desired.Deployment)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), testSecret) {
		t.Error("the deployment contains spec.httpSecret")
	}
	if got := string(desired.HTTPSecret.Data[names.RegistryHTTPSecretKey]); got != testSecret {
		t.Errorf("the Secret holds %q", got)
	}
	numeric := render(t, newWorld(spec(func(s *imageRegistrySpec) { s.HTTPSecret = "1234" })))
	if got := string(numeric.HTTPSecret.Data[names.RegistryHTTPSecretKey]); got != `"1234"` {
		t.Errorf("a value that YAML takes for a number is %s", got)
	}
}

func TestSecretsOfStorage(t *testing.T) {
	got := render(t, newWorld()).PrivateConfiguration.Data
	want := map[string][]byte{"credentials": []byte("[default]\n"), "REGISTRY_STORAGE_S3_TOKEN": []byte(`"10"`)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := render(t, newWorld(onEmptyDir)).PrivateConfiguration; got == nil || len(got.Data) != 0 {
		t.Errorf("storage without secrets has an empty Secret, got %v", got)
	}
}

func TestPullSecret(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func(*world)
		want map[string][]byte
	}{
		{"copied whole", func(w *world) { w.pullSecret.Data["more"] = []byte("1") }, map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths":{}}`), "more": []byte("1")}},
		{"absent: no copy", func(w *world) { w.pullSecret = nil }, nil},
		{"empty: no copy", func(w *world) { w.pullSecret.Data = map[string][]byte{corev1.DockerConfigJsonKey: nil} }, nil},
		{"not what the API server takes: no copy", func(w *world) { w.pullSecret.Data = map[string][]byte{corev1.DockerConfigJsonKey: []byte("[]")} }, nil},
		{"of another kind: no copy", func(w *world) { w.pullSecret.Data = map[string][]byte{".dockercfg": []byte("{}")} }, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := render(t, newWorld(tc.edit)).PullSecret
			if tc.want == nil {
				if got != nil {
					t.Fatalf("got %v", got)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got.Data); diff != "" || got.Type != corev1.SecretTypeDockerConfigJson {
				t.Errorf("type %s (-want +got):\n%s", got.Type, diff)
			}
		})
	}
}

func TestDisruptionBudget(t *testing.T) {
	for replicas, want := range map[int32]int{0: 0, 1: 0, 2: 1, 5: 1} {
		got := render(t, newWorld(spec(func(s *imageRegistrySpec) { s.Replicas = replicas }))).PodDisruptionBudget
		if got.Spec.MinAvailable.IntValue() != want {
			t.Errorf("%d replicas: minAvailable %d, want %d", replicas, got.Spec.MinAvailable.IntValue(), want)
		}
	}
}

func TestOverrides(t *testing.T) {
	overridden := render(t, newWorld(spec(func(s *imageRegistrySpec) {
		s.UnsupportedConfigOverrides = raw(`{"deployment":{"annotations":{"b":"1","a":"2","release.openshift.io/version":"mine"},"runtimeClassName":"kata"}}`)
	}))).Deployment
	for _, annotations := range []map[string]string{overridden.Annotations, overridden.Spec.Template.Annotations} {
		if annotations["a"] != "2" || annotations["b"] != "1" || annotations[names.VersionAnnotation] != "mine" {
			t.Errorf("annotations %v", annotations)
		}
	}
	if got := overridden.Annotations[names.ManagedAnnotationsAnnotation]; got != "a,b,release.openshift.io/version" {
		t.Errorf("managed annotations %q", got)
	}
	if got := overridden.Spec.Template.Spec.RuntimeClassName; got == nil || *got != "kata" {
		t.Errorf("runtime class %v", got)
	}
	// What was rendered once must not leak into the next.
	plain := render(t, newWorld()).Deployment
	if _, leaked := plain.Spec.Template.Annotations["a"]; leaked || plain.Annotations[names.ManagedAnnotationsAnnotation] != "" {
		t.Errorf("annotations %v, %v", plain.Annotations, plain.Spec.Template.Annotations)
	}
}

func TestWhatIsRendered(t *testing.T) {
	running := func(w *world) {
		w.live.Deployment = render(t, newWorld()).Deployment
		w.live.Deployment.Spec.Template.Annotations[names.DependenciesChecksumAnnotation] = "of the running pods"
	}
	for _, tc := range []struct {
		name             string
		edits            []func(*world)
		service          bool
		deployment       bool
		waiting, missing string
	}{
		{"storage ready", nil, true, true, "", ""},
		{"no storage yet: nothing", []func(*world){func(w *world) { w.config.Status.Storage = storage.Coordinates{} }}, false, false, "Waiting for storage that is set up", ""},
		{"storage of no driver: nothing", []func(*world){func(w *world) {
			w.config.Status.Storage = storage.Coordinates{GCS: &imageregistryv1.ImageRegistryConfigStorageGCS{}}
		}}, false, false, "Waiting for storage that is set up", ""},
		{"no pair yet: nothing", []func(*world){func(w *world) { delete(w.secrets, names.StoragePair) }}, false, false, "Waiting for the credentials of storage S3 bucket=bucket region=us-east-1", ""},
		{"the pair of another location: nothing", []func(*world){func(w *world) {
			w.secrets[names.StoragePair] = namedSecret(names.StoragePair, storage.EncodePair(s3("other"), s3Facts))
		}}, false, false, "Waiting for the credentials of storage S3 bucket=bucket region=us-east-1", ""},
		{"the pair of another location beside a running registry: all but the Deployment", []func(*world){running, func(w *world) {
			w.secrets[names.StoragePair] = namedSecret(names.StoragePair, storage.EncodePair(s3("other"), s3Facts))
		}}, true, false, "Waiting for the credentials of storage S3 bucket=bucket region=us-east-1", ""},
		{"storage of an earlier operator that nobody has looked at, beside its registry: all but the Deployment", []func(*world){running, func(w *world) { w.config.Status.Generations = nil }}, true, false, "Waiting for a first look at storage S3 bucket=bucket region=us-east-1", ""},
		{"a spec.storage that is not there yet does not matter", []func(*world){func(w *world) { w.config.Spec.Storage = s3("next") }}, true, true, "", ""},
		{"no serving certificate yet", []func(*world){func(w *world) { delete(w.secrets, names.RegistryTLSSecret) }}, true, false, "Waiting for Secret image-registry-tls (made by the service CA for Service image-registry)", ""},
		{"no CA yet", []func(*world){func(w *world) { delete(w.configMaps, names.Certificates) }}, true, false, "Waiting for ConfigMap image-registry-certificates with the service CA (made by this operator once the service CA has filled ConfigMap serviceca)", ""},
		{"CA without the service CA yet", []func(*world){func(w *world) { w.configMaps[names.Certificates].Data = map[string]string{"other..5000": "ca"} }}, true, false, "Waiting for ConfigMap image-registry-certificates with the service CA (made by this operator once the service CA has filled ConfigMap serviceca)", ""},
		{"CA without the service CA beside running pods: their business goes on", []func(*world){running, func(w *world) { w.configMaps[names.Certificates].Data = map[string]string{"other..5000": "ca"} }}, true, true, "", ""},
		{"no trusted CA: optional", []func(*world){func(w *world) { delete(w.configMaps, names.TrustedCA) }}, true, true, "", ""},
		{"no pull secret: optional", []func(*world){func(w *world) { w.pullSecret = nil }}, true, true, "", ""},
		{"serving certificate lost beside running pods", []func(*world){running, func(w *world) { delete(w.secrets, names.RegistryTLSSecret) }}, true, true, "", "the registry's pods need Secret image-registry-tls (made by the service CA for Service image-registry)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Render(newWorld(tc.edits...).inputs())
			if err != nil {
				t.Fatal(err)
			}
			if (got.Service != nil) != tc.service || (got.Deployment != nil) != tc.deployment {
				t.Errorf("service %v, deployment %v", got.Service != nil, got.Deployment != nil)
			}
			if got.Waiting != tc.waiting || got.Missing != tc.missing {
				t.Errorf("waiting %q, missing %q", got.Waiting, got.Missing)
			}
			if tc.missing != "" && checksumOf(got.Deployment) != "of the running pods" {
				t.Errorf("pods are replaced while their dependency is missing: %s", checksumOf(got.Deployment))
			}
		})
	}
}

func TestRenderErrors(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func(*world)
		want string
	}{
		{"no namespace", func(w *world) { w.namespace = nil }, "rendering deployment, fsGroup: namespace openshift-image-registry does not exist"},
		{"no groups", func(w *world) { w.namespace.Annotations = nil }, "rendering deployment, fsGroup: namespace openshift-image-registry lacks the annotation openshift.io/sa.scc.supplemental-groups"},
		{"groups without a slash", func(w *world) { w.namespace.Annotations[names.SupplementalGroupsAnnotation] = "1000" }, `rendering deployment, fsGroup: annotation openshift.io/sa.scc.supplemental-groups of namespace openshift-image-registry: "1000" is not of the form <first group>/<number of groups>`},
		{"groups that are no number", func(w *world) { w.namespace.Annotations[names.SupplementalGroupsAnnotation] = "a/1" }, `rendering deployment, fsGroup: annotation openshift.io/sa.scc.supplemental-groups of namespace openshift-image-registry: "a/1" is not of the form <first group>/<number of groups>`},
		{"http secret not stored", func(w *world) { w.config.Spec.HTTPSecret = "" }, "spec.httpSecret is empty"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := Render(newWorld(tc.edit).inputs()); err == nil || err.Error() != tc.want {
				t.Errorf("got %v\nwant %s", err, tc.want)
			}
		})
	}
}
