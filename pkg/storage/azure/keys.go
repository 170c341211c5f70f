package azure

import (
	"context"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/storage/armstorage"
)

// keyAge is how long a key of an account is used without asking for it again.
const keyAge = 20 * time.Minute

// keys remembers account keys by resource group and account. The pool has one for each identity, so that a key is never
// handed to credentials that were not allowed to read it.
type keys struct {
	mu      sync.Mutex
	entries map[keyOf]keyEntry
}

type keyOf struct{ group, account string }

type keyEntry struct {
	key  string
	read time.Time
}

// get returns a key that is not too old; previous is the key that was known before, whatever its age.
func (k *keys) get(of keyOf, now time.Time) (key, previous string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	entry := k.entries[of]
	if entry.key != "" && now.Sub(entry.read) < keyAge {
		return entry.key, entry.key
	}
	return "", entry.key
}

func (k *keys) set(of keyOf, key string, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.entries == nil {
		k.entries = map[keyOf]keyEntry{}
	}
	k.entries[of] = keyEntry{key: key, read: now}
}

// expire makes the next get miss, and keeps the key to compare with.
func (k *keys) expire(of keyOf) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if entry, found := k.entries[of]; found {
		entry.read = time.Time{}
		k.entries[of] = entry
	}
}

// accountKey is the key for blobs; empty means that tokens serve. changed tells that it is another one than this process
// knew before: the registry has the old one.
func (b *backend) accountKey(ctx context.Context) (key string, changed bool, err error) {
	switch {
	case b.identity.accountKey != "":
		return b.identity.accountKey, false, nil
	case b.identity.federated():
		return "", false, nil
	}
	of := keyOf{b.identity.group, b.account}
	now := b.options.Now()
	key, previous := b.clients.keys.get(of, now)
	b.options.KeyCache(key != "")
	if key != "" {
		return key, false, nil
	}
	listed, err := do(ctx, b, func(ctx context.Context) (armstorage.AccountsClientListKeysResponse, error) {
		return b.clients.accounts.ListKeys(ctx, of.group, of.account, nil)
	})
	if err != nil {
		return "", false, err
	}
	for _, entry := range listed.Keys {
		if entry != nil && entry.Value != nil && *entry.Value != "" {
			b.clients.keys.set(of, *entry.Value, now)
			return *entry.Value, previous != "" && previous != *entry.Value, nil
		}
	}
	return "", false, finding("the account shows no key")
}
