package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/test/configdoc"
	"github.com/openshift/cluster-image-registry-operator/test/library"
)

// documented are the kinds that the page on configuration speaks of.
var documented = map[string]managedObject{
	"config":                {schema.GroupVersionResource{Group: "imageregistry.operator.openshift.io", Version: "v1", Resource: "configs"}, "", names.Cluster},
	"imagepruner":           {schema.GroupVersionResource{Group: "imageregistry.operator.openshift.io", Version: "v1", Resource: "imagepruners"}, "", names.Cluster},
	"deployment":            deployment,
	"cronjob":               {schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "cronjobs"}, names.OperatorNamespace, "image-pruner"},
	"route":                 defaultRoute,
	"secret":                httpSecret,
	"persistentvolumeclaim": {schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}, names.OperatorNamespace, ""},
}

// TestDocumentedConfiguration applies every example of docs/configuration.md, looks for what it promises, takes it back and
// sees the promise end with it.
func TestDocumentedConfiguration(t *testing.T) {
	document, err := configdoc.Load("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	operator.PrintOnFailure(t)
	surroundings(t)
	bases := map[string]func(t *testing.T){
		"emptyDir": func(t *testing.T) { onEmptyDir(t); withoutDefaultClaim(t) },
		"s3":       func(t *testing.T) { fresh(t, configv1.AWSPlatformType); cluster.UntilAvailable(t, settle) },
		"removed":  func(t *testing.T) { fresh(t, configv1.NonePlatformType) },
	}
	for _, chapter := range document.Chapters {
		for _, base := range []string{"emptyDir", "s3", "removed"} {
			examples := slices.DeleteFunc(slices.Clone(chapter.Examples), func(e configdoc.Example) bool { return e.On != base })
			if len(examples) == 0 {
				continue
			}
			t.Run(chapter.Kind+" on "+base, func(t *testing.T) {
				object := documented[strings.ToLower(chapter.Kind)]
				bases[base](t)
				before := settled(t, object)
				for _, example := range examples {
					t.Run(fmt.Sprintf("line %d", example.Line), func(t *testing.T) { try(t, object, before, example) })
				}
			})
		}
	}
}

// surroundings makes what examples refer to by name.
func surroundings(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	ca, err := os.ReadFile(cluster.S3.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key := library.SelfSignedPair(t, "registry.example.com")
	kube := cluster.Kube.CoreV1()
	_, errs := kube.ConfigMaps(names.UserConfigNamespace).Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "s3-ca"}, Data: map[string]string{"ca-bundle.crt": string(ca)},
	}, metav1.CreateOptions{})
	_, errr := kube.Secrets(names.OperatorNamespace).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "registry-certificate"}, StringData: map[string]string{"tls.crt": certificate, "tls.key": key},
	}, metav1.CreateOptions{})
	_, errc := kube.PersistentVolumeClaims(names.OperatorNamespace).Create(ctx, &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "registry-images"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}, metav1.CreateOptions{})
	for _, err := range []error{errs, errr, errc} {
		if err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		ctx := context.Background()
		_ = kube.ConfigMaps(names.UserConfigNamespace).Delete(ctx, "s3-ca", metav1.DeleteOptions{})
		_ = kube.Secrets(names.OperatorNamespace).Delete(ctx, "registry-certificate", metav1.DeleteOptions{})
		_ = kube.PersistentVolumeClaims(names.OperatorNamespace).Delete(ctx, "registry-images", metav1.DeleteOptions{})
		_ = kube.PersistentVolumeClaims(names.OperatorNamespace).Delete(ctx, names.DefaultClaim, metav1.DeleteOptions{})
	})
}

// withoutDefaultClaim removes the claim that an earlier test may have left, made for another platform.
func withoutDefaultClaim(t *testing.T) {
	t.Helper()
	claims := cluster.Kube.CoreV1().PersistentVolumeClaims(names.OperatorNamespace)
	if err := library.IgnoreNotFound(claims.Delete(t.Context(), names.DefaultClaim, metav1.DeleteOptions{})); err != nil {
		t.Fatal(err)
	}
	cluster.Until(t, settle, "the end of the default claim", func(ctx context.Context) error {
		_, err := claims.Get(ctx, names.DefaultClaim, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(err, errors.New("it is there"))
	})
}

// settled is the spec of the object when nobody has edited it.
func settled(t *testing.T, object managedObject) any {
	t.Helper()
	var spec any
	cluster.Until(t, settle, object.String(), func(ctx context.Context) error {
		live, err := object.client().Get(ctx, object.name, metav1.GetOptions{})
		if err == nil {
			spec = live.Object["spec"]
		}
		return err
	})
	return spec
}

// try applies an example and takes it back.
func try(t *testing.T, object managedObject, before any, example configdoc.Example) {
	// The page has names that are nobody's; the cluster has servers.
	ours := strings.NewReplacer("s3.example.com", strings.TrimPrefix(cluster.S3.Endpoint, "https://"), `"us-east-1"`, strconv.Quote(cluster.S3.Region))
	old := soFar(t)
	_, err := object.client().Patch(t.Context(), object.name, types.MergePatchType, []byte(ours.Replace(string(example.Patch))), metav1.PatchOptions{FieldManager: "kubectl-patch"})
	if example.Refused != "" {
		if err == nil || !strings.Contains(err.Error(), example.Refused) {
			t.Errorf("%s\nwas answered with %v, want a refusal with %q", example.YAML, err, example.Refused)
		}
		if err == nil {
			restore(t, object, before)
		}
		return
	}
	if err != nil {
		t.Fatalf("%s\nwas refused: %v", example.YAML, err)
	}
	// Also when what it promises does not come: the next example is not to blame.
	t.Cleanup(func() {
		if t.Failed() {
			restore(t, object, before)
		}
	})
	for _, effect := range example.Gives {
		effect.Want = ours.Replace(effect.Want)
		cluster.Until(t, settle, effect.String()+" from\n"+example.YAML, func(ctx context.Context) error { return look(ctx, old, effect) })
	}
	restore(t, object, before)
	for _, effect := range example.Gives {
		if strings.HasPrefix(effect.What, "event ") || effect.Kind == "persistentvolumeclaim" {
			continue // what has happened stays
		}
		effect.Want = ours.Replace(effect.Want)
		cluster.Until(t, settle, "the end of "+effect.String()+" after\n"+example.YAML, func(ctx context.Context) error {
			if look(ctx, old, effect) == nil || ctx.Err() != nil {
				return errors.New("it still holds")
			}
			return nil
		})
	}
	if example.On != "removed" {
		cluster.UntilAvailable(t, settle)
	}
}

// restore puts the spec back. What the operator must keep to itself (the HTTP secret it made) is part of it.
func restore(t *testing.T, object managedObject, spec any) {
	t.Helper()
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		live, err := object.client().Get(context.Background(), object.name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		live.Object["spec"] = spec
		_, err = object.client().Update(context.Background(), live, metav1.UpdateOptions{FieldManager: "kubectl-replace"})
		return err
	})
	if err != nil {
		t.Fatalf("taking an example back: %v", err)
	}
}

// look says what is wrong with an effect, nil if it is there. An event has to be none of the old ones.
func look(ctx context.Context, old said, effect configdoc.Effect) error {
	object, known := documented[effect.Kind]
	if !known {
		return fmt.Errorf("no kind %s", effect.Kind)
	}
	if effect.Name != "" {
		object.name = effect.Name
	}
	if reason, isEvent := strings.CutPrefix(effect.What, "event "); isEvent {
		return lookForEvent(ctx, old, reason, effect.Want)
	}
	live, err := object.client().Get(ctx, object.name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	kind, name, _ := strings.Cut(effect.What, " ")
	switch kind {
	case "condition":
		return lookForCondition(live, name, effect.Want)
	case "env":
		return lookForEnv(field(live.Object, expand(effect.Kind, "container.env")), name, effect)
	case "arg":
		args, _ := field(live.Object, expand(effect.Kind, "container.args")).([]any)
		if !slices.Contains(args, any(effect.Want)) {
			return fmt.Errorf("arguments %v", args)
		}
		return nil
	}
	return compare(field(live.Object, expand(effect.Kind, effect.What)), effect)
}

func compare(got any, effect configdoc.Effect) error {
	if got == nil || !effect.Set && fmt.Sprint(got) != effect.Want {
		return fmt.Errorf("it is %v", got)
	}
	return nil
}

func lookForEnv(list any, name string, effect configdoc.Effect) error {
	entries, _ := list.([]any)
	for _, entry := range entries {
		if variable, _ := entry.(map[string]any); variable["name"] == name {
			return compare(variable["value"], effect)
		}
	}
	return fmt.Errorf("%s is not set", name)
}

// lookForCondition takes "STATUS REASON" or "STATUS REASON, part of the message".
func lookForCondition(live *unstructured.Unstructured, conditionType, want string) error {
	state, message, _ := strings.Cut(want, ", ")
	status, reason, _ := strings.Cut(state, " ")
	list, _ := field(live.Object, "status.conditions").([]any)
	for _, entry := range list {
		condition, _ := entry.(map[string]any)
		if condition["type"] != conditionType {
			continue
		}
		have := fmt.Sprintf("%v %v, %v", condition["status"], condition["reason"], condition["message"])
		text, _ := condition["message"].(string)
		if condition["status"] != status || condition["reason"] != reason || !strings.Contains(text, message) {
			return fmt.Errorf("it is %s", have)
		}
		return nil
	}
	return fmt.Errorf("no condition %s", conditionType)
}

// expand resolves the short forms of the page.
func expand(kind, path string) string {
	pod := "spec.template.spec"
	if kind == "cronjob" {
		pod = "spec.jobTemplate.spec.template.spec"
	}
	if rest, short := strings.CutPrefix(path, "container."); short {
		return pod + ".containers[0]." + rest
	}
	if rest, short := strings.CutPrefix(path, "pod."); short {
		return pod + "." + rest
	}
	return path
}

var step = regexp.MustCompile(`^([^\[]+)(?:\[(\d+)\])?$`)

// field walks into an object; nil for what is not there.
func field(from any, path string) any {
	for _, name := range strings.Split(path, ".") {
		match := step.FindStringSubmatch(name)
		object, _ := from.(map[string]any)
		if match == nil || object == nil {
			return nil
		}
		from = object[match[1]]
		if match[2] == "" {
			continue
		}
		index, _ := strconv.Atoi(match[2])
		list, _ := from.([]any)
		if index >= len(list) {
			return nil
		}
		from = list[index]
	}
	if number, isNumber := from.(json.Number); isNumber {
		return number.String()
	}
	return from
}
