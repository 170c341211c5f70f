package azure

import (
	"context"
	"fmt"
	"maps"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/storage/armstorage"
	"k8s.io/klog/v2"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

const (
	clusterTag  = "kubernetes.io_cluster."
	owned       = "owned"
	accountType = "Microsoft.Storage/storageAccounts"
)

// ownerTag is the mark of an account, and of all else that Azure lets us tag.
func (b *backend) ownerTag() string { return clusterTag + b.infrastructure }

// tags are those of everything that we make.
func (b *backend) tags() map[string]*string {
	tags := map[string]*string{}
	if platform := platformStatus(b.in); platform != nil {
		for _, tag := range platform.ResourceTags {
			tags[tag.Key] = to.Ptr(tag.Value)
		}
	}
	tags[b.ownerTag()] = to.Ptr(owned)
	return tags
}

func (b *backend) ownTags(tags map[string]*string) bool {
	value := tags[b.ownerTag()]
	return value != nil && *value == owned
}

// owns tells whether the operator made the account.
func (b *backend) owns(account *armstorage.Account) bool { return b.ownTags(account.Tags) }

func (b *backend) getAccount(ctx context.Context) (*armstorage.Account, error) {
	found, err := do(ctx, b, func(ctx context.Context) (armstorage.AccountsClientGetPropertiesResponse, error) {
		return b.clients.accounts.GetProperties(ctx, b.identity.group, b.account, nil)
	})
	if err != nil {
		return nil, err
	}
	if found.Properties == nil {
		found.Properties = &armstorage.AccountProperties{}
	}
	return &found.Account, nil
}

// available asks whether nobody in the world has an account of that name. The right to ask is one on the whole
// subscription, which a role on a resource group cannot give: a refusal leaves the answer to the creation.
func (b *backend) available(ctx context.Context, name string) (available bool, why string, err error) {
	checked, err := do(ctx, b, func(ctx context.Context) (armstorage.AccountsClientCheckNameAvailabilityResponse, error) {
		return b.clients.accounts.CheckNameAvailability(ctx, armstorage.AccountCheckNameAvailabilityParameters{
			Name: &name, Type: to.Ptr(accountType),
		}, nil)
	})
	switch {
	case isRefused(err):
		return true, "", nil
	case err != nil:
		return false, "", b.failed(ctx, "asking whether the name "+name+" is free for a storage account", err)
	}
	why = "the name is taken"
	if checked.Message != nil {
		why = firstLine(*checked.Message)
	}
	return checked.NameAvailable == nil || *checked.NameAvailable, why, nil
}

// ensureAccount makes the account exist, and keeps one of ours as it should be. It says what it waits for.
func (b *backend) ensureAccount(ctx context.Context, result *storage.Result) (waiting string, err error) {
	account, err := b.getAccount(ctx)
	switch {
	case err == nil:
		if b.keeps(account) {
			result.Looks = looks()
		}
		return b.keepAccount(ctx, account)
	case isGone(err):
		return b.createAccount(ctx, result)
	case isRefused(err):
		// The keys or a token may serve all the same.
		klog.V(2).InfoS("the storage account cannot be read", "account", b.account, "code", code(err))
		return "", nil
	}
	return "", b.failed(ctx, "looking for "+b.accountText(), err)
}

// operationOf names the operation on a resource among those that are remembered.
func operationOf(verb, kind, name string) string { return verb + " " + kind + " " + name }

func (b *backend) createAccount(ctx context.Context, result *storage.Result) (waiting string, err error) {
	key := operationOf("create", "account", b.account)
	if b.clients.operations.get(key) == nil {
		if err := b.mayCreate(ctx); err != nil {
			return "", err
		}
		klog.InfoS("creating storage", "kind", storage.Azure, "account", b.account, "resourceGroup", b.identity.group, "region", b.identity.region)
	}
	done, err := advance(ctx, b, key, func(ctx context.Context) (*runtime.Poller[armstorage.AccountsClientCreateResponse], error) {
		return b.clients.accounts.BeginCreate(ctx, b.identity.group, b.account, b.accountParameters(), nil)
	})
	switch {
	case isCode(err, codeAccountTaken):
		return "", b.taken(err)
	case isCode(err, codeConflict, "AccountIsBeingCreated", "StorageAccountOperationInProgress", "OperationInProgress"):
		// Of an earlier process.
		done = false
	case err != nil:
		return "", b.failed(ctx, "creating "+b.accountText(), err)
	}
	if !done {
		return b.accountText() + " is being created", nil
	}
	result.Created = true
	if b.in.Managed {
		result.Looks = looks()
	}
	return "", nil
}

// mayCreate refuses what Azure would refuse less clearly.
func (b *backend) mayCreate(ctx context.Context) error {
	if b.identity.region == "" {
		return storage.WaitingForCredentials(fmt.Sprintf("secret %s has no value for %s, where the storage account is to be created; add it",
			b.identity.from, mintedRegion))
	}
	available, why, err := b.available(ctx, b.account)
	if err == nil && !available {
		return b.taken(fmt.Errorf("%s", why))
	}
	return err
}

func (b *backend) taken(err error) error {
	return &storage.Error{
		Status: operatorv1.ConditionUnknown, ConditionReason: reasonAzure, Code: codeAccountTaken, Err: err,
		Message: fmt.Sprintf("%s is not in resource group %s, and nobody else can get its name: it is taken (%s); choose another in "+
			"spec.storage.azure.accountName, or give the key of an account of yours in secret %s", b.accountText(), b.identity.group,
			codeAccountTaken, "openshift-image-registry/image-registry-private-configuration-user"),
	}
}

func (b *backend) accountParameters() armstorage.AccountCreateParameters {
	parameters := armstorage.AccountCreateParameters{
		Kind: to.Ptr(armstorage.KindStorageV2), Location: &b.identity.region,
		SKU: &armstorage.SKU{Name: to.Ptr(armstorage.SKUNameStandardLRS)}, Tags: b.tags(),
	}
	if b.cloud.stack {
		parameters.Kind = to.Ptr(armstorage.KindStorage)
		return parameters
	}
	parameters.Properties = &armstorage.AccountPropertiesCreateParameters{
		EnableHTTPSTrafficOnly: to.Ptr(true), AllowBlobPublicAccess: to.Ptr(false), MinimumTLSVersion: to.Ptr(armstorage.MinimumTLSVersionTLS12),
	}
	if b.identity.federated() {
		parameters.Properties.AllowSharedKeyAccess = to.Ptr(false)
	}
	return parameters
}

// keepAccount waits for an account that is being made, and keeps tags and properties of one of ours as they should be. Those of
// anybody else's stay as they are.
func (b *backend) keepAccount(ctx context.Context, account *armstorage.Account) (waiting string, err error) {
	b.clients.operations.set(operationOf("create", "account", b.account), nil)
	switch state := account.Properties.ProvisioningState; {
	case state != nil && *state == armstorage.ProvisioningStateFailed:
		return "", &storage.Error{
			Status: operatorv1.ConditionUnknown, ConditionReason: reasonAzure, Code: "ProvisioningFailed",
			Message: fmt.Sprintf("%s could not be provisioned; delete it in resource group %s, and it is created again", b.accountText(), b.identity.group),
		}
	case state != nil && *state != armstorage.ProvisioningStateSucceeded:
		return fmt.Sprintf("%s is being provisioned (%s)", b.accountText(), *state), nil
	}
	if !b.keeps(account) {
		return "", nil
	}
	update, differs := b.accountUpdate(account)
	if !differs {
		return "", nil
	}
	klog.InfoS("updating storage", "kind", storage.Azure, "account", b.account)
	_, err = do(ctx, b, func(ctx context.Context) (armstorage.AccountsClientUpdateResponse, error) {
		return b.clients.accounts.Update(ctx, b.identity.group, b.account, update, nil)
	})
	if err != nil {
		return "", b.failed(ctx, "updating "+b.accountText(), err)
	}
	return "", nil
}

// keeps tells whether tags and properties of the account are the operator's to set.
func (b *backend) keeps(account *armstorage.Account) bool { return b.in.Managed && b.owns(account) }

// lookAccount is the look at the account, which has the settings.
const lookAccount = "account"

// looks are those at a container whose account is the operator's to set.
func looks() []storage.Look { return []storage.Look{nil, {lookAccount}} }

// checkAccount compares the account with what Ensure makes of it. That says nothing new about the container, which has its
// turn at the other checks. seen is false where the account could not be read.
func (b *backend) checkAccount(ctx context.Context, plan *storage.Plan) (seen bool) {
	account, err := b.getAccount(ctx)
	if err != nil {
		plan.Unread = isRefused(err)
		return false
	}
	plan.Exists = true
	if !b.owns(account) {
		return true
	}
	if _, differs := b.accountUpdate(account); differs {
		plan.Drifted = "tags or properties of " + b.accountText()
	}
	if internalNetwork(plan.Coordinates.Azure) != nil && !isPrivate(account) {
		plan.Drifted = "network access of " + b.accountText()
	}
	return true
}

// accountUpdate is what an account of ours lacks: tags are merged, and properties are those that it was created with.
func (b *backend) accountUpdate(account *armstorage.Account) (update armstorage.AccountUpdateParameters, differs bool) {
	merged := map[string]*string{}
	maps.Copy(merged, account.Tags)
	for key, value := range b.tags() {
		if have := merged[key]; have == nil || *have != *value {
			merged[key], differs = value, true
		}
	}
	if differs {
		update.Tags = merged
	}
	if b.cloud.stack {
		// A Stack Hub creates accounts without any of these.
		return update, differs
	}
	if restored := restoredProperties(account.Properties, !b.identity.federated()); restored != (armstorage.AccountPropertiesUpdateParameters{}) {
		update.Properties, differs = &restored, true
	}
	return update, differs
}

// restoredProperties are those that are weaker than we created them, and nothing else. Keys are admitted exactly when the
// registry uses one; a property that Azure does not show is one that nobody set, and what that means has changed with the
// versions of its API. A later version of TLS than ours is somebody's hardening.
func restoredProperties(have *armstorage.AccountProperties, keys bool) (restored armstorage.AccountPropertiesUpdateParameters) {
	if admitted := have.AllowSharedKeyAccess == nil || *have.AllowSharedKeyAccess; admitted != keys {
		restored.AllowSharedKeyAccess = &keys
	}
	if have.AllowBlobPublicAccess == nil || *have.AllowBlobPublicAccess {
		restored.AllowBlobPublicAccess = to.Ptr(false)
	}
	if have.EnableHTTPSTrafficOnly == nil || !*have.EnableHTTPSTrafficOnly {
		restored.EnableHTTPSTrafficOnly = to.Ptr(true)
	}
	if have.MinimumTLSVersion == nil || *have.MinimumTLSVersion < armstorage.MinimumTLSVersionTLS12 {
		restored.MinimumTLSVersion = to.Ptr(armstorage.MinimumTLSVersionTLS12)
	}
	return restored
}
