package trust

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/certificates"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/nodeca"
)

// Inputs are everything the published certificates are made from.
type Inputs struct {
	// ServiceCA is the service CA's certificate, empty while it has not been injected.
	ServiceCA string
	// Service is the registry's, nil when there is none.
	Service *corev1.Service
	// Managed says that the operator provides the registry: a Service that is not there is missing, and comes back.
	Managed    bool
	Additional Additional
	Storage    StorageCA
	// DisableRedirect says that clients never talk to the storage themselves.
	DisableRedirect bool
	// Published is image-registry-certificates as it is now, nil when there is none.
	Published *corev1.ConfigMap
}

// Additional is what the administrator wants to be trusted beside the registry's own certificates.
type Additional struct {
	// Name is spec.additionalTrustedCA.name of the image configuration, empty for none.
	Name string
	// ConfigMap of that name, nil when there is none.
	ConfigMap *corev1.ConfigMap
}

// StorageCA is what the storage's endpoint is verified with.
type StorageCA struct {
	// Bundles of the old and of the new location while the storage is being changed.
	Bundles []string
	// Leaving tells that pods of the registry may still be on the storage before: what was published for it stays. They send
	// clients there, who trust its certificate by what is published.
	Leaving bool
	// Problems say which bundle could not be had, and why.
	Problems []string
}

// Content is the content of a ConfigMap.
type Content struct {
	Data       map[string]string
	BinaryData map[string][]byte
}

// Bundle is what to publish.
type Bundle struct {
	// Certificates is for image-registry-certificates, RegistryCA for image-registry-ca.
	Certificates, RegistryCA Content
	// Errors say what is missing in it, Warnings what is in it but looks wrong.
	Errors, Warnings []string
}

// Merge makes the bundle. The registry's own host names always carry the service CA: an administrator's entry of the
// same name could only break the registry. Contents are kept as they are given, but for repeated certificates.
func Merge(in Inputs) Bundle {
	m := merge{Inputs: in}
	m.errors = append(m.errors, in.Storage.Problems...)
	storage := m.storageBundle()
	own := m.ownEntries()
	user := m.userEntries(own, storage)

	outer := newLedger(names.OperatorNamespace, names.Certificates)
	outer.putOwn(own)
	if storage != "" {
		outer.put(names.StorageCABundleKey, storage)
	}
	outer.putOwn(m.withStorage(own, storage))
	outer.putUser(user, in.Published)

	inner := newLedger(names.ManagedConfigNamespace, names.RegistryCA)
	inner.putOwn(own)
	inner.putOwn(m.withStorage(own, storage))

	return Bundle{
		Certificates: outer.content, RegistryCA: inner.content,
		Errors: slices.Concat(m.errors, outer.refused, inner.refused), Warnings: m.warnings,
	}
}

// merge collects what is worth telling while the parts are made.
type merge struct {
	Inputs
	errors, warnings []string
}

// storageBundle joins the bundles for the storage. When one of them is missing or being left, what was published before
// stands in.
func (m *merge) storageBundle() string {
	bundles := slices.Clone(m.Storage.Bundles)
	switch {
	case m.Storage.Leaving:
		// First, so that the text of two storages is the same at every look.
		bundles = slices.Insert(bundles, 0, m.publishedStorage())
	case len(m.Storage.Problems) > 0:
		bundles = append(bundles, m.publishedStorage())
	}
	bundle := certificates.Join(bundles...)
	if bundle == "" {
		return ""
	}
	return m.usable("the CA bundle of the storage", bundle, m.publishedStorage())
}

// publishedStorage is what was published for the storage; the key may also be an administrator's.
func (m *merge) publishedStorage() string {
	if _, users := m.additionalData().Data[names.StorageCABundleKey]; users || m.Published == nil {
		return ""
	}
	return m.Published.Data[names.StorageCABundleKey]
}

// ownEntries are the entries for the registry's own host names. While the service CA's certificate is being injected
// anew, or is none, and while the Service is missing, those published before stay: without them every node would stop
// trusting the registry.
func (m *merge) ownEntries() map[string]string {
	if m.Service == nil {
		return m.publishedOwn()
	}
	own := map[string]string{}
	keys, serviceCA := ownKeys(m.Service), m.ServiceCA
	if serviceCA != "" {
		what := fmt.Sprintf("key %s of configmap %s/%s", names.ServiceCAKey, names.OperatorNamespace, names.ServiceCA)
		if m.usable(what, serviceCA, m.before(keys[0])) != serviceCA {
			serviceCA = ""
		}
	}
	for _, key := range keys {
		if serviceCA != "" {
			own[key] = certificates.Join(serviceCA)
		} else if published := m.before(key); published != "" {
			own[key] = published
		}
	}
	return own
}

// publishedOwn are the entries for the registry's own host names as they are published, none if there is to be no registry.
func (m *merge) publishedOwn() map[string]string {
	own := map[string]string{}
	if !m.Managed || m.Published == nil {
		return own
	}
	for key, value := range m.Published.Data {
		if isOperators(key) && key != names.StorageCABundleKey {
			own[key] = value
		}
	}
	return own
}

// withStorage adds the storage's bundle to each entry: a client that the registry redirects to the storage verifies it
// with what it trusts for the registry.
func (m *merge) withStorage(own map[string]string, storage string) map[string]string {
	if storage == "" || m.DisableRedirect {
		return own
	}
	added := map[string]string{}
	for key, value := range own {
		added[key] = certificates.Join(value, storage)
	}
	return added
}

// additionalData is the content of the administrator's ConfigMap, or what was published of it if it is gone.
func (m *merge) additionalData() Content {
	if m.Additional.Name == "" {
		return Content{}
	}
	if m.Additional.ConfigMap != nil {
		return Content{m.Additional.ConfigMap.Data, m.Additional.ConfigMap.BinaryData}
	}
	if m.Published == nil {
		return Content{}
	}
	kept := Content{maps.Clone(m.Published.Data), maps.Clone(m.Published.BinaryData)}
	maps.DeleteFunc(kept.Data, func(key, _ string) bool { return isOperators(key) })
	maps.DeleteFunc(kept.BinaryData, func(key string, _ []byte) bool { return isOperators(key) })
	return kept
}

// userEntries are the administrator's entries without those whose keys are taken.
func (m *merge) userEntries(own map[string]string, storage string) Content {
	source, user := m.additionalData(), Content{map[string]string{}, map[string][]byte{}}
	where := fmt.Sprintf("configmap %s/%s", names.UserConfigNamespace, m.Additional.Name)
	taken := func(key string) bool {
		_, mine := own[key]
		if mine = mine || key == names.StorageCABundleKey && storage != ""; mine {
			m.warnings = append(m.warnings, fmt.Sprintf("key %s of %s is not used: the operator publishes its own certificates under that key", key, where))
		}
		return mine
	}
	for _, key := range slices.Sorted(maps.Keys(source.Data)) {
		if !taken(key) {
			user.Data[key] = m.userEntry(key, where, source.Data[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(source.BinaryData)) {
		if !taken(key) {
			user.BinaryData[key] = []byte(m.userEntry(key, where, string(source.BinaryData[key])))
		}
	}
	if m.Additional.Name != "" && m.Additional.ConfigMap == nil {
		m.errors = append(m.errors, missing(where, user))
	}
	return user
}

func missing(where string, kept Content) string {
	text := where + ", named by spec.additionalTrustedCA of images.config.openshift.io/cluster, does not exist"
	keys := slices.Sorted(maps.Keys(kept.Data))
	keys = append(keys, slices.Sorted(maps.Keys(kept.BinaryData))...)
	if len(keys) == 0 {
		return text
	}
	return text + "; still published from it: " + strings.Join(keys, ", ")
}

// userEntry is what to publish for one key of the administrator's.
func (m *merge) userEntry(key, where, text string) string {
	what := fmt.Sprintf("key %s of %s", key, where)
	if _, err := nodeca.Host(key); err != nil {
		m.warnings = append(m.warnings, fmt.Sprintf("%s is no HOST or HOST..PORT: the registry trusts it, nodes do not", what))
	}
	return certificates.Join(m.usable(what, text, m.before(key)))
}

// before is what was published under a key.
func (m *merge) before(key string) string {
	value, _ := publishedValue(m.Published, key)
	return value
}

func publishedValue(published *corev1.ConfigMap, key string) (string, bool) {
	if published == nil {
		return "", false
	}
	if value, found := published.BinaryData[key]; found {
		return string(value), true
	}
	value, found := published.Data[key]
	return value, found
}

// usable warns of a text that is not a list of certificates. It is published all the same: consumers may know better,
// and what was accepted in earlier releases must not disappear on an upgrade. But a text that has lost all certificates
// is an edit that went wrong, and what was published before stays; to trust nobody, one empties the key or removes it.
func (m *merge) usable(what, text, published string) string {
	err := certificates.Verify([]byte(text))
	if err == nil {
		return text
	}
	if strings.TrimSpace(text) != "" && !certificates.Any([]byte(text)) && certificates.Any([]byte(published)) {
		m.warnings = append(m.warnings, fmt.Sprintf("%s: %v; what was published of it before stays", what, err))
		return published
	}
	m.warnings = append(m.warnings, fmt.Sprintf("%s: %v", what, err))
	return text
}
