package ibmcos

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"k8s.io/klog/v2"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// lookAtKey is the first word of the look that compares the resource key with the one that the registry was given. The
// second is the digest of its HMAC pair: what Ensure has handed out is not among the inputs of a check.
const lookAtKey = "resource key"

func keyLook(facts storage.Facts) storage.Look {
	return storage.Look{lookAtKey, pairDigest(facts[factCredentials])}
}

func pairDigest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

var errNothingToCompare = errors.New("the look names no key")

// compareKey reads the key, if the look names it, and says whether it is gone or has another HMAC pair: the registry could
// not sign any more.
func (b *backend) compareKey(ctx context.Context) (drifted string, err error) {
	if len(b.in.Look) != 2 || b.in.Look[0] != lookAtKey || b.config.ResourceKeyCRN == "" {
		return "", errNothingToCompare
	}
	k, err := b.session.key(ctx, b.config.ResourceKeyCRN)
	switch {
	case lost(k, err):
		return lookAtKey, nil
	case err != nil:
		return "", err
	case pairDigest(credentialsText(k)) != b.in.Look[1]:
		return lookAtKey, nil
	}
	return "", nil
}

// lost tells, by what came of reading a key, that it will never work again.
func lost(k resourceKey, err error) bool {
	return notFound(err) || err == nil && k.State == stateRemoved
}

// makeKey makes the key of the instance, unless an earlier call did and nobody has recorded it.
func (b *backend) makeKey(ctx context.Context) (resourceKey, error) {
	name := b.cluster.resourceName()
	k, found, err := b.session.findKey(ctx, name, b.config.ServiceInstanceCRN)
	if err == nil && !found {
		klog.InfoS("creating resource key", "kind", storage.IBMCOS, "name", name, "instance", b.config.ServiceInstanceCRN)
		k, err = b.session.createKey(ctx, name, b.config.ServiceInstanceCRN)
	}
	if err != nil {
		return resourceKey{}, b.failure(ctx, "creating resource key "+name, err)
	}
	return k, nil
}

// replaceKey puts another key in the place of one that is gone. It need not be recorded before it is used: its name is fixed,
// so that one which was made and not recorded is found.
func (b *backend) replaceKey(ctx context.Context) (resourceKey, error) {
	k, err := b.makeKey(ctx)
	if err != nil {
		return resourceKey{}, err
	}
	b.notes = append(b.notes, storage.Note{Reason: names.EventCredentialsChanged, Message: b.keyText() + " is gone; " + k.CRN + " takes its place"})
	b.config.ResourceKeyCRN = k.CRN
	// Not every answer has the credentials.
	return b.session.key(ctx, k.CRN)
}
