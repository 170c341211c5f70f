package s3

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// clientConfig is everything that makes one client differ from another.
type clientConfig struct {
	effective   effective
	stsEndpoint string
	credentials string
	secret      string
	bundle      storage.CABundle
	version     string
}

// digest identifies the configuration without keeping its credentials.
func (c clientConfig) digest() [sha256.Size]byte {
	e := c.effective
	text, _ := json.Marshal([]any{e.Region, e.endpoint(), e.pathStyle(), c.stsEndpoint, c.credentials, c.bundle, c.version})
	return sha256.Sum256(text)
}

// pool keeps the last client with its connections and temporary credentials. One is enough: a controller talks to one
// storage at a time.
type pool struct {
	mu        sync.Mutex
	digest    [sha256.Size]byte
	s3        *s3.Client
	transport *http.Transport
}

func (p *pool) client(config clientConfig) (*s3.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	digest := config.digest()
	if p.s3 != nil && p.digest == digest {
		return p.s3, nil
	}
	transport, err := newTransport(config.bundle)
	if err != nil {
		return nil, err
	}
	client, err := newClient(config, transport)
	if err != nil {
		return nil, err
	}
	if p.transport != nil {
		p.transport.CloseIdleConnections()
	}
	p.digest, p.s3, p.transport = digest, client, transport
	return client, nil
}

func newTransport(bundle storage.CABundle) (*http.Transport, error) {
	pool, err := roots(bundle)
	if err != nil {
		return nil, err
	}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool},
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConns:          100,
		ForceAttemptHTTP2:     true,
	}, nil
}

func newClient(config clientConfig, transport *http.Transport) (*s3.Client, error) {
	httpClient := &http.Client{
		Transport: transport,
		// A redirect carries the right region in its header; following it would lose that.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	parsed, err := parseProfile(config.credentials, config.secret)
	if err != nil {
		return nil, err
	}
	e := config.effective
	options := s3.Options{
		Region:       e.Region,
		HTTPClient:   httpClient,
		Credentials:  provider(parsed, config, httpClient),
		UsePathStyle: e.pathStyle(),
		Retryer:      newRetryer(),
		APIOptions:   userAgent(config.version),
	}
	if endpoint := e.endpoint(); endpoint != "" {
		options.BaseEndpoint = aws.String(endpoint)
		options.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		options.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	} else if dualStackRegion(e.Region) {
		// Beside an explicit endpoint the SDK refuses dual stack.
		options.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
	}
	return s3.New(options), nil
}

// provider gives the credentials of the profile; a role's are kept until they are about to expire.
func provider(p profile, config clientConfig, httpClient *http.Client) aws.CredentialsProvider {
	if !p.webIdentity() {
		return credentials.NewStaticCredentialsProvider(p.accessKey, p.secretKey, p.sessionToken)
	}
	options := sts.Options{
		Region:     config.effective.Region,
		HTTPClient: httpClient,
		Retryer:    newRetryer(),
		APIOptions: userAgent(config.version),
	}
	if config.stsEndpoint != "" {
		options.BaseEndpoint = aws.String(config.stsEndpoint)
	}
	role := stscreds.NewWebIdentityRoleProvider(sts.New(options), p.roleARN, tokenFile(p.tokenFile),
		func(o *stscreds.WebIdentityRoleOptions) { o.RoleSessionName = p.roleSessionName })
	return aws.NewCredentialsCache(role, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = 5 * time.Minute })
}

// tokenFile is the service account token. It is read each time, as it is rotated in place; the SDK's own reader hides
// from errors.As that it was the file that failed.
type tokenFile string

// GetIdentityToken implements stscreds.IdentityTokenRetriever.
func (f tokenFile) GetIdentityToken() ([]byte, error) { return os.ReadFile(string(f)) }

func userAgent(version string) []func(*middleware.Stack) error {
	return []func(*middleware.Stack) error{
		awsmiddleware.AddUserAgentKey("openshift.io"),
		awsmiddleware.AddUserAgentKeyValue("cluster-image-registry-operator", version),
	}
}

// retryer is the SDK's with jittered back-off, but leaves an answer with Retry-After to the controller: the SDK would
// come back too early. A certificate does not get better by asking again.
type retryer struct{ *retry.Standard }

func newRetryer() aws.Retryer {
	return retryer{retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = 3
		// The controller has a longer breath; here a longer wait would only use up the deadline of the call and hide the
		// answer.
		o.MaxBackoff = time.Second
	})}
}

// IsErrorRetryable implements aws.Retryer.
func (r retryer) IsErrorRetryable(err error) bool {
	return retryAfter(err) == 0 && !untrusted(err) && r.Standard.IsErrorRetryable(err)
}

// do makes one call to the cloud with the deadline that every call has.
func do[I, O any](ctx context.Context, b *backend, call func(context.Context, *I, ...func(*s3.Options)) (*O, error), in *I, options ...func(*s3.Options)) (*O, error) {
	timed, cancel := context.WithTimeout(ctx, b.options.CallTimeout)
	defer cancel()
	out, err := call(timed, in, options...)
	if err != nil && ctx.Err() == nil && timed.Err() != nil {
		return nil, &timeoutError{after: b.options.CallTimeout, err: err}
	}
	return out, err
}

// timeoutError tells a call that ran out of its own time from one that was cancelled with everything else.
type timeoutError struct {
	after time.Duration
	err   error
}

func (e *timeoutError) Error() string { return fmt.Sprintf("no answer within %s", e.after) }
func (e *timeoutError) Unwrap() error { return e.err }

// withContentMD5 adds the checksum that some compatible servers insist on; Amazon's own takes the SDK's.
func (b *backend) withContentMD5() []func(*s3.Options) {
	if b.config.RegionEndpoint == "" {
		return nil
	}
	return []func(*s3.Options){func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, smithyhttp.AddContentChecksumMiddleware)
	}}
}
