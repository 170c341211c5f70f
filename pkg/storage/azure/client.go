package azure

import (
	"context"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/privatedns/armprivatedns"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/storage/armstorage"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

const (
	// stackVersion is the version of the storage API that Azure Stack Hubs serve, stackBlobVersion that of their blobs.
	stackVersion     = "2019-06-01"
	stackBlobVersion = "2019-07-07"
	// maxApplicationID is what the SDK takes.
	maxApplicationID = 24
)

// clientConfig is everything that makes one set of clients differ from another.
type clientConfig struct {
	cloud    Cloud
	identity identity
	bundle   storage.CABundle
	version  string
}

// tells is what tells clients apart.
func (c clientConfig) tells() any {
	i := c.identity
	return []any{
		c.cloud, c.cloud.stack, c.cloud.private, c.bundle, c.version,
		i.accountKey, i.subscription, i.tenant, i.client, i.secret, i.tokenFile, i.group, i.region,
	}
}

// pool keeps the clients of the last configuration.
type pool struct {
	transport.Last[*clients]
	options Options
}

// clients talk to one cloud as one identity.
type clients struct {
	http *sender
	blob policy.ClientOptions
	// What follows is nil with an account key of the administrator's.
	tokens   azcore.TokenCredential
	accounts *armstorage.AccountsClient
	zones    *armprivatedns.PrivateZonesClient
	records  *armprivatedns.RecordSetsClient
	links    *armprivatedns.VirtualNetworkLinksClient
	network  *network

	keys       keys
	operations operations
}

func (p *pool) clients(config clientConfig) (*clients, error) {
	return p.For(config.tells(), config.bundle, func(connections *http.Transport) (*clients, error) {
		return newClients(config, p.options, &sender{http.Client{
			Transport: connections,
			// Azure redirects nobody: a redirect would be a proxy's, and would get our token.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}})
	})
}

func newClients(config clientConfig, o Options, httpClient *sender) (*clients, error) {
	base := clientOptions(config, httpClient)
	c := &clients{http: httpClient, blob: base}
	if config.cloud.stack {
		c.blob.PerCallPolicies = []policy.Policy{blobVersion(stackBlobVersion)}
	}
	if config.identity.accountKey != "" {
		return c, nil
	}
	var err error
	if c.tokens, err = tokens(config.identity, config.cloud, o, base); err != nil {
		return nil, err
	}
	options := &arm.ClientOptions{ClientOptions: base, DisableRPRegistration: true}
	if config.cloud.stack {
		options.APIVersion = stackVersion
	}
	subscription := config.identity.subscription
	if c.accounts, err = armstorage.NewAccountsClient(subscription, c.tokens, options); err != nil {
		return nil, configError("making a client of Azure Resource Manager: "+err.Error(), err)
	}
	dns, err := armprivatedns.NewClientFactory(subscription, c.tokens, options)
	if err != nil {
		return nil, configError("making a client of Azure's private DNS: "+err.Error(), err)
	}
	c.zones, c.records, c.links = dns.NewPrivateZonesClient(), dns.NewRecordSetsClient(), dns.NewVirtualNetworkLinksClient()
	if c.network, err = newNetwork(subscription, c.tokens, options); err != nil {
		return nil, configError("making a client of Azure's networks: "+err.Error(), err)
	}
	return c, nil
}

func clientOptions(config clientConfig, httpClient *sender) policy.ClientOptions {
	application := "ocp-ciro/" + config.version
	return policy.ClientOptions{
		Cloud:     config.cloud.configuration(),
		Transport: httpClient,
		Telemetry: policy.TelemetryOptions{ApplicationID: application[:min(len(application), maxApplicationID)]},
		Retry: policy.RetryOptions{
			MaxRetries: 2,
			// The controller has the longer breath; here a longer wait would only use up the deadline of the call and hide
			// the answer.
			RetryDelay: 250 * time.Millisecond, MaxRetryDelay: time.Second,
			ShouldRetry: retriable,
		},
	}
}

// retriable leaves an answer with Retry-After to the controller, and a certificate does not get better by asking again.
func retriable(response *http.Response, err error) bool {
	if err != nil {
		return !transport.Untrusted(err) && !notFoundHost(err)
	}
	return transport.Passing(response.StatusCode) && transport.RetryAfter(response.StatusCode, response.Header) == 0
}

// blobVersion sets the version of the blob API, which the SDK knows no option for.
type blobVersion string

// Do implements policy.Policy.
func (v blobVersion) Do(request *policy.Request) (*http.Response, error) {
	// The key is the SDK's, which is not in the canonical form: Set would add a second header beside it.
	request.Raw().Header["x-ms-version"] = []string{string(v)}
	return request.Next()
}

// containerClient is a client of the container, with the key or else with tokens.
func (b *backend) containerClient(key string) (*container.Client, error) {
	url := b.cloud.containerURL(b.account, b.container)
	options := &container.ClientOptions{ClientOptions: b.clients.blob}
	if key == "" {
		return container.NewClient(url, b.clients.tokens, options)
	}
	credential, err := container.NewSharedKeyCredential(b.account, key)
	if err != nil {
		return nil, configError("the account key of secret "+b.identity.from+" is not in base64; correct it", nil)
	}
	return container.NewClientWithSharedKeyCredential(url, credential, options)
}

// do makes one call to the cloud with the deadline that every call has.
func do[O any](ctx context.Context, b *backend, call func(context.Context) (O, error)) (O, error) {
	var sent exchange
	ctx = context.WithValue(ctx, exchangeKey{}, &sent)
	return transport.Within(ctx, b.options.CallTimeout, func(ctx context.Context) (O, error) {
		out, err := call(ctx)
		return out, sent.explained(err)
	})
}

// begun makes one call whose answer has to begin in time, and may take longer to be read.
func begun[O any](ctx context.Context, b *backend, call func(context.Context) (O, error)) (O, context.CancelFunc, error) {
	var sent exchange
	ctx = context.WithValue(ctx, exchangeKey{}, &sent)
	return transport.Begun(ctx, b.options.CallTimeout, func(ctx context.Context) (O, error) {
		out, err := call(ctx)
		return out, sent.explained(err)
	})
}
