package transport

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Last keeps what talks to a cloud for the configuration that was asked for last, so that connections and tokens outlive a
// sync. One is enough: a controller talks to one storage at a time. The zero value is empty.
type Last[T any] struct {
	mu          sync.Mutex
	digest      [sha256.Size]byte
	connections *http.Transport
	value       T
}

// For returns what serves the configuration. Another one than the last is served by what create makes over connections of
// its own, which trust bundle; those of the former are closed. configuration is all that makes one differ from another, as
// data that marshals; it may hold credentials, and only its digest is kept.
func (l *Last[T]) For(configuration any, bundle storage.CABundle, create func(*http.Transport) (T, error)) (T, error) {
	text, _ := json.Marshal(configuration) // plain data always marshals
	digest := sha256.Sum256(text)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.connections != nil && l.digest == digest {
		return l.value, nil
	}
	var none T
	connections, err := New(bundle)
	if err != nil {
		return none, err
	}
	value, err := create(connections)
	if err != nil {
		return none, err
	}
	if l.connections != nil {
		l.connections.CloseIdleConnections()
	}
	l.digest, l.connections, l.value = digest, connections, value
	return value, nil
}
