package storages

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// Where a pod of the Job has what it reads.
const (
	inPodToken = "/var/run/secrets/kubernetes.io/serviceaccount"
	inPodTrust = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"
)

// TestImagesMoveBetweenAllThatCanBeRead moves the same images from each kind of storage whose images can be copied to each
// other one, each time to a new medium, and has them unharmed at the end. There are no real nodes: the test is the kubelet of
// the Job and starts the program that it names as the Job says.
func TestImagesMoveBetweenAllThatCanBeRead(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may give the Job's program a root folder of its own")
	}
	onNoCloud(t)
	withoutPodsOfMoves(t)
	movable := []storage.Kind{storage.PVC, storage.S3, storage.GCS, storage.Azure}
	all := slices.DeleteFunc(kinds(), func(k kindOf) bool { return !slices.Contains(movable, k.kind) })
	slices.SortFunc(all, func(a, b kindOf) int { return slices.Index(movable, a.kind) - slices.Index(movable, b.kind) })
	m := newMover(t)
	m.push(t, "first/image", 20<<20)
	m.push(t, "second/image", 1<<10)

	way := circuit(len(all))
	if len(way) != len(all)*(len(all)-1)+1 || all[way[0]].kind != storage.PVC {
		t.Fatalf("the way %v does not go over all pairs, from the volume back to it", way)
	}
	cluster.Patch(t, ask(all[way[0]].member, all[way[0]].good))
	untilStored(t, all[way[0]].kind, all[way[0]].exists)
	for i, to := range way[1:] {
		from, next := all[way[i]], all[to]
		t.Run(fmt.Sprintf("%s to %s", from.kind, next.kind), func(t *testing.T) {
			operator.PrintOnFailure(t)
			m.move(t, from, next)
		})
		if t.Failed() {
			return
		}
	}
	if len(m.files) != 3*filesOfImage {
		t.Errorf("%d files were to be moved, want those of three images", len(m.files))
	}
}

// withoutPodsOfMoves has the API server refuse the pods of Jobs that copy images: the simulated kubelet would say at once that
// they are done.
func withoutPodsOfMoves(t *testing.T) {
	t.Helper()
	const name = "no-pods-of-moves"
	fail := admissionv1.Fail
	policies, bindings := cluster.Kube.AdmissionregistrationV1().ValidatingAdmissionPolicies(), cluster.Kube.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings()
	_, err := policies.Create(t.Context(), &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: &fail,
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}}}},
			Validations: []admissionv1.Validation{{Expression: `object.metadata.?labels["app"].orValue("") != "` + names.Move + `"`}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = policies.Delete(context.Background(), name, metav1.DeleteOptions{}) })
	_, err = bindings.Create(t.Context(), &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bindings.Delete(context.Background(), name, metav1.DeleteOptions{}) })
	probe := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "probe-", Labels: map[string]string{"app": names.Move}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "probe", Image: "cluster.test/probe:1"}}},
	}
	cluster.Until(t, settle, "the API server to refuse pods of moves", func(ctx context.Context) error {
		_, err := cluster.Kube.CoreV1().Pods(names.OperatorNamespace).Create(ctx, probe, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err != nil && strings.Contains(err.Error(), name) {
			return nil
		}
		return fmt.Errorf("it says %w", err)
	})
}

// mover has the images, and does what a node does for the Job.
type mover struct {
	// volume is the folder of the claim.
	volume string
	// files are the digests of the images' files by path.
	files map[string]string
}

func newMover(t *testing.T) *mover {
	t.Helper()
	m := &mover{volume: filepath.Join(t.TempDir(), "volume"), files: map[string]string{}}
	if err := os.Mkdir(m.volume, 0o755); err != nil {
		t.Fatal(err)
	}
	return m
}

// filesOfImage is how many files push makes.
const filesOfImage = 8

// push puts an image into the volume as a registry does.
func (m *mover) push(t *testing.T, repository string, layer int) {
	t.Helper()
	content := make([]byte, layer)
	_, _ = rand.Read(content) // never fails
	config := []byte(`{"of":"` + repository + `"}`)
	manifest := fmt.Appendf(nil, `{"config":"sha256:%s","layers":["sha256:%s"]}`, digest(config), digest(content))
	for _, blob := range [][]byte{content, config, manifest} {
		m.write(t, "blobs/sha256/"+digest(blob)[:2]+"/"+digest(blob)+"/data", blob)
	}
	link := []byte("sha256:" + digest(manifest))
	in := "repositories/" + repository
	m.write(t, in+"/_layers/sha256/"+digest(content)+"/link", []byte("sha256:"+digest(content)))
	m.write(t, in+"/_layers/sha256/"+digest(config)+"/link", []byte("sha256:"+digest(config)))
	m.write(t, in+"/_manifests/revisions/sha256/"+digest(manifest)+"/link", link)
	m.write(t, in+"/_manifests/tags/latest/index/sha256/"+digest(manifest)+"/link", link)
	m.write(t, in+"/_manifests/tags/latest/current/link", link)
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func (m *mover) write(t *testing.T, path string, content []byte) {
	t.Helper()
	path = "docker/registry/v2/" + path
	m.files[path] = digest(content)
	storagetest.WriteFile(t, filepath.Join(m.volume, path), content)
}

// move switches to the next storage and takes the images along.
func (m *mover) move(t *testing.T, from, next kindOf) {
	t.Helper()
	if next.kind == storage.PVC {
		// What is in it could only hide what is not copied.
		if err := errors.Join(os.RemoveAll(m.volume), os.Mkdir(m.volume, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	cluster.Patch(t, `{"metadata":{"annotations":{"`+names.MoveAnnotation+`":"true"}}}`)
	cluster.Patch(t, ask(next.member, next.good))
	first := untilJob(t, "first")
	m.run(t, first)
	if from.kind == storage.PVC && len(m.files) < 3*filesOfImage {
		// Pushed while the registry is still there: the second pass is for it.
		m.push(t, "late/image", 5<<10)
	}
	complete(t, first)
	second := untilJob(t, "second")
	m.run(t, second)
	complete(t, second)
	cluster.Until(t, settle, "the end of the move", func(ctx context.Context) error {
		config, err := cluster.GetConfig(ctx)
		if err != nil {
			return err
		}
		if _, asked := config.Annotations[names.MoveAnnotation]; asked {
			return fmt.Errorf("annotations are %v, conditions %+v", config.Annotations, config.Status.Conditions)
		}
		return nil
	})
	untilStored(t, next.kind, next.exists)
	if next.kind == storage.PVC {
		m.requireVolume(t)
	}
}

// untilJob waits for the Job of a pass.
func untilJob(t *testing.T, pass string) *batchv1.Job {
	t.Helper()
	var job *batchv1.Job
	cluster.Until(t, settle, "the job of the "+pass+" pass", func(ctx context.Context) (err error) {
		job, err = cluster.Kube.BatchV1().Jobs(names.OperatorNamespace).Get(ctx, names.Move, metav1.GetOptions{})
		switch {
		case err != nil:
			return err
		case !strings.HasPrefix(job.Annotations[names.MovePassAnnotation], pass+" "):
			return fmt.Errorf("it is of pass %q", job.Annotations[names.MovePassAnnotation])
		case job.Status.StartTime == nil:
			return errors.New("it has not begun")
		}
		return nil
	})
	return job
}

// complete says that the Job is done, which the controller of Jobs would say of its pod.
func complete(t *testing.T, job *batchv1.Job) {
	t.Helper()
	now := metav1.Now()
	done := func(kind batchv1.JobConditionType) batchv1.JobCondition {
		return batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, Reason: "Test", LastProbeTime: now, LastTransitionTime: now}
	}
	patch, err := json.Marshal(map[string]any{"status": batchv1.JobStatus{
		Succeeded: 1, StartTime: job.Status.StartTime, CompletionTime: &now,
		Conditions: []batchv1.JobCondition{done(batchv1.JobSuccessCriteriaMet), done(batchv1.JobComplete)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.Kube.BatchV1().Jobs(job.Namespace).Patch(t.Context(), job.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
}

// run starts the program of the Job with what the Job's pod has, and waits for its end.
func (m *mover) run(t *testing.T, job *batchv1.Job) {
	t.Helper()
	root, container := t.TempDir(), job.Spec.Template.Spec.Containers[0]
	storagetest.CopyProgram(t, os.Getenv("OPERATOR_BINARY"), filepath.Join(root, "operator"))
	m.furnish(t, root, job)
	env := []string{"HTTPS_PROXY=" + clouds.gate.URL}
	for _, variable := range container.Env {
		env = append(env, variable.Name+"="+variable.Value)
	}
	for _, mount := range container.VolumeMounts {
		if claim := claimOf(job, mount.Name); claim == "" {
			continue
		}
		inPod := filepath.Join(root, mount.MountPath)
		if err := os.Rename(m.volume, inPod); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := os.Rename(inPod, m.volume); err != nil {
				t.Error(err)
			}
		}()
	}
	api, err := url.Parse(cluster.APIServer)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), settle)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/operator", container.Args...)
	cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Chroot: root}
	cmd.Env = append(env, "KUBERNETES_SERVICE_HOST="+api.Hostname(), "KUBERNETES_SERVICE_PORT="+api.Port())
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("copying: %v\n%s", err, output)
	}
}

// claimOf is the claim behind a mount of the Job's pod; empty when it is no claim's.
func claimOf(job *batchv1.Job, volume string) string {
	for _, v := range job.Spec.Template.Spec.Volumes {
		if v.Name == volume && v.PersistentVolumeClaim != nil {
			return v.PersistentVolumeClaim.ClaimName
		}
	}
	return ""
}

// furnish writes the files that the kubelet mounts.
func (m *mover) furnish(t *testing.T, root string, job *batchv1.Job) {
	t.Helper()
	pod := job.Spec.Template.Spec
	for _, v := range pod.Volumes {
		if v.Secret == nil {
			continue
		}
		secret, err := cluster.Kube.CoreV1().Secrets(job.Namespace).Get(t.Context(), v.Secret.SecretName, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(pod.Containers[0].VolumeMounts, func(mount corev1.VolumeMount) bool { return mount.Name == v.Name })
		for key, content := range secret.Data {
			storagetest.WriteFile(t, filepath.Join(root, pod.Containers[0].VolumeMounts[at].MountPath, key), content)
		}
	}
	token, err := cluster.Kube.CoreV1().ServiceAccounts(job.Namespace).CreateToken(t.Context(), pod.ServiceAccountName, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config := rest.CopyConfig(cluster.REST)
	if err := rest.LoadTLSFiles(config); err != nil {
		t.Fatal(err)
	}
	trust, err := clouds.trust()
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{
		inPodToken + "/token": []byte(token.Status.Token), inPodToken + "/ca.crt": config.CAData, inPodToken + "/namespace": []byte(job.Namespace),
		inPodTrust: trust, "/etc/hosts": []byte("127.0.0.1 localhost\n"), "/tmp/.keep": nil,
	} {
		storagetest.WriteFile(t, filepath.Join(root, path), content)
	}
}

// requireVolume holds that the volume has every file of the images, unharmed, and nothing else.
func (m *mover) requireVolume(t *testing.T) {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(m.volume, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := strings.CutPrefix(path, m.volume+"/")
		found[name] = digest(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range m.files {
		if found[path] != want {
			t.Errorf("%s has digest %q, want %s", path, found[path], want)
		}
		delete(found, path)
	}
	for path := range found {
		t.Errorf("%s came with the images", path)
	}
}
