package storage

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

func TestStorageChanges(t *testing.T) {
	s3 := func(bucket, region string) storage.Coordinates {
		return storage.Coordinates{S3: &imageregistryv1.ImageRegistryConfigStorageS3{Bucket: bucket, Region: region}}
	}
	managed := s3("b", "r")
	managed.ManagementState = "Managed"
	withOSS := storage.Coordinates{OSS: &imageregistryv1.ImageRegistryConfigStorageAlibabaOSS{Bucket: "x"}}
	for _, tt := range []struct {
		name       string
		have, want storage.Coordinates
		changes    []operatorclient.Change
	}{
		{"nothing to change", managed, managed, nil},
		{"only the leaves that differ", s3("", "r"), managed, []operatorclient.Change{
			operatorclient.Set("/spec/storage/managementState", "Managed"), operatorclient.Set("/spec/storage/s3/bucket", "b"),
		}},
		{"an absent spec.storage is set whole", storage.Coordinates{}, managed, []operatorclient.Change{operatorclient.Set("/spec/storage", managed)}},
		{"an absent member is set whole", withOSS, s3("b", "r"), []operatorclient.Change{operatorclient.Set("/spec/storage/s3", tree(s3("b", "r"))["s3"])}},
		{"what is left out stays", managed, s3("b", "r"), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.changes, storageChanges(tt.have, tt.want)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWanted(t *testing.T) {
	spec := storage.Coordinates{OSS: &imageregistryv1.ImageRegistryConfigStorageAlibabaOSS{Bucket: "x"}, ManagementState: "Unmanaged"}
	got, err := wanted(spec, infrastructure(configv1.AWSPlatformType))
	if err != nil {
		t.Fatal(err)
	}
	want := spec
	want.S3 = &imageregistryv1.ImageRegistryConfigStorageS3{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("wanted (-want +got):\n%s", diff)
	}
	if _, err := wanted(spec, &configv1.Infrastructure{}); err == nil {
		t.Error("no platform status is no error")
	}
}

func TestAnErrorIsNeverReady(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    outcome
		want string
	}{
		{"success", outcome{}, "True/AsExpected"},
		{"an error without reason", outcome{err: errors.New("x")}, "False/Error"},
		{"an error of storage", failure(config(), storage.NotConfigured("x")), "False/" + names.ReasonStorageNotConfigured},
		{"a wait", outcome{reason: names.ReasonStorageChanging}, "False/" + names.ReasonStorageChanging},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.o.ready()
			if got := string(c.Status) + "/" + c.Reason; got != tt.want || c.Type != names.StorageReady {
				t.Errorf("got %s %s, want %s", c.Type, got, tt.want)
			}
		})
	}
}

func TestPlatformsWithoutABackend(t *testing.T) {
	for _, platform := range []configv1.PlatformType{configv1.AzurePlatformType, configv1.GCPPlatformType, configv1.OpenStackPlatformType, configv1.IBMCloudPlatformType} {
		w := newWorld(t, config(func(c *imageregistryv1.Config) {
			c.Spec.Storage = imageregistryv1.ImageRegistryConfigStorage{}
			c.Spec.ManagementState = operatorv1.Managed
		}))
		w.add("infrastructures", infrastructure(platform))
		w.mustSync()
		w.expect("StorageReady on "+string(platform), w.condition(names.StorageReady), "False/"+names.ReasonStorageNotSupported)
	}
}
