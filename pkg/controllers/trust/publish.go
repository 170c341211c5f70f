package trust

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/ptr"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/bindata"
	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

var (
	// outputKind owns all data.
	outputKind = apply.Kind[*corev1.ConfigMap]{
		Name: "ConfigMap",
		Merge: func(live, desired *corev1.ConfigMap) (*corev1.ConfigMap, bool) {
			merged := withMetadata(live, desired)
			merged.Data, merged.BinaryData = desired.Data, desired.BinaryData
			return merged, !equality.Semantic.DeepEqual(live, merged)
		},
		MustReplace: func(live, desired *corev1.ConfigMap) bool {
			same := maps.Equal(live.Data, desired.Data) && maps.EqualFunc(live.BinaryData, desired.BinaryData, bytes.Equal)
			return ptr.Deref(live.Immutable, false) && !same
		},
	}
	// injectedKind owns no data: the service CA does.
	injectedKind = apply.Kind[*corev1.ConfigMap]{
		Name: "ConfigMap",
		Merge: func(live, desired *corev1.ConfigMap) (*corev1.ConfigMap, bool) {
			merged := withMetadata(live, desired)
			return merged, !equality.Semantic.DeepEqual(live, merged)
		},
	}
)

func withMetadata(live, desired *corev1.ConfigMap) *corev1.ConfigMap {
	merged := live.DeepCopy()
	merged.Labels, merged.Annotations = overlay(live.Labels, desired.Labels), overlay(live.Annotations, desired.Annotations)
	return merged
}

func overlay(live, desired map[string]string) map[string]string {
	merged := map[string]string{}
	maps.Copy(merged, live)
	maps.Copy(merged, desired)
	return merged
}

func template(file string) *corev1.ConfigMap {
	return bindata.MustDecode[corev1.ConfigMap]("trust/" + file)
}

func output(file string, content Content) *corev1.ConfigMap {
	configMap := template(file)
	configMap.Data, configMap.BinaryData = content.Data, content.BinaryData
	return configMap
}

// write applies one ConfigMap. It does not touch one that is on its way out: its deletion is an event.
func (c *controller) write(ctx context.Context, kind apply.Kind[*corev1.ConfigMap], live, desired *corev1.ConfigMap) error {
	if live != nil && live.DeletionTimestamp != nil {
		return nil
	}
	_, _, err := apply.Apply(ctx, c.applier, c.ConfigMapClient.ConfigMaps(desired.Namespace), kind, live, desired)
	return err
}

// publish writes both outputs, each on its own.
func (c *controller) publish(ctx context.Context, found cached, bundle Bundle) error {
	err := c.write(ctx, outputKind, found.certificates, output("certificates.yaml", bundle.Certificates))
	if err == nil && (found.certificates == nil || found.certificates.DeletionTimestamp == nil) {
		published(c.Recorder, found.certificates, bundle.Certificates)
	}
	return errors.Join(err, c.write(ctx, outputKind, found.registryCA, output("registryca.yaml", bundle.RegistryCA)))
}

// degraded is the condition for what was published. An error that only says that the cache is behind is no news.
func degraded(bundle Bundle, failure error) operatorv1.OperatorCondition {
	condition := operatorv1.OperatorCondition{Type: names.CertificatesDegraded, Status: operatorv1.ConditionFalse, Reason: names.ReasonAsExpected}
	texts := bundle.Errors
	if failure != nil && !apply.Behind(failure) {
		texts = append(texts[:len(texts):len(texts)], conditions.OneLine(failure))
	}
	if len(texts) > 0 {
		condition.Status, condition.Reason = operatorv1.ConditionTrue, names.ReasonError
	}
	condition.Message = strings.Join(append(texts[:len(texts):len(texts)], bundle.Warnings...), "; ")
	return condition
}
