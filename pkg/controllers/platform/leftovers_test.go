package platform

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	configlisters "github.com/openshift/client-go/config/listers/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient/triggertest"
)

// owning makes manager the owner of conditions, as an apply does.
func owning(config *imageregistryv1.Config, manager string, types ...string) *imageregistryv1.Config {
	var keys []string
	for _, name := range types {
		keys = append(keys, `"k:{\"type\":\"`+name+`\"}":{".":{},"f:status":{}}`)
	}
	raw := `{"f:status":{"f:conditions":{` + strings.Join(keys, ",") + `}}}`
	config.ManagedFields = append(config.ManagedFields, metav1.ManagedFieldsEntry{
		Manager: manager, Operation: metav1.ManagedFieldsOperationApply, Subresource: "status",
		FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: []byte(raw)},
	})
	return config
}

func with(types ...string) *imageregistryv1.Config {
	config := begun()
	for _, name := range types {
		config.Status.Conditions = append(config.Status.Conditions, operatorv1.OperatorCondition{Type: name, Status: operatorv1.ConditionTrue})
	}
	return config
}

func TestStale(t *testing.T) {
	const storage = "ImageRegistryStorageController"
	for _, tc := range []struct {
		name     string
		config   *imageregistryv1.Config
		platform configv1.PlatformType
		want     string
	}{
		{"nothing", with(), "AWS", ""},
		{"those of a controller that is no more", with("AzurePathFixProgressing", "X", "AzurePathFixControllerDegraded"), "AWS", "AzurePathFixProgressing AzurePathFixControllerDegraded"},
		{"storage conditions stay before storage has spoken", with("StorageTagged", "StorageExists"), "AWS", ""},
		{"those that the storage in use does not have", owning(with("StorageReady", "StorageTagged", "StorageExists", "StorageLabeled"), storage, "StorageReady", "StorageExists"), "AWS", "StorageTagged StorageLabeled"},
		{"those that the storage in use has", owning(with("StorageReady", "StorageTagged"), storage, "StorageReady", "StorageTagged"), "AWS", ""},
		{"of another owner they are no less stale", owning(owning(with("StorageReady", "StorageTagged"), storage, "StorageReady"), "somebody", "StorageTagged"), "AWS", "StorageTagged"},
		{"that of the Azure Stack elsewhere", with("AzureStackCloudControllerDegraded"), "AWS", "AzureStackCloudControllerDegraded"},
		{"that of the Azure Stack on Azure", with("AzureStackCloudControllerDegraded"), "Azure", ""},
		{"that of the Azure Stack on a platform that is not known", with("AzureStackCloudControllerDegraded"), "", ""},
		{"what we have never heard of is not ours", owning(with("MyOwnDegraded", "NodeCADaemonAvailable"), storage, "StorageReady"), "AWS", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Stale(tc.config, tc.platform)
			must(t, err)
			if strings.Join(got, " ") != tc.want {
				t.Errorf("stale %v, want %s", got, tc.want)
			}
		})
	}
}

func (w *world) leftovers(jobs ...runtime.Object) (*leftovers, *fake.Clientset) {
	client := fake.NewClientset(jobs...)
	return &leftovers{LeftoversDeps: LeftoversDeps{
		Client: w.config, Infrastructures: configlisters.NewInfrastructureLister(w.infrastructures),
		Jobs: client.BatchV1().Jobs("openshift-image-registry"), Recorder: w.recorder,
	}}, client
}

func job() *batchv1.Job {
	return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-image-registry", Name: "azure-path-fix"}}
}

func TestStaleConditionsGoOnceAndTheOthersStay(t *testing.T) {
	w := newWorld(t, "None", with("AzurePathFixProgressing", "Mine", "AzurePathFixControllerDegraded", "Degraded"))
	c, _ := w.leftovers()
	must(t, c.sync(t.Context(), w.syncCtx))
	config, err := w.config.Config()
	must(t, err)
	var left []string
	for _, condition := range config.Status.Conditions {
		left = append(left, condition.Type)
	}
	if diff := cmp.Diff([]string{"Available", "Mine", "Degraded"}, left); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
	w.config.ForgetWrites()
	must(t, c.sync(t.Context(), w.syncCtx))
	if len(w.config.Writes()) > 0 || len(w.recorder.Events()) != 1 {
		t.Errorf("second sync: writes %v, events %d", w.config.Writes(), len(w.recorder.Events()))
	}
}

func TestANewClusterHasNoLeftovers(t *testing.T) {
	config := with("AzurePathFixProgressing")
	config.Status.Conditions = config.Status.Conditions[1:]
	w := newWorld(t, "Azure", config)
	c, client := w.leftovers(job())
	must(t, c.sync(t.Context(), w.syncCtx))
	if len(w.config.Writes())+len(client.Actions()) > 0 {
		t.Errorf("writes %v, requests %v", w.config.Writes(), client.Actions())
	}
}

func TestTheJobGoesOnAzureWithOneRequest(t *testing.T) {
	stack := begun()
	stack.Status.Storage.Azure = &imageregistryv1.ImageRegistryConfigStorageAzure{CloudName: "AzureStackCloud"}
	for _, tc := range []struct {
		name     string
		platform configv1.PlatformType
		config   *imageregistryv1.Config
		jobs     []runtime.Object
		requests int
		left     bool
	}{
		{"on Azure it goes", "Azure", begun(), []runtime.Object{job()}, 1, false},
		{"on Azure without one there is one look", "Azure", begun(), nil, 1, false},
		{"elsewhere nobody asks", "AWS", begun(), []runtime.Object{job()}, 0, true},
		{"on an Azure Stack it stays", "Azure", stack, []runtime.Object{job()}, 0, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, tc.platform, tc.config)
			c, client := w.leftovers(tc.jobs...)
			for range 3 {
				must(t, c.sync(t.Context(), w.syncCtx))
			}
			if got := len(client.Actions()); got != tc.requests {
				t.Errorf("%d requests, want %d: %v", got, tc.requests, client.Actions())
			}
			for _, action := range client.Actions() {
				options := action.(clienttesting.DeleteActionImpl).DeleteOptions
				if *options.GracePeriodSeconds != 0 || *options.PropagationPolicy != metav1.DeletePropagationForeground {
					t.Errorf("deleted with %+v", options)
				}
			}
			if _, err := client.BatchV1().Jobs("openshift-image-registry").Get(t.Context(), "azure-path-fix", metav1.GetOptions{}); (err == nil) != tc.left {
				t.Errorf("the job is left: %v, want %v", err == nil, tc.left)
			}
		})
	}
}

func TestAFailedDeletionIsTriedAgain(t *testing.T) {
	w := newWorld(t, "Azure", begun())
	c, client := w.leftovers(job())
	client.PrependReactor("delete", "jobs", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, errors.New("no etcd") })
	for range 2 {
		if err := c.sync(t.Context(), w.syncCtx); err == nil {
			t.Error("the failure was not returned")
		}
	}
	client.ReactionChain = client.ReactionChain[1:]
	must(t, c.sync(t.Context(), w.syncCtx))
	if events := w.recorder.Events(); len(events) != 1 || events[0].Reason != "AzurePathFixRemoved" {
		t.Errorf("events %v", events)
	}
}

func TestLeftoversTriggers(t *testing.T) {
	w := newWorld(t, "None", begun())
	stage := triggertest.New(t)
	c, _ := w.leftovers()
	c.Client = stage.Client(w.config)
	c.ConfigInformer, c.InfrastructureInformer = stage.On("configs"), stage.On("infrastructures")
	stage.Run(NewLeftovers(c.LeftoversDeps))
	stage.ExpectAll(map[string]runtime.Object{"configs": &imageregistryv1.Config{}, "infrastructures": &configv1.Infrastructure{}})
}
