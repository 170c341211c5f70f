package azure

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"k8s.io/klog/v2"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// Reasons of StorageExists.
const (
	reasonConfig            = "ConfigError"
	reasonAzure             = "AzureError"
	reasonNotConfigured     = "StorageNotConfigured"
	reasonExists            = "ContainerExists"
	reasonUserManaged       = "UserManaged"
	reasonContainerNotFound = "ContainerNotFound"
	reasonContainerDeleted  = "ContainerDeleted"
	reasonAccountDeleted    = "AccountDeleted"
	reasonWaiting           = "ResourceNotReady"
)

// settleDelay is how long to give Azure before looking again at what it is making or deleting.
const settleDelay = 5 * time.Second

// ownerMetadata is the mark of a container: metadata keys may hold neither dots nor slashes.
const ownerMetadata = "kubernetes_io_cluster"

func condition(status operatorv1.ConditionStatus, reason, message string) *operatorv1.OperatorCondition {
	return &operatorv1.OperatorCondition{Type: names.StorageExists, Status: status, Reason: reason, Message: message}
}

func (b *backend) exists() *operatorv1.OperatorCondition {
	return condition(operatorv1.ConditionTrue, reasonExists, b.where()+" exists")
}

// sight is what a look at the container shows.
type sight struct {
	exists bool
	// accountGone tells that there is not even an account.
	accountGone bool
	// marked tells that the container carries the mark of this cluster.
	marked bool
	// keyChanged tells that the account key is another than the registry has.
	keyChanged bool
	// key is the account key in use; empty with tokens.
	key       string
	condition *operatorv1.OperatorCondition
}

// look asks for the properties of the container: one call as long as the key or token is fresh. The error is a
// *storage.Error or that of a cancelled context.
func (b *backend) look(ctx context.Context) (sight, error) {
	action := "looking for " + b.where()
	seen, err := b.properties(ctx)
	if isCode(err, codeAuthentication) && seen.key != "" && b.identity.accountKey == "" {
		// The key was rotated: what was remembered is of no use any more.
		stale := seen.key
		b.clients.keys.expire(keyOf{b.identity.group, b.account})
		seen, err = b.properties(ctx)
		seen.keyChanged = seen.keyChanged || seen.key != stale
	}
	switch {
	case transport.Cancelled(ctx):
		return sight{}, fmt.Errorf("%s: %w", action, ctx.Err())
	case err == nil:
		seen.exists, seen.condition = true, b.exists()
		return seen, nil
	case isCode(err, codeContainerNotFound):
		seen.condition = condition(operatorv1.ConditionFalse, reasonContainerNotFound, b.where()+" does not exist")
		return seen, nil
	case b.saysAccountGone(err):
		seen.accountGone = true
		seen.condition = condition(operatorv1.ConditionFalse, reasonContainerNotFound, b.accountText()+" does not exist")
		return seen, nil
	}
	return sight{}, b.failure(action, err)
}

// saysAccountGone tells an account that does not exist from a failure: its keys are not found, or its host is not. A host
// that is not found proves nothing behind a proxy or with the administrator's key, where a name may be misspelt.
func (b *backend) saysAccountGone(err error) bool {
	return isCode(err, codeAccountNotFound, "ResourceNotFound", "ResourceGroupNotFound") && b.identity.accountKey == "" ||
		notFoundHost(err) && b.identity.federated()
}

func (b *backend) accountText() string { return "storage account " + b.account }

// properties reads those of the container, with the key that it needs.
func (b *backend) properties(ctx context.Context) (sight, error) {
	key, changed, err := b.accountKey(ctx)
	if err != nil {
		return sight{}, err
	}
	seen := sight{key: key, keyChanged: changed}
	client, err := b.containerClient(key)
	if err != nil {
		return seen, err
	}
	properties, err := do(ctx, b, func(ctx context.Context) (container.GetPropertiesResponse, error) {
		return client.GetProperties(ctx, nil)
	})
	if err != nil {
		return seen, err
	}
	for name, value := range properties.Metadata {
		// Header names change their case on the way.
		seen.marked = seen.marked || strings.EqualFold(name, ownerMetadata) && value != nil && *value == b.infrastructure
	}
	return seen, nil
}

// madeHere tells whether what was given by name is in fact what this operator made.
func (b *backend) madeHere(ctx context.Context, seen sight) (bool, error) {
	if b.in.Created || seen.marked {
		return true, nil
	}
	account, err := b.getAccount(ctx)
	switch {
	case err == nil:
		return b.owns(account), nil
	case transport.Cancelled(ctx) || mayPass(err):
		return false, b.failed(ctx, "reading the tags of "+b.accountText(), err)
	}
	// An account that we may not read is not one that we made.
	return false, nil
}

// failed makes the error of a step.
func (b *backend) failed(ctx context.Context, action string, err error) error {
	if transport.Cancelled(ctx) {
		return fmt.Errorf("%s: %w", action, ctx.Err())
	}
	return b.failure(action, err)
}

// ensureContainer makes the container exist.
func (b *backend) ensureContainer(ctx context.Context, result *storage.Result) (waiting string, err error) {
	seen, err := b.look(ctx)
	if unreachable(err) {
		return "the host name of " + b.accountText() + " does not exist yet", nil
	}
	if err != nil {
		return "", err
	}
	result.Facts = b.facts(seen.key)
	if seen.exists {
		return "", nil
	}
	if seen.accountGone {
		return "the host name of " + b.accountText() + " does not exist yet", nil
	}
	client, err := b.containerClient(seen.key)
	if err != nil {
		return "", err
	}
	klog.InfoS("creating storage", "kind", storage.Azure, "account", b.account, "container", b.container)
	_, err = do(ctx, b, func(ctx context.Context) (container.CreateResponse, error) {
		return client.Create(ctx, &container.CreateOptions{Metadata: map[string]*string{ownerMetadata: to.Ptr(b.infrastructure)}})
	})
	switch {
	case err == nil:
		result.Created = true
		return "", nil
	case isCode(err, codeContainerExists):
		return "", nil
	case isCode(err, codeContainerLeaving):
		return b.where() + " is still being deleted, and can be created again after that", nil
	}
	return "", b.failed(ctx, "creating "+b.where(), err)
}

// unreachable tells that the account, which Azure says is there, has no address yet.
func unreachable(err error) bool { return err != nil && notFoundHost(err) }
