package azure

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// backend is one container.
type backend struct {
	options        Options
	in             storage.Inputs
	infrastructure string
	cloudName      string
	cloud          Cloud
	identity       identity
	clients        *clients
	// account and container are their names; empty until they are chosen.
	account, container string
}

func newBackend(in storage.Inputs, options Options, pool *pool) (*backend, error) {
	if in.Infrastructure == nil {
		return nil, configError("infrastructure cluster does not exist yet", nil)
	}
	b := &backend{
		options: options, in: in, infrastructure: in.Infrastructure.Status.InfrastructureName,
		account: in.Coordinates.Azure.AccountName, container: in.Coordinates.Azure.Container,
	}
	var err error
	if b.identity, err = identityFrom(in, options.IdentityFile != ""); err != nil {
		return nil, err
	}
	b.cloudName = cloudName(in)
	if b.identity.accountKey != "" {
		// An account of the administrator's is in the cloud that they say it is in.
		b.cloudName = string(in.Coordinates.Azure.CloudName)
	}
	if b.cloud, err = cloudFor(b.cloudName, options, in.Observed); err != nil {
		return nil, err
	}
	if b.cloud.stack && b.identity.accountKey == "" && b.identity.secret == "" {
		return nil, configError(fmt.Sprintf("an Azure Stack Hub needs a client secret: secret %s has no value for %s; add it", b.identity.from, mintedSecret), nil)
	}
	bundle, err := caBundle(in)
	if err != nil {
		return nil, err
	}
	b.clients, err = pool.clients(clientConfig{cloud: b.cloud, identity: b.identity, bundle: bundle, version: in.Version})
	return b, err
}

// coordinates are those of the inputs with the names of the backend.
func (b *backend) coordinates() storage.Coordinates {
	c := *b.in.Coordinates.DeepCopy()
	c.Azure.AccountName, c.Azure.Container, c.Azure.CloudName = b.account, b.container, b.cloudName
	return c
}

// where names the container in messages.
func (b *backend) where() string {
	return fmt.Sprintf("container %s of storage account %s", b.container, b.account)
}

// Plan implements storage.Backend.
func (b *backend) Plan(ctx context.Context) (storage.Plan, error) {
	if b.identity.accountKey != "" {
		return b.planWithKey(ctx)
	}
	given := b.account != "" && b.container != ""
	if err := b.complete(ctx); err != nil {
		return storage.Plan{}, err
	}
	plan := storage.Plan{Coordinates: b.coordinates(), ManagementState: imageregistryv1.StorageManagementStateManaged}
	b.nameEndpoint(plan.Coordinates.Azure)
	if !given {
		plan.Condition = condition(operatorv1.ConditionFalse, reasonNotConfigured, "spec.storage.azure names no account or no container yet")
		return plan, nil
	}
	return b.planGiven(ctx, plan)
}

// planGiven completes the plan for a container that is named, which may be there.
func (b *backend) planGiven(ctx context.Context, plan storage.Plan) (storage.Plan, error) {
	if slices.Contains(b.in.Look, lookAccount) && b.checkAccount(ctx, &plan) {
		return plan, nil
	}
	found, err := b.look(ctx)
	if err != nil && b.opensAgain(ctx, err) {
		return plan, nil
	}
	if err != nil {
		return storage.Plan{}, err
	}
	// With another key than before everything is done again: the registry has to get it.
	plan.Exists, plan.Condition = found.exists && !found.keyChanged, found.condition
	if !found.exists || !b.in.Decide {
		return plan, nil
	}
	ours, err := b.madeHere(ctx, found)
	if err != nil {
		return storage.Plan{}, err
	}
	if !ours {
		plan.ManagementState = imageregistryv1.StorageManagementStateUnmanaged
	}
	return plan, nil
}

// opensAgain tells whether Ensure will put right what kept a look from seeing the container.
func (b *backend) opensAgain(ctx context.Context, err error) bool {
	if isCode(err, codeKeysRefused) {
		// An account of ours was made for tokens; Ensure admits keys again.
		if ours, ownErr := b.madeHere(ctx, sight{}); ownErr == nil && ours {
			return true
		}
	}
	return b.behindLostWay(ctx, err)
}

// planWithKey is Plan with an account key of the administrator's, with which nothing is created.
func (b *backend) planWithKey(ctx context.Context) (storage.Plan, error) {
	if err := b.named(); err != nil {
		return storage.Plan{}, err
	}
	plan := storage.Plan{Coordinates: b.coordinates(), ManagementState: imageregistryv1.StorageManagementStateUnmanaged}
	found, err := b.look(ctx)
	if err != nil {
		return storage.Plan{}, err
	}
	if !found.exists {
		return storage.Plan{}, &storage.Error{
			Status: operatorv1.ConditionFalse, ConditionReason: reasonContainerNotFound, Code: codeContainerNotFound,
			Message: fmt.Sprintf("%s does not exist, and with the account key of secret %s the operator creates nothing: "+
				"create it, or correct spec.storage.azure", b.where(), b.identity.from),
		}
	}
	plan.Exists, plan.Condition = true, b.userManaged()
	return plan, nil
}

// named refuses an account key without the names that it is for.
func (b *backend) named() error {
	if b.account != "" && b.container != "" {
		return nil
	}
	return &storage.Error{
		Status: operatorv1.ConditionFalse, ConditionReason: reasonNotConfigured, Reason: names.ReasonStorageNotConfigured, Permanent: true,
		Message: fmt.Sprintf("with the account key of secret %s the operator creates nothing: name account and container in "+
			"spec.storage.azure.accountName and spec.storage.azure.container", b.identity.from),
	}
}

func (b *backend) userManaged() *operatorv1.OperatorCondition {
	return condition(operatorv1.ConditionTrue, reasonUserManaged, b.where()+" is the administrator's")
}

// Ensure implements storage.Backend. Each call goes as far as Azure lets it.
func (b *backend) Ensure(ctx context.Context) (storage.Result, error) {
	if b.identity.accountKey != "" {
		if err := b.named(); err != nil {
			return storage.Result{}, err
		}
		return storage.Result{
			Coordinates: b.coordinates(), Facts: b.facts(b.identity.accountKey),
			Conditions: []operatorv1.OperatorCondition{*b.userManaged()},
		}, nil
	}
	if err := b.complete(ctx); err != nil {
		return storage.Result{}, err
	}
	result := storage.Result{Coordinates: b.coordinates()}
	steps := []func(context.Context, *storage.Result) (waiting string, err error){b.ensureAccount, b.repairNetwork, b.ensureContainer, b.ensureNetwork}
	for _, step := range steps {
		waiting, err := step(ctx, &result)
		if transport.Cancelled(ctx) {
			return result, fmt.Errorf("ensuring %s: %w", b.where(), ctx.Err())
		}
		if err != nil {
			return result, err
		}
		if waiting != "" {
			result.RetryAfter = settleDelay
			result.Conditions = []operatorv1.OperatorCondition{*condition(operatorv1.ConditionUnknown, reasonWaiting, waiting)}
			return result, nil
		}
	}
	result.Conditions = []operatorv1.OperatorCondition{*b.exists()}
	return result, nil
}

// complete chooses the names that are missing. A name of an account that somebody in the world has is no choice.
func (b *backend) complete(ctx context.Context) error {
	if b.container == "" {
		b.container = storage.RandomName(b.infrastructure)
	}
	for attempt := 1; b.account == ""; attempt++ {
		name := storage.RandomAccountName(b.infrastructure)
		available, why, err := b.available(ctx, name)
		switch {
		case err != nil:
			return err
		case available:
			b.account = name
		case attempt == maxNames:
			return &storage.Error{
				Status: operatorv1.ConditionUnknown, ConditionReason: reasonAzure, Code: codeAccountTaken,
				Message: "looking for a name for a storage account: Azure has none of several free: " + why + "; choose one in spec.storage.azure.accountName",
			}
		}
	}
	return nil
}

// maxNames bounds the search for a free name.
const maxNames = 3

// generatedName is what the generators of package storage make for Azure, whatever the cluster is called.
var generatedName = regexp.MustCompile(`^(imageregistry[0-9a-z]{5,11}|[0-9a-z-]*image-registry-?[0-9a-z-]*)$`)

// generated tells whether a name looks as if it had been made by us.
func generated(name string) bool {
	isAccount := strings.HasPrefix(name, "imageregistry")
	return generatedName.MatchString(name) && (isAccount || len(name) == containerNameLength)
}

// containerNameLength is that of every generated name of a container.
const containerNameLength = 62
