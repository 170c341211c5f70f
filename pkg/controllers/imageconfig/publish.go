package imageconfig

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
)

// attempt is the last status that was sent, and for which version of the object. A cache that still shows that version
// is behind, or the API server keeps something else; sending it again would change nothing.
type attempt struct {
	version string
	status  configv1.ImageStatus
}

func (a attempt) covers(image *configv1.Image, desired configv1.ImageStatus) bool {
	return a.version == image.ResourceVersion && a.version != "" && equality.Semantic.DeepEqual(a.status, desired)
}

// publish creates the object where it is absent, and makes its status say what in says.
func (c *controller) publish(ctx context.Context, in Inputs) error {
	desired, err := Desired(in)
	if err != nil {
		return err
	}
	if in.Current == nil {
		created, err := c.ImageClient.Create(ctx, &configv1.Image{ObjectMeta: metav1.ObjectMeta{Name: names.Cluster}}, metav1.CreateOptions{FieldManager: names.ImageConfigController})
		if err != nil {
			return fmt.Errorf("creating image %s: %w", names.Cluster, err)
		}
		klog.InfoS("object created", "kind", "Image", "name", names.Cluster)
		in.Current = created
	}
	changes := difference(in.Current.Status, desired)
	if len(changes) == 0 || c.last.covers(in.Current, desired) {
		return nil
	}
	return c.patch(ctx, in.Current, desired, changes)
}

// patch sends changes, tied to the version of the object they were made from: setting the version, rather than testing
// it, makes the server answer a stale patch with a conflict.
func (c *controller) patch(ctx context.Context, image *configv1.Image, desired configv1.ImageStatus, changes []operatorclient.Change) error {
	body, err := json.Marshal(append([]operatorclient.Change{operatorclient.Set("/metadata/resourceVersion", image.ResourceVersion)}, changes...))
	if err != nil {
		return fmt.Errorf("encoding patch of image %s: %w", image.Name, err)
	}
	options := metav1.PatchOptions{FieldManager: names.ImageConfigController}
	if _, err := c.ImageClient.Patch(ctx, image.Name, types.JSONPatchType, body, options, "status"); err != nil {
		return fmt.Errorf("patching status of image %s: %w", image.Name, err)
	}
	c.last = attempt{image.ResourceVersion, desired}
	klog.V(2).InfoS("object changed", "kind", "Image", "name", image.Name, "paths", paths(changes))
	c.Recorder.Eventf("RegistryHostnamesChanged", "Status of images.config.openshift.io/%s: internal registry hostname %q, external registry hostnames [%s]",
		image.Name, desired.InternalRegistryHostname, strings.Join(desired.ExternalRegistryHostnames, " "))
	return nil
}

// difference is the patch from one status to the other. Fields that are not ours are equal in both.
func difference(current, desired configv1.ImageStatus) []operatorclient.Change {
	if equality.Semantic.DeepEqual(current, desired) {
		return nil
	}
	if equality.Semantic.DeepEqual(current, configv1.ImageStatus{}) {
		// There may be no status to put a field into.
		return []operatorclient.Change{operatorclient.Set("/status", desired)}
	}
	var changes []operatorclient.Change
	add := func(path string, differs, empty bool, value any) {
		switch {
		case !differs:
		case empty:
			changes = append(changes, operatorclient.Remove(path))
		default:
			changes = append(changes, operatorclient.Set(path, value))
		}
	}
	add("/status/internalRegistryHostname", current.InternalRegistryHostname != desired.InternalRegistryHostname,
		desired.InternalRegistryHostname == "", desired.InternalRegistryHostname)
	add("/status/externalRegistryHostnames", !equality.Semantic.DeepEqual(current.ExternalRegistryHostnames, desired.ExternalRegistryHostnames),
		len(desired.ExternalRegistryHostnames) == 0, desired.ExternalRegistryHostnames)
	add("/status/imageStreamImportMode", current.ImageStreamImportMode != desired.ImageStreamImportMode,
		desired.ImageStreamImportMode == "", desired.ImageStreamImportMode)
	return changes
}

func paths(changes []operatorclient.Change) []string {
	all := make([]string, 0, len(changes))
	for _, change := range changes {
		all = append(all, change.Path)
	}
	return all
}
