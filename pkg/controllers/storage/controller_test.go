package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

func TestProvide(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config *imageregistryv1.Config
		media  map[string]*medium
		check  func(*world)
	}{
		{
			name:   "an empty configuration is completed, created and Managed",
			config: config(),
			check: func(w *world) {
				c := w.config()
				w.expect("managementState", c.Spec.Storage.ManagementState, "Managed")
				w.expect("spec bucket", c.Spec.Storage.S3.Bucket, generated)
				w.expect("spec region", c.Spec.Storage.S3.Region, "us-east-1")
				w.expect("spec encrypt", fmt.Sprint(c.Spec.Storage.S3.Encrypt), "true")
				w.expect("status bucket", c.Status.Storage.S3.Bucket, generated)
				w.expect("status managementState", c.Status.Storage.ManagementState, "Managed")
				w.expect("storageManaged", fmt.Sprint(c.Status.StorageManaged), "true")
				w.expect("finalizers", fmt.Sprint(c.Finalizers), "["+names.Finalizer+"]")
				w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
				w.expect("StorageExists", w.condition(names.StorageExists), "True/Made")
				w.expect("media", w.cloud.names(), generated)
				w.expect("acknowledged", fmt.Sprint(storage.Acknowledged(c)), "true")
				w.expect("events", fmt.Sprint(w.eventReasons()), "["+names.EventStorageCreated+"]")
				w.expect("metric", fmt.Sprint(w.metrics), "&{0 S3}")
			},
		},
		{
			name:   "a named medium that exists is adopted and Unmanaged",
			config: config(bucket("theirs")),
			media:  map[string]*medium{"theirs": {}},
			check: func(w *world) {
				w.expect("managementState", w.config().Spec.Storage.ManagementState, "Unmanaged")
				w.expect("status managementState", w.config().Status.Storage.ManagementState, "Unmanaged")
				w.expect("marked", fmt.Sprint(w.cloud.media["theirs"].marked), "false")
			},
		},
		{
			name:   "a named medium that does not exist is created and Managed",
			config: config(bucket("new")),
			check: func(w *world) {
				w.expect("managementState", w.config().Spec.Storage.ManagementState, "Managed")
				w.expect("media", w.cloud.names(), "new")
			},
		},
		{
			name:   "a preset Managed is kept for a medium that exists",
			config: config(bucket("theirs"), func(c *imageregistryv1.Config) { c.Spec.Storage.ManagementState = "Managed" }),
			media:  map[string]*medium{"theirs": {}},
			check: func(w *world) {
				w.expect("managementState", w.config().Spec.Storage.ManagementState, "Managed")
				w.expect("marked", fmt.Sprint(w.cloud.media["theirs"].marked), "true")
			},
		},
		{
			name:   "a preset Unmanaged is kept for a medium that is created",
			config: config(func(c *imageregistryv1.Config) { c.Spec.Storage.ManagementState = "Unmanaged" }),
			check: func(w *world) {
				w.expect("managementState", w.config().Spec.Storage.ManagementState, "Unmanaged")
				w.expect("media", w.cloud.names(), generated)
			},
		},
		{
			name: "an object that predates the field is migrated from storageManaged",
			config: config(bucket("old"), func(c *imageregistryv1.Config) {
				c.Spec.Storage.S3.Region = "us-east-1"
				c.Status.Storage = *c.Spec.Storage.DeepCopy()
				c.Status.StorageManaged = true
			}),
			media: map[string]*medium{"old": {}},
			check: func(w *world) { w.expect("managementState", w.config().Spec.Storage.ManagementState, "Managed") },
		},
		{
			name: "without any storage the platform's is filled in beside managementState and oss",
			config: config(func(c *imageregistryv1.Config) {
				c.Spec.Storage = imageregistryv1.ImageRegistryConfigStorage{
					ManagementState: "Unmanaged", OSS: &imageregistryv1.ImageRegistryConfigStorageAlibabaOSS{Bucket: "x"},
				}
			}),
			check: func(w *world) {
				c := w.config()
				w.expect("managementState", c.Spec.Storage.ManagementState, "Unmanaged")
				w.expect("oss", c.Spec.Storage.OSS.Bucket, "x")
				w.expect("bucket", c.Spec.Storage.S3.Bucket, generated)
				w.expect("status oss", fmt.Sprint(c.Status.Storage.OSS), "<nil>")
			},
		},
		{
			name:   "nothing is written for an Unmanaged registry",
			config: config(func(c *imageregistryv1.Config) { c.Spec.ManagementState = operatorv1.Unmanaged }),
			check: func(w *world) {
				w.expect("writes", fmt.Sprint(w.client.Writes()), "[]")
				w.expect("cloud", fmt.Sprint(w.cloud.calls), "[]")
			},
		},
		{
			name:   "nothing is written for a forced registry",
			config: config(func(c *imageregistryv1.Config) { c.Spec.ManagementState = operatorv1.Force }),
			check:  func(w *world) { w.expect("writes", fmt.Sprint(w.client.Writes()), "[]") },
		},
		{
			name: "two storages are a permanent error",
			config: config(func(c *imageregistryv1.Config) {
				c.Spec.Storage.EmptyDir = &imageregistryv1.ImageRegistryConfigStorageEmptyDir{}
			}),
			check: func(w *world) {
				w.expect("StorageReady", w.condition(names.StorageReady), "False/MultipleStoragesConfigured")
				w.expect("message names them", fmt.Sprint(strings.Contains(w.message(names.StorageReady), "[EmptyDir S3]")), "true")
				w.expect("cloud", fmt.Sprint(w.cloud.calls), "[]")
				w.expect("acknowledged", fmt.Sprint(storage.Acknowledged(w.config())), "true")
			},
		},
		{
			name: "a kind without a driver is a permanent error",
			config: config(func(c *imageregistryv1.Config) {
				c.Spec.Storage = imageregistryv1.ImageRegistryConfigStorage{GCS: &imageregistryv1.ImageRegistryConfigStorageGCS{}}
			}),
			check: func(w *world) {
				w.expect("StorageReady", w.condition(names.StorageReady), "False/StorageNotSupported")
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.config)
			for name, m := range tt.media {
				w.cloud.media[name] = m
			}
			w.mustSync()
			tt.check(w)
			w.client.ForgetWrites()
			w.cloud.calls = nil
			w.mustSync()
			w.expect("writes of the second sync", fmt.Sprint(w.client.Writes()), "[]")
			w.expect("cloud calls of the second sync", fmt.Sprint(w.cloud.calls), "[]")
		})
	}
}

func TestPlatformWithoutStorageIsPermanent(t *testing.T) {
	w := newWorld(t, config(func(c *imageregistryv1.Config) { c.Spec.Storage = imageregistryv1.ImageRegistryConfigStorage{} }))
	w.add("infrastructures", infrastructure(configv1.NonePlatformType))
	w.mustSync()
	w.expect("StorageReady", w.condition(names.StorageReady), "False/StorageNotConfigured")
}

func TestTheWayOfTheWrites(t *testing.T) {
	w := newWorld(t, config())
	w.mustSync()
	want := []string{
		"patch " + names.StorageController + " /spec/storage/managementState /spec/storage/s3/bucket /spec/storage/s3/region " +
			"/metadata/annotations /metadata/finalizers",
		"patch " + names.StorageController + " /spec/storage/s3/encrypt",
		"storage " + names.StorageController,
		"status " + names.StorageController + " StorageReady=True/AsExpected StorageExists=True/Made",
	}
	if got := w.client.Writes(); !slices.Equal(got, want) {
		t.Errorf("writes:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	pair, err := w.kube.CoreV1().Secrets(names.OperatorNamespace).Get(context.Background(), names.StoragePair, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	location, facts := storage.DecodePair(pair.Data)
	w.expect("pair location", location, storage.LocationHash(w.config().Status.Storage))
	w.expect("pair fact", string(facts["key"]), "secret")
	w.expect("creation", fmt.Sprint(storage.CreationRecorded(pair.Data, w.config().Status.Storage)), "true")
}

// A process that dies at any of its calls, before or after its effect, leaves at most one medium; the next one adopts
// it as ours.
func TestCrashAtEachCall(t *testing.T) {
	for _, name := range []string{"", "given"} {
		for _, lost := range []bool{false, true} {
			for calls := range 8 {
				t.Run(fmt.Sprintf("bucket %q after %d calls with the answer lost %t", name, calls, lost), func(t *testing.T) {
					w := newWorld(t, config(bucket(name)))
					w.budget, w.lost = calls, lost
					_ = w.sync()
					w.budget, w.lost = -1, false
					w.restart()
					w.mustSync()
					want := name
					if want == "" {
						want = generated
					}
					w.expect("media", w.cloud.names(), want)
					w.expect("managementState", w.config().Spec.Storage.ManagementState, "Managed")
					w.expect("status bucket", w.config().Status.Storage.S3.Bucket, want)
					w.expect("StorageReady", w.condition(names.StorageReady), "True/AsExpected")
				})
			}
		}
	}
}

func TestSwitch(t *testing.T) {
	begin := func(t *testing.T) *world {
		w := newWorld(t, config())
		w.cloud.companion = names.StorageTagged
		w.mustSync()
		w.expect("companion", w.condition(names.StorageTagged), "True/Done")
		w.cloud.media["theirs"] = &medium{}
		return w
	}
	t.Run("to an existing medium decides the management state anew", func(t *testing.T) {
		w := begin(t)
		w.edit(bucket("theirs"))
		w.mustSync()
		w.expect("managementState", w.config().Spec.Storage.ManagementState, "Unmanaged")
		w.expect("status", w.config().Status.Storage.S3.Bucket+w.config().Status.Storage.ManagementState, "theirsUnmanaged")
		w.expect("storageManaged", fmt.Sprint(w.config().Status.StorageManaged), "false")
		w.expect("marked", fmt.Sprint(w.cloud.media["theirs"].marked), "false")
		w.expect("old medium and new one", w.cloud.names(), "generated theirs")
		w.expect("conditions of the former storage are dropped", w.condition(names.StorageTagged), "")
		w.expect("reconfigured", fmt.Sprint(w.metrics.reconfigured), "1")
		w.expect("changed event", fmt.Sprint(slices.Contains(w.eventReasons(), names.EventStorageChanged)), "true")
		w.expect("message", w.message(names.StorageReady), "the registry uses S3 bucket=theirs region=us-east-1"+
			"; S3 bucket=generated region=us-east-1, where it was before, was left behind with its content")
	})
	t.Run("to an existing medium keeps the management state of the administrator", func(t *testing.T) {
		w := begin(t)
		w.edit(func(c *imageregistryv1.Config) { bucket("theirs")(c); owner(c) })
		w.mustSync()
		w.expect("managementState", w.config().Spec.Storage.ManagementState, "Managed")
	})
	t.Run("that fails leaves what is in use", func(t *testing.T) {
		w := begin(t)
		w.cloud.fail["ensure"] = &storage.Error{Status: operatorv1.ConditionFalse, ConditionReason: "AccessDenied", Message: "no"}
		w.edit(bucket("new"))
		w.mustSync()
		w.expect("status bucket", w.config().Status.Storage.S3.Bucket, generated)
		w.expect("StorageReady", w.condition(names.StorageReady), "False/Error")
		w.expect("StorageExists", w.condition(names.StorageExists), "False/AccessDenied")
		w.expect("message", w.message(names.StorageReady), "no; the registry stays on S3 bucket=generated region=us-east-1")
		w.expect("acknowledged", fmt.Sprint(storage.Acknowledged(w.config())), "true")
		w.expect("managementState decided for the new place", w.config().Spec.Storage.ManagementState, "Managed")

		w.cloud.fail = map[string]error{}
		w.clock.Step(firstRetry)
		w.mustSync()
		w.expect("status bucket after healing", w.config().Status.Storage.S3.Bucket, "new")
		w.expect("StorageReady after healing", w.condition(names.StorageReady), "True/AsExpected")
	})
	t.Run("of the administrator from Managed to Unmanaged flips status", func(t *testing.T) {
		w := begin(t)
		w.edit(func(c *imageregistryv1.Config) { c.Spec.Storage.ManagementState = "Unmanaged"; owner(c) })
		w.mustSync()
		w.expect("status", w.config().Status.Storage.ManagementState, "Unmanaged")
		w.expect("storageManaged", fmt.Sprint(w.config().Status.StorageManaged), "false")
		w.expect("companion", w.condition(names.StorageTagged), "")
	})
}
