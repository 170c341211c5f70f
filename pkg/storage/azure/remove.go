package azure

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/storage/armstorage"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"k8s.io/klog/v2"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Remove implements storage.Backend. An account of ours is deleted whole, which takes its blobs with it; of anybody
// else's account, the container is deleted if that is ours. Azure deletes either at once, however full they are.
func (b *backend) Remove(ctx context.Context) (storage.Progress, error) {
	switch {
	case b.account == "":
		return gone(reasonNotConfigured, "spec.storage.azure names no account"), nil
	case b.identity.accountKey != "":
		return b.removeContainer(ctx)
	}
	account, err := b.getAccount(ctx)
	if err != nil && !isGone(err) {
		return storage.Progress{}, b.failed(ctx, "looking for "+b.accountText(), err)
	}
	ours := account != nil && b.owns(account)
	if account != nil && !ours {
		if progress, err := b.provenContainer(ctx); progress != nil || err != nil {
			return deref(progress), err
		}
	}
	return b.removeAll(ctx, account, ours)
}

// removeAll removes what is ours: the way to the account first, then account or container.
func (b *backend) removeAll(ctx context.Context, account *armstorage.Account, ours bool) (storage.Progress, error) {
	waiting, refused, err := b.removeNetwork(ctx, account, ours)
	switch {
	case err != nil:
		return storage.Progress{}, err
	case waiting != "":
		progress := b.progress(waiting)
		progress.RetryAfter = settleDelay
		return progress, nil
	case account == nil:
		return gone(reasonContainerNotFound, b.accountText()+" does not exist"+leftBehind(refused)), nil
	case ours:
		return b.deleteAccount(ctx, refused)
	}
	return b.deleteContainer(ctx, refused)
}

func deref(progress *storage.Progress) storage.Progress {
	if progress == nil {
		return storage.Progress{}
	}
	return *progress
}

// leftBehind says what the credentials could not delete.
func leftBehind(refused []string) string {
	switch len(refused) {
	case 0:
		return ""
	case 1:
		return "; " + refused[0] + " is left behind: the credentials may not delete it"
	}
	return "; " + strings.Join(refused, ", ") + " are left behind: the credentials may not delete them"
}

// removeContainer is Remove with an account key, which deletes containers only.
func (b *backend) removeContainer(ctx context.Context) (storage.Progress, error) {
	if b.container == "" {
		return gone(reasonNotConfigured, "spec.storage.azure names no container"), nil
	}
	if progress, err := b.provenContainer(ctx); progress != nil || err != nil {
		return deref(progress), err
	}
	return b.deleteContainer(ctx, nil)
}

// provenContainer proves that the container is ours: by our record of its creation, or by its mark. With nothing to delete
// it ends the removal.
func (b *backend) provenContainer(ctx context.Context) (*storage.Progress, error) {
	if b.container == "" {
		progress := gone(reasonNotConfigured, "spec.storage.azure names no container")
		return &progress, nil
	}
	seen, err := b.look(ctx)
	switch {
	case err != nil:
		return nil, err
	case b.in.Created, seen.marked:
		return nil, nil
	case !seen.exists:
		progress := gone(reasonContainerNotFound, b.where()+" does not exist")
		return &progress, nil
	}
	return nil, storage.NotOwned(fmt.Sprintf("%s is not deleted: nothing proves that it was made for this cluster: neither has the account the tag %s=%s "+
		"nor the container the metadata %s=%s; to keep it set spec.storage.managementState to Unmanaged, to have it deleted add one of them",
		b.where(), b.ownerTag(), owned, ownerMetadata, b.infrastructure))
}

// removeNetwork deletes the private endpoint, if that is ours. An account that stays is opened first.
func (b *backend) removeNetwork(ctx context.Context, account *armstorage.Account, ours bool) (waiting string, refused []string, err error) {
	access := internalNetwork(b.in.Coordinates.Azure)
	if access == nil || access.PrivateEndpointName == "" || b.cloud.stack {
		return "", nil, nil
	}
	endpoint, err := b.ownEndpoint(ctx, access.PrivateEndpointName)
	if err != nil || endpoint == nil {
		refused, _ = b.clients.operations.get(leftOf(access.PrivateEndpointName)).([]string)
		return "", refused, err
	}
	if account != nil && !ours && isPrivate(account) {
		if err := b.setPublic(ctx, armstorage.PublicNetworkAccessEnabled); err != nil {
			return "", nil, err
		}
	}
	return b.dropEndpoint(ctx, access.PrivateEndpointName)
}

func (b *backend) deleteContainer(ctx context.Context, refused []string) (storage.Progress, error) {
	action := "deleting " + b.where()
	key, _, err := b.accountKey(ctx)
	if err != nil {
		return storage.Progress{}, b.failed(ctx, action, err)
	}
	client, err := b.containerClient(key)
	if err != nil {
		return storage.Progress{}, err
	}
	klog.InfoS("deleting storage", "kind", storage.Azure, "account", b.account, "container", b.container)
	_, err = do(ctx, b, func(ctx context.Context) (container.DeleteResponse, error) { return client.Delete(ctx, nil) })
	switch {
	case err == nil, isCode(err, codeContainerNotFound, codeContainerLeaving):
		return gone(reasonContainerDeleted, b.where()+" is deleted"+leftBehind(refused)), nil
	case isCode(err, codeAccountNotFound):
		return gone(reasonContainerNotFound, b.accountText()+" does not exist"+leftBehind(refused)), nil
	}
	return storage.Progress{}, b.failed(ctx, action, err)
}

func (b *backend) deleteAccount(ctx context.Context, refused []string) (storage.Progress, error) {
	klog.InfoS("deleting storage", "kind", storage.Azure, "account", b.account, "resourceGroup", b.identity.group)
	_, err := do(ctx, b, func(ctx context.Context) (armstorage.AccountsClientDeleteResponse, error) {
		return b.clients.accounts.Delete(ctx, b.identity.group, b.account, nil)
	})
	if err == nil || isGone(err) {
		b.clients.keys.expire(keyOf{b.identity.group, b.account})
		return gone(reasonAccountDeleted, b.accountText()+" is deleted"+leftBehind(refused)), nil
	}
	failed := b.failed(ctx, "deleting "+b.accountText(), err)
	var known *storage.Error
	if errors.As(failed, &known) {
		known.Status = operatorv1.ConditionFalse
	}
	return storage.Progress{}, failed
}

func (b *backend) progress(message string) storage.Progress {
	return storage.Progress{Message: message, Conditions: []operatorv1.OperatorCondition{*condition(operatorv1.ConditionTrue, reasonExists, message)}}
}

func gone(reason, message string) storage.Progress {
	return storage.Progress{Done: true, Conditions: []operatorv1.OperatorCondition{*condition(operatorv1.ConditionFalse, reason, message)}}
}
