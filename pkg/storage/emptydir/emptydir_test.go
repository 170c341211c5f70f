package emptydir_test

import (
	"strings"
	"testing"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/emptydir"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

func inputs(replicas int32) storage.Inputs {
	return storage.Inputs{
		Coordinates: storage.Coordinates{EmptyDir: &imageregistryv1.ImageRegistryConfigStorageEmptyDir{}},
		Replicas:    replicas,
	}
}

func TestConformance(t *testing.T) {
	storagetest.Run(t, storagetest.Harness{
		Driver: func(*testing.T) storage.Driver { return emptydir.Driver() },
		Inputs: func(*testing.T, string) storage.Inputs { return inputs(1) },
	})
}

// TestImages pushes through a registry that keeps its content in a volume, as it does with a claim too.
func TestImages(t *testing.T) {
	settings, err := emptydir.Driver().Settings(inputs(1).Coordinates, nil)
	if err != nil {
		t.Fatal(err)
	}
	storagetest.Images(t, settings, storagetest.RegistryOptions{})
}

func TestReplicasThatDoNotShareAreToldOf(t *testing.T) {
	driver := emptydir.Driver()
	for replicas, told := range map[int32]bool{1: false, 2: true} {
		b, err := driver.New(inputs(replicas))
		if err != nil {
			t.Fatal(err)
		}
		result, err := b.Ensure(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c := result.Conditions[0]
		if c.Reason != "Creation Successful" || strings.Contains(c.Message, "spec.replicas") != told {
			t.Errorf("%d replicas: %+v", replicas, c)
		}
	}
	if driver.Observed(inputs(1)) == driver.Observed(inputs(2)) {
		t.Error("a change of the replicas goes unnoticed")
	}
}

func TestSettings(t *testing.T) {
	s, err := emptydir.Driver().Settings(storage.Coordinates{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Env) != 2 || s.Env[0].Value != "filesystem" || s.Env[1].Value != "/registry" || s.Volumes[0].EmptyDir == nil || s.Mounts[0].MountPath != "/registry" {
		t.Errorf("settings are %+v", s)
	}
}
