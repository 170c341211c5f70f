// Package credentials stands in for OpenShift's cloud credential operator: it answers the CredentialsRequests of the
// cluster's own cloud with a Secret.
package credentials

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	corelisters "k8s.io/client-go/listers/core/v1"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/gvr"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/standin/loop"
)

// Namespace is where CredentialsRequests are taken from.
const Namespace = "openshift-cloud-credential-operator"

const (
	apiVersion        = "cloudcredential.openshift.io/v1"
	requestAnnotation = "cloudcredential.openshift.io/credentials-request"
)

// knownKinds are the clouds whose requests may lie in any cluster; only that of its own cloud is answered.
var knownKinds = []string{
	"AWSProviderSpec", "AzureProviderSpec", "GCPProviderSpec", "IBMCloudProviderSpec", "IBMCloudPowerVSProviderSpec",
	"OpenStackProviderSpec", "VSphereProviderSpec", "NutanixProviderSpec", "OvirtProviderSpec", "KubevirtProviderSpec",
}

// Options say what is handed out.
type Options struct {
	// Kind is the provider spec of the cluster's own cloud. Empty: a cluster without a cloud, no request is answered.
	Kind string
	// Data goes into the Secret.
	Data map[string][]byte
}

// AWS is the data of a Secret for AWS, in the three keys the real operator writes.
func AWS(accessKeyID, secretAccessKey string) map[string][]byte {
	file := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", accessKeyID, secretAccessKey)
	return map[string][]byte{
		"aws_access_key_id":     []byte(accessKeyID),
		"aws_secret_access_key": []byte(secretAccessKey),
		"credentials":           []byte(file),
	}
}

type minter struct {
	*loop.Cluster
	options    Options
	secrets    corelisters.SecretLister
	namespaces corelisters.NamespaceLister
}

// New makes the stand-in.
func New(cluster *loop.Cluster, o Options) (*loop.Controller, error) {
	if o.Kind != "" && !slices.Contains(knownKinds, o.Kind) {
		return nil, fmt.Errorf("credentials: provider spec kind %q is not known", o.Kind)
	}
	m := &minter{
		Cluster:    cluster,
		options:    o,
		secrets:    cluster.KubeInformers.Core().V1().Secrets().Lister(),
		namespaces: cluster.KubeInformers.Core().V1().Namespaces().Lister(),
	}
	c := loop.New("credentials", m.sync)
	requests := cluster.DynamicInformers.ForResource(gvr.CredentialsRequests).Informer()
	if err := c.Watch(requests, loop.Key); err != nil {
		return nil, err
	}
	// A request usually comes before its namespace, and its Secret may be deleted: both bring all requests back.
	all := func(any) []string { return requests.GetStore().ListKeys() }
	if err := c.Watch(cluster.KubeInformers.Core().V1().Namespaces().Informer(), all); err != nil {
		return nil, err
	}
	return c, c.Watch(cluster.KubeInformers.Core().V1().Secrets().Informer(), func(obj any) []string {
		if secret, ok := obj.(*corev1.Secret); ok && secret.Annotations[requestAnnotation] != "" {
			return []string{secret.Annotations[requestAnnotation]}
		}
		return nil
	})
}

func (m *minter) sync(ctx context.Context, key string) error {
	obj, exists, err := m.DynamicInformers.ForResource(gvr.CredentialsRequests).Informer().GetStore().GetByKey(key)
	if err != nil {
		return fmt.Errorf("reading credentialsrequest %s: %w", key, err)
	}
	if !exists {
		return nil
	}
	raw, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return fmt.Errorf("reading credentialsrequest %s: got a %T", key, obj)
	}
	if raw.GetDeletionTimestamp() != nil {
		return nil
	}
	request, err := parse(raw)
	if err != nil {
		return m.reject(ctx, raw, "CredentialsRequestInvalid", err.Error())
	}
	if request.kind != m.options.Kind {
		return nil // of another cloud, as the real operator's "ignored" requests
	}
	if _, err := m.namespaces.Get(request.secret.Namespace); apierrors.IsNotFound(err) {
		// No refusal: the namespace is on its way, and brings this request back.
		return m.condition(ctx, raw, "MissingTargetNamespace", "namespace "+request.secret.Namespace+" does not exist", false)
	}
	if err := m.write(ctx, raw, request); err != nil {
		return err
	}
	return m.condition(ctx, raw, "", "", true)
}

func (m *minter) reject(ctx context.Context, raw *unstructured.Unstructured, reason, message string) error {
	m.Refuse(raw, reason, "%s", message)
	return m.condition(ctx, raw, reason, message, false)
}

func (m *minter) write(ctx context.Context, raw *unstructured.Unstructured, request *request) error {
	ref := request.secret
	existing, err := m.secrets.Secrets(ref.Namespace).Get(ref.Name)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("reading secret %s/%s: %w", ref.Namespace, ref.Name, err)
	}
	if err == nil && existing.Annotations[requestAnnotation] == "" {
		// Made by hand, as where the real operator is in manual mode. With the annotation it is taken over again.
		return nil
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: ref.Name, Namespace: ref.Namespace}, Type: corev1.SecretTypeOpaque}
	if existing != nil && err == nil {
		secret = existing.DeepCopy()
	}
	if secret.Annotations == nil {
		secret.Annotations = map[string]string{}
	}
	secret.Annotations[requestAnnotation] = raw.GetNamespace() + "/" + raw.GetName()
	secret.Data = m.options.Data
	secrets := m.Kube.CoreV1().Secrets(ref.Namespace)
	switch {
	case apierrors.IsNotFound(err):
		_, err = secrets.Create(ctx, secret, metav1.CreateOptions{})
	case !equality.Semantic.DeepEqual(existing, secret):
		_, err = secrets.Update(ctx, secret, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("writing secret %s/%s: %w", ref.Namespace, ref.Name, err)
	}
	return nil
}

// condition writes the request's status: provisioned, or the one thing that stands in the way.
func (m *minter) condition(ctx context.Context, raw *unstructured.Unstructured, kind, message string, provisioned bool) error {
	status := map[string]any{"provisioned": provisioned, "lastSyncGeneration": raw.GetGeneration()}
	if kind != "" {
		status["conditions"] = []any{map[string]any{"type": kind, "status": "True", "reason": kind, "message": message}}
	}
	before, err := json.Marshal(raw.Object["status"])
	if err != nil {
		return fmt.Errorf("encoding a status: %w", err)
	}
	after, err := json.Marshal(status)
	if err != nil {
		return fmt.Errorf("encoding a status: %w", err)
	}
	if string(before) == string(after) {
		return nil
	}
	updated := raw.DeepCopy()
	updated.Object["status"] = status
	_, err = m.Dynamic.Resource(gvr.CredentialsRequests).Namespace(raw.GetNamespace()).UpdateStatus(ctx, updated, metav1.UpdateOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("writing the status of credentialsrequest %s/%s: %w", raw.GetNamespace(), raw.GetName(), err)
	}
	return nil
}
