package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// otherVersion is the release in clusters of another kind.
const otherVersion = "4.22.0-test"

// inAnotherCluster gives the test a cluster of another kind than the suite's: what is called cluster is that one until the
// end of the test, and what the test makes of operator is stopped then.
func inAnotherCluster(t *testing.T, kind string, args ...string) {
	t.Helper()
	other, err := library.StartAnother(t.Context(), fmt.Sprintf("integration-%s-%d", kind, os.Getpid()), append([]string{"--nodes", "0", "--platform", "AWS"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	suites, its := cluster, operator
	cluster = other
	t.Cleanup(func() {
		if operator != its {
			if err := operator.Stop(); err != nil {
				t.Errorf("the operator ended with %v\n%s", err, operator.Tail(20))
			}
		}
		cluster, operator = suites, its
		if err := other.Stop(context.Background()); err != nil {
			t.Errorf("stopping the %s cluster: %v", kind, err)
		}
	})
}

// needIPv6 skips a test on machines without.
func needIPv6(t *testing.T) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6: %v", err)
	}
	_ = listener.Close()
}

var progress = regexp.MustCompile(`^Working towards \S+: (\d+) of (\d+) done`)

// untilApplied waits until the API server has accepted every manifest of the release; its operator need not have reported.
func untilApplied(t *testing.T, objects int) {
	t.Helper()
	cluster.Until(t, settle, fmt.Sprintf("%d objects of the release to be there", objects), func(ctx context.Context) error {
		version, err := cluster.Config.ConfigV1().ClusterVersions().Get(ctx, names.ClusterVersion, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if version.Status.Desired.Version != otherVersion {
			return fmt.Errorf("the release is still %s", version.Status.Desired.Version)
		}
		for _, condition := range version.Status.Conditions {
			if condition.Type == "Failing" && condition.Status == configv1.ConditionTrue {
				t.Fatalf("a manifest is refused: %s", condition.Message)
			}
			if condition.Type != configv1.OperatorProgressing {
				continue
			}
			if found := progress.FindStringSubmatch(condition.Message); found == nil || found[1] != found[2] || found[1] != fmt.Sprint(objects) {
				return errors.New(condition.Message)
			}
			return nil
		}
		return errors.New("no news yet")
	})
}

// untilCompleted waits until the release has been applied and the operator has reported its version.
func untilCompleted(t *testing.T) {
	t.Helper()
	cluster.Until(t, settle, "the release to be complete", func(ctx context.Context) error {
		version, err := cluster.Config.ConfigV1().ClusterVersions().Get(ctx, names.ClusterVersion, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if history := version.Status.History; len(history) == 0 || history[0].Version != otherVersion || history[0].State != configv1.CompletedUpdate {
			return fmt.Errorf("history %+v, conditions %+v", history, version.Status.Conditions)
		}
		return nil
	})
}

// manifestsFor are the objects of manifests/ that a cluster of that profile takes, as kind and name.
func manifestsFor(t *testing.T, profile string) []string {
	t.Helper()
	paths, err := filepath.Glob("../../manifests/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("found no manifests: %v", err)
	}
	var found []string
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range strings.Split("\n"+string(content), "\n---\n") {
			var object metav1.PartialObjectMetadata
			if err := yaml.Unmarshal([]byte(document), &object); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if object.Annotations["include.release.openshift.io/"+profile] == "true" {
				found = append(found, object.Kind+" "+object.Name)
			}
		}
	}
	return found
}

// release hands manifests/ to the version operator of a cluster of that profile.
func release(t *testing.T, profile string) {
	t.Helper()
	if err := cluster.Deploy(t.Context(), "--manifests", "../../manifests", "--version", otherVersion, "--profile", profile); err != nil {
		t.Fatal(err)
	}
}

// requireAbsent checks what a get of an object has answered.
func requireAbsent(t *testing.T, what string, err error) {
	t.Helper()
	if !apierrors.IsNotFound(err) {
		t.Errorf("%s is there: %v", what, err)
	}
}
