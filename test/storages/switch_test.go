package storages

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// kindOf is how a kind of storage is asked for on a platform that knows no cloud, and how it fails.
type kindOf struct {
	kind   storage.Kind
	member string
	// good asks for a medium of the operator's own, bad for one that cannot be had; says is what the message names then.
	good, bad, says string
	// exists is the reason of StorageExists, conditions are the storage conditions beside it.
	exists     string
	conditions []string
	// medium tells, past the operator, whether a medium is there; nil where there is nothing to ask.
	medium func(context.Context, *media) (bool, error)
	// variables are those by which the registry finds a medium, secrets are the keys of its Secret with a part of each value.
	variables func(*media) map[string]string
	secrets   map[string]string
}

// filesystem are the variables of what is mounted; which volume that is, the Deployment says beside them.
func filesystem(*media) map[string]string { return map[string]string{"REGISTRY_STORAGE": "filesystem"} }

// noSecret is how what a Swift user has beside name and password is written.
const noSecret = `""`

func kinds() []kindOf {
	s3 := fmt.Sprintf(`"region":%q,"trustedCA":{"name":"s3-ca"}`, cluster.S3.Region)
	return []kindOf{
		{
			kind: storage.EmptyDir, member: "emptyDir", good: `{}`, exists: "Creation Successful", variables: filesystem,
		},
		{
			kind: storage.S3, member: "s3", good: `{` + s3 + fmt.Sprintf(`,"regionEndpoint":%q}`, cluster.S3.Endpoint),
			bad: `{` + s3 + `,"bucket":"b","regionEndpoint":"https://127.0.0.1:1"}`, says: "127.0.0.1:1",
			exists:     "Creation Successful|S3 Bucket Exists",
			conditions: []string{names.StorageTagged, names.StorageEncrypted, names.StoragePublicAccessBlocked, names.StorageIncompleteUploadCleanupEnabled},
			medium:     inS3,
			variables: func(c *media) map[string]string {
				return map[string]string{"REGISTRY_STORAGE": "s3", "REGISTRY_STORAGE_S3_BUCKET": c.S3.Bucket, "REGISTRY_STORAGE_S3_REGIONENDPOINT": cluster.S3.Endpoint}
			},
			secrets: map[string]string{"credentials": cluster.S3.AccessKeyID},
		},
		{
			kind: storage.Swift, member: "swift", good: `{}`,
			bad: `{"authURL":"https://127.0.0.1:1/v3"}`, says: "127.0.0.1:1", exists: "Swift Container Created|Swift container Exists|Container exists",
			medium: inSwift,
			variables: func(c *media) map[string]string {
				return map[string]string{"REGISTRY_STORAGE": "swift", "REGISTRY_STORAGE_SWIFT_CONTAINER": c.Swift.Container}
			},
			secrets: map[string]string{
				"REGISTRY_STORAGE_SWIFT_USERNAME": "registry", "REGISTRY_STORAGE_SWIFT_PASSWORD": swiftPassword, "REGISTRY_STORAGE_SWIFT_TOKENID": noSecret,
				"REGISTRY_STORAGE_SWIFT_APPLICATIONCREDENTIALID": noSecret, "REGISTRY_STORAGE_SWIFT_APPLICATIONCREDENTIALNAME": noSecret,
				"REGISTRY_STORAGE_SWIFT_APPLICATIONCREDENTIALSECRET": noSecret,
			},
		},
		{
			kind: storage.GCS, member: "gcs", good: fmt.Sprintf(`{"region":"us-east1","projectID":%q}`, gcpProject),
			bad: `{"region":"us-east1","projectID":"no-such-project"}`, says: "creating GCS bucket", exists: "Creation Successful|GCS Bucket Exists",
			conditions: []string{names.StorageLabeled, names.StoragePublicAccessBlocked, names.StorageTagged},
			medium:     inGCS,
			variables: func(c *media) map[string]string {
				return map[string]string{"REGISTRY_STORAGE": "gcs", "REGISTRY_STORAGE_GCS_BUCKET": c.GCS.Bucket}
			},
			secrets: map[string]string{"REGISTRY_STORAGE_GCS_KEYFILE": gcpEmail},
		},
		{
			kind: storage.IBMCOS, member: "ibmcos", good: fmt.Sprintf(`{"location":%q,"resourceGroupName":%q}`, ibmLocation, ibmGroup),
			bad: fmt.Sprintf(`{"location":%q,"resourceGroupName":"no-such-group"}`, ibmLocation), says: "no-such-group",
			exists: "Creation Successful|IBM COS Bucket Exists", medium: inIBM,
			variables: func(c *media) map[string]string {
				return map[string]string{"REGISTRY_STORAGE": "s3", "REGISTRY_STORAGE_S3_BUCKET": c.IBMCOS.Bucket, "REGISTRY_STORAGE_S3_REGION": ibmLocation}
			},
			secrets: map[string]string{"credentials": "AKIAIBM00000000000"},
		},
		{
			kind: storage.PVC, member: "pvc", good: `{"claim":""}`, bad: `{"claim":"no-such-claim"}`, says: "no-such-claim",
			exists: "PVC Created|PVC Exists", medium: inCluster, variables: filesystem,
		},
		{
			kind: storage.Azure, member: "azure", good: `{"cloudName":"AzureStackCloud"}`,
			bad: `{"cloudName":"AzureStackCloud","accountName":"takenbyothers","container":"images"}`, says: "takenbyothers", exists: "ContainerExists",
			medium: inAzure,
			variables: func(c *media) map[string]string {
				return map[string]string{
					"REGISTRY_STORAGE": "azure", "REGISTRY_STORAGE_AZURE_CONTAINER": c.Azure.Container, "REGISTRY_STORAGE_AZURE_ACCOUNTNAME": c.Azure.AccountName,
				}
			},
			secrets: map[string]string{"REGISTRY_STORAGE_AZURE_ACCOUNTKEY": ""},
		},
	}
}

// ask is the edit that asks for storage and for nothing else.
func ask(member, coordinates string) string {
	parts := []string{`"managementState":null`}
	for _, k := range kinds() {
		if k.member != member {
			parts = append(parts, fmt.Sprintf("%q:null", k.member))
		}
	}
	return fmt.Sprintf(`{"spec":{"managementState":"Managed","replicas":1,"storage":{%q:%s,%s}}}`, member, coordinates, strings.Join(parts, ","))
}

// circuit goes over every ordered pair of n places once, from 0 back to 0.
func circuit(n int) []int {
	left := make([][]int, n)
	for from := range n {
		for to := range n {
			if from != to {
				left[from] = append(left[from], to)
			}
		}
	}
	// Hierholzer: a place is written down when there is no way left from it, so the way comes out backwards.
	var way []int
	var visit func(int)
	visit = func(from int) {
		for len(left[from]) > 0 {
			to := left[from][0]
			left[from] = left[from][1:]
			visit(to)
		}
		way = append(way, from)
	}
	visit(0)
	slices.Reverse(way)
	return way
}

// onNoCloud is a Config on a platform that offers no storage, with what the kinds need.
func onNoCloud(t *testing.T) {
	t.Helper()
	ca, err := os.ReadFile(cluster.S3.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	maps := cluster.Kube.CoreV1().ConfigMaps(names.UserConfigNamespace)
	_, err = maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "s3-ca"}, Data: map[string]string{"ca-bundle.crt": string(ca)}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = maps.Delete(context.Background(), "s3-ca", metav1.DeleteOptions{}) })
	provideVolume(t, names.DefaultClaim, "", corev1.ReadWriteMany)
	bootstrap(t, configv1.PlatformStatus{Type: configv1.NonePlatformType})
}

// TestAnyStorageCanFollowAnyOther switches from each kind to each other one.
func TestAnyStorageCanFollowAnyOther(t *testing.T) {
	onNoCloud(t)
	all := kinds()
	way := circuit(len(all))
	if len(way) != len(all)*(len(all)-1)+1 {
		t.Fatalf("the way %v does not go over all pairs", way)
	}
	cluster.Patch(t, ask(all[way[0]].member, all[way[0]].good))
	before := untilStored(t, all[way[0]].kind, all[way[0]].exists)
	for i, to := range way[1:] {
		from, next := all[way[i]], all[to]
		t.Run(fmt.Sprintf("%s to %s", from.kind, next.kind), func(t *testing.T) {
			operator.PrintOnFailure(t)
			cluster.Patch(t, ask(next.member, next.good))
			after := untilStored(t, next.kind, next.exists)
			requireSwitched(t, before, after, from, next)
			requireLeft(t, &before.Status.Storage, from)
			requirePair(t, &after.Status.Storage, next)
			before = after
		})
		if t.Failed() {
			return
		}
	}
}

// companions are the storage conditions that only some kinds have.
var companions = []string{
	names.StorageTagged, names.StorageLabeled, names.StorageEncrypted, names.StoragePublicAccessBlocked, names.StorageIncompleteUploadCleanupEnabled,
}

// requireSwitched holds what a switch promises beside the new storage.
func requireSwitched(t *testing.T, before, after *imageregistryv1.Config, from, to kindOf) {
	t.Helper()
	if state := after.Spec.Storage.ManagementState; state != "Managed" {
		t.Errorf("spec.storage.managementState is %q for a medium of the operator's own", state)
	}
	for _, condition := range after.Status.Conditions {
		if slices.Contains(companions, condition.Type) && !slices.Contains(to.conditions, condition.Type) {
			t.Errorf("%s is left of the storage before", condition.Type)
		}
	}
	fate := storage.Describe(before.Status.Storage) + " is left behind with its content"
	if from.kind == storage.EmptyDir {
		fate = "what is in EmptyDir goes with its pods"
	}
	// Both places: others have left the one before, and it was the new one for others.
	says := "now uses " + storage.Describe(after.Status.Storage) + " (management state Managed); " + fate
	cluster.Until(t, settle, "an event that says "+says, func(ctx context.Context) error {
		events, err := cluster.Kube.CoreV1().Events(names.OperatorNamespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for i := range events.Items {
			if events.Items[i].Reason == names.EventStorageChanged && strings.Contains(events.Items[i].Message, says) {
				return nil
			}
		}
		return fmt.Errorf("none of %d events does", len(events.Items))
	})
	cluster.Until(t, settle, "the metric of the kind", func(ctx context.Context) error {
		series, err := operator.Scrape(ctx)
		if err != nil {
			return err
		}
		for _, k := range kinds() {
			want := 0.0
			if k.kind == to.kind {
				want = 1
			}
			if got := series[fmt.Sprintf("image_registry_storage_type{storage=%q}", k.kind)]; got != want {
				return fmt.Errorf("it says %v for %s, want %v", got, k.kind, want)
			}
		}
		return nil
	})
}

// requireLeft holds what a switch promises of the storage before: it is there still, and StorageReady names it.
func requireLeft(t *testing.T, old *media, from kindOf) {
	t.Helper()
	says := "; " + storage.Describe(*old) + ", where it was before, was left behind with its content"
	if from.kind == storage.EmptyDir {
		says = "; what was in EmptyDir, where it was before, went with its pods"
	}
	cluster.UntilConditions(t, settle, library.Want{Type: names.StorageReady, Status: "True", Message: says})
	requireThere(t, old, from)
}

// requireThere looks for a medium past the operator.
func requireThere(t *testing.T, old *media, from kindOf) {
	t.Helper()
	if from.medium == nil {
		return
	}
	if there, err := from.medium(t.Context(), old); err != nil || !there {
		t.Errorf("%s is there: %t (%v); it has to be left as it was", storage.Describe(*old), there, err)
	}
}

// requirePair waits until Deployment and Secret of the registry both name a medium, and nothing of any other one.
func requirePair(t *testing.T, used *media, k kindOf) {
	t.Helper()
	cluster.Until(t, settle, "a Deployment and a Secret for "+storage.Describe(*used), func(ctx context.Context) error {
		deployment, err := cluster.Kube.AppsV1().Deployments(names.OperatorNamespace).Get(ctx, names.Registry, metav1.GetOptions{})
		if err != nil {
			return err
		}
		secret, err := cluster.Kube.CoreV1().Secrets(names.OperatorNamespace).Get(ctx, names.PrivateConfiguration, metav1.GetOptions{})
		if err != nil {
			return err
		}
		pod := deployment.Spec.Template.Spec
		return errors.Join(leadsTo(pod, used, k), mounts(pod, used, k), opens(secret.Data, k.secrets))
	})
}

// leadsTo tells whether the variables of a pod are those of a medium.
func leadsTo(pod corev1.PodSpec, used *media, k kindOf) error {
	have := map[string]string{}
	for _, variable := range pod.Containers[0].Env {
		have[variable.Name] = variable.Value
		if from := variable.ValueFrom; from != nil && from.SecretKeyRef != nil && from.SecretKeyRef.Name == names.PrivateConfiguration {
			if _, known := k.secrets[from.SecretKeyRef.Key]; !known {
				return fmt.Errorf("%s is key %s of the Secret, which is of another kind of storage", variable.Name, from.SecretKeyRef.Key)
			}
		}
	}
	for name, want := range k.variables(used) {
		if have[name] != want {
			return fmt.Errorf("%s is %q, want %q", name, have[name], want)
		}
	}
	return nil
}

// mounts tells whether a pod has the volume of a medium that has to be mounted, and none where it has not.
func mounts(pod corev1.PodSpec, used *media, k kindOf) error {
	var have corev1.VolumeSource
	for _, volume := range pod.Volumes {
		if volume.Name == "registry-storage" {
			have = volume.VolumeSource
		}
	}
	claim := ""
	if have.PersistentVolumeClaim != nil {
		claim = have.PersistentVolumeClaim.ClaimName
	}
	want := ""
	if used.PVC != nil {
		want = used.PVC.Claim
	}
	if claim != want || (have.EmptyDir != nil) != (k.kind == storage.EmptyDir) {
		return fmt.Errorf("the pod has the volume %s for images", have.String())
	}
	return nil
}

// opens tells whether the Secret is that of a kind; its values stay unsaid.
func opens(have map[string][]byte, want map[string]string) error {
	if !slices.Equal(slices.Sorted(maps.Keys(have)), slices.Sorted(maps.Keys(want))) {
		return fmt.Errorf("the Secret has the keys %v, want %v", slices.Sorted(maps.Keys(have)), slices.Sorted(maps.Keys(want)))
	}
	for key, part := range want {
		if len(have[key]) == 0 || !strings.Contains(string(have[key]), part) {
			return fmt.Errorf("key %s of the Secret is not of this storage", key)
		}
	}
	return nil
}

// inCluster asks for the claim.
func inCluster(ctx context.Context, c *media) (bool, error) {
	claim, err := cluster.Kube.CoreV1().PersistentVolumeClaims(names.OperatorNamespace).Get(ctx, c.PVC.Claim, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil && claim.DeletionTimestamp == nil, err
}

// TestAStorageThatCannotBeHadLeavesTheRegistryWhereItIs asks, on each kind, for another one in a way that fails.
func TestAStorageThatCannotBeHadLeavesTheRegistryWhereItIs(t *testing.T) {
	onNoCloud(t)
	clouds.azure.Call(t, "admin", http.MethodPut, "/taken?account=takenbyothers", nil, nil)
	all := kinds()
	for i, from := range all {
		to := all[(i+1)%len(all)]
		if to.bad == "" {
			to = all[1]
		}
		t.Run(fmt.Sprintf("%s to %s", from.kind, to.kind), func(t *testing.T) {
			operator.PrintOnFailure(t)
			// What the case before asked for in vain must not become a part of what is asked for now.
			cluster.Patch(t, ask("emptyDir", `{}`))
			cluster.Patch(t, ask(from.member, from.good))
			before := untilStored(t, from.kind, from.exists)
			cluster.Patch(t, ask(to.member, to.bad))
			config := cluster.UntilConditions(t, settle,
				library.Want{Type: names.StorageReady, Status: "False", Message: to.says},
				library.Want{Type: names.StorageReady, Status: "False", Message: "; the registry stays on " + storage.Describe(before.Status.Storage)},
				library.Want{Type: names.Available, Status: "True", Reason: names.ReasonReady},
			)
			if !equality.Semantic.DeepEqual(config.Status.Storage, before.Status.Storage) {
				t.Errorf("status.storage is %s; the registry must go on where it is", storage.Describe(config.Status.Storage))
			}
			requirePair(t, &config.Status.Storage, from)
			requireThere(t, &before.Status.Storage, from)
		})
	}
}

// TestUnchangedStorageIsNotAskedFor edits what has nothing to do with storage.
func TestUnchangedStorageIsNotAskedFor(t *testing.T) {
	onNoCloud(t)
	for _, k := range kinds() {
		if k.kind == storage.EmptyDir || k.kind == storage.PVC {
			continue
		}
		t.Run(string(k.kind), func(t *testing.T) {
			operator.PrintOnFailure(t)
			cluster.Patch(t, ask(k.member, k.good))
			untilStored(t, k.kind, k.exists)
			before := calls(t, k.kind)
			for _, replicas := range []int{2, 3, 1} {
				cluster.Patch(t, fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas))
				untilStored(t, k.kind, k.exists)
			}
			// One check may be due: the first comes ten seconds after a creation.
			if after := calls(t, k.kind); after > before+1 {
				t.Errorf("%d calls to the cloud for edits that have nothing to do with it", after-before)
			}
		})
	}
}
