package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

const (
	minVersion = "REGISTRY_HTTP_TLS_MINVERSION"
	suites     = "OPENSHIFT_REGISTRY_HTTP_TLS_CIPHERSUITES"
	thirteen   = "TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384,TLS_CHACHA20_POLY1305_SHA256"
)

// setProfile edits the cluster's TLS security profile; null takes it away. The test leaves none behind.
func setProfile(t *testing.T, profile string) {
	t.Helper()
	patch := func(ctx context.Context, profile string) {
		_, err := cluster.Config.ConfigV1().APIServers().Patch(ctx, names.Cluster, types.MergePatchType,
			[]byte(`{"spec":{"tlsSecurityProfile":`+profile+`}}`), metav1.PatchOptions{})
		if err != nil {
			t.Errorf("setting the TLS profile %s: %v", profile, err)
		}
	}
	patch(t.Context(), profile)
	t.Cleanup(func() { patch(context.Background(), "null") })
}

func TestTheRegistryFollowsTheTLSProfile(t *testing.T) {
	onEmptyDir(t)
	for _, step := range []struct{ name, profile, version, suites string }{
		{"Modern", `{"type":"Modern","modern":{}}`, "VersionTLS13", thirteen},
		{"Old", `{"type":"Old","old":{}}`, "VersionTLS10", "TLS_RSA_WITH_3DES_EDE_CBC_SHA"},
		{
			"Custom", `{"type":"Custom","custom":{"minTLSVersion":"VersionTLS12","ciphers":["ECDHE-RSA-AES128-GCM-SHA256","DHE-RSA-AES128-GCM-SHA256"]}}`,
			"VersionTLS12", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
		},
		{"none is Intermediate", `null`, "VersionTLS12", thirteen + ",TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
	} {
		t.Run(step.name, func(t *testing.T) {
			setProfile(t, step.profile)
			untilDeployment(t, step.name, all(env(minVersion, step.version), envContains(suites, step.suites)))
			cluster.UntilConditions(t, settle, library.Want{Type: names.ConfigObservationDegraded, Status: "False"})
		})
	}
}

// envContains is env for a part of the value.
func envContains(name, part string) check {
	return container(func(c corev1.Container) error {
		for _, e := range c.Env {
			if e.Name == name && strings.Contains(e.Value, part) {
				return nil
			}
		}
		return fmt.Errorf("want %s with %s in %v", name, part, c.Env)
	})
}

func TestAProfileThatCannotBeExpressedLeavesTheRegistryAlone(t *testing.T) {
	onEmptyDir(t)
	setProfile(t, `{"type":"Modern","modern":{}}`)
	untilDeployment(t, "Modern", env(minVersion, "VersionTLS13"))
	setProfile(t, `{"type":"Custom","custom":{"minTLSVersion":"VersionTLS12","ciphers":["NO-SUCH-CIPHER"]}}`)
	cluster.UntilConditions(t, settle,
		library.Want{Type: names.ConfigObservationDegraded, Status: "True", Reason: names.ReasonError, Message: "NO-SUCH-CIPHER"},
		library.Want{Type: names.Degraded, Status: "False"},
	)
	untilDeployment(t, "the last good profile", env(minVersion, "VersionTLS13"))
	// The registry is still looked after.
	cluster.Patch(t, `{"spec":{"readOnly":true}}`)
	untilDeployment(t, "another edit", all(env("REGISTRY_STORAGE_MAINTENANCE_READONLY", "{enabled: true}"), env(minVersion, "VersionTLS13")))
	setProfile(t, "null")
	cluster.UntilConditions(t, settle, library.Want{Type: names.ConfigObservationDegraded, Status: "False"})
	untilDeployment(t, "the profile mended", env(minVersion, "VersionTLS12"))
}

func TestObservedConfigIsTheObservers(t *testing.T) {
	onEmptyDir(t)
	for name, edit := range map[string]string{
		"other settings":          `{"servingInfo":{"minTLSVersion":"VersionTLS10","cipherSuites":null}}`,
		"a version that is none":  `{"servingInfo":{"minTLSVersion":"TLSv9"}}`,
		"a suite that is none":    `{"servingInfo":{"cipherSuites":["NONE_SUCH"]}}`,
		"something else entirely": `{"mine":true}`,
		"nothing":                 `null`,
	} {
		t.Run(name, func(t *testing.T) {
			cluster.Patch(t, `{"spec":{"observedConfig":`+edit+`}}`)
			untilObserved(t, `"minTLSVersion":"VersionTLS12"`)
		})
	}
	cluster.UntilAvailable(t, settle)
	cluster.Patch(t, `{"spec":{"managementState":"Unmanaged"}}`)
	cluster.UntilConditions(t, settle, library.Want{Type: names.Available, Status: "True", Reason: names.ReasonUnmanaged})
	setProfile(t, `{"type":"Modern","modern":{}}`)
	untilObserved(t, `"minTLSVersion":"VersionTLS13"`)
	cluster.Always(t, time.Second, "the Deployment as the administrator has it", func(ctx context.Context) error {
		live, err := cluster.Kube.AppsV1().Deployments(names.OperatorNamespace).Get(ctx, names.Registry, metav1.GetOptions{})
		if err != nil {
			return err
		}
		return env(minVersion, "VersionTLS12")(live)
	})
}

func untilObserved(t *testing.T, text string) {
	t.Helper()
	cluster.Until(t, settle, "observedConfig with "+text, func(ctx context.Context) error {
		config, err := cluster.GetConfig(ctx)
		if err != nil {
			return err
		}
		observed := string(config.Spec.ObservedConfig.Raw)
		if !strings.Contains(observed, text) || strings.Contains(observed, "mine") || !strings.Contains(observed, "TLS_AES_128_GCM_SHA256") {
			return fmt.Errorf("observedConfig is %s", observed)
		}
		return nil
	})
}
