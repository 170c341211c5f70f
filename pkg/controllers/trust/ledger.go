package trust

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// maxSize is the most that the API server takes for all values of a ConfigMap.
const maxSize = 1 << 20

// ledger fills a ConfigMap up to its maximum. What does not fit is left out and named: the more important goes in first.
type ledger struct {
	namespace, name string
	content         Content
	size            int
	refused         []string
}

func newLedger(namespace, name string) *ledger {
	return &ledger{namespace: namespace, name: name, content: Content{map[string]string{}, map[string][]byte{}}}
}

// put adds or replaces a value, unless it does not fit.
func (l *ledger) put(key, value string) {
	if l.fits(key, len(value)-len(l.content.Data[key])) {
		l.content.Data[key] = value
	}
}

func (l *ledger) fits(key string, growth int) bool {
	if l.size+growth > maxSize {
		l.refused = append(l.refused, fmt.Sprintf("key %s of configmap %s/%s: its certificates are left out or incomplete, with them the ConfigMap would have %d bytes of at most %d",
			key, l.namespace, l.name, l.size+growth, maxSize))
		return false
	}
	l.size += growth
	return true
}

func (l *ledger) putOwn(own map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(own)) {
		l.put(key, own[key])
	}
}

// putUser adds the administrator's entries, small ones first: one that is far too large must not cost the others. For one
// that does not fit, what was published of it before stays if that fits.
func (l *ledger) putUser(user Content, published *corev1.ConfigMap) {
	sizes := map[string]int{}
	for key, value := range user.Data {
		sizes[key] = len(value)
	}
	for key, value := range user.BinaryData {
		sizes[key] = len(value)
	}
	keys := slices.SortedFunc(maps.Keys(sizes), func(a, b string) int {
		return cmp.Or(cmp.Compare(sizes[a], sizes[b]), cmp.Compare(a, b))
	})
	refused := map[string]int{}
	for _, key := range keys {
		if !l.fits(key, sizes[key]) {
			refused[key] = len(l.refused) - 1
		} else if value, binary := user.BinaryData[key]; binary {
			l.content.BinaryData[key] = value
		} else {
			l.content.Data[key] = user.Data[key]
		}
	}
	for _, key := range slices.Sorted(maps.Keys(refused)) {
		if l.keep(key, published) {
			l.refused[refused[key]] += "; what was published of it before stays"
		}
	}
}

// keep publishes again what was published, and tells whether there was anything that fits.
func (l *ledger) keep(key string, published *corev1.ConfigMap) bool {
	before, found := publishedValue(published, key)
	if !found || l.size+len(before) > maxSize {
		return false
	}
	l.size += len(before)
	if value, binary := published.BinaryData[key]; binary {
		l.content.BinaryData[key] = value
	} else {
		l.content.Data[key] = before
	}
	return true
}
