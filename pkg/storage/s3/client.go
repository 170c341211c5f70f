package s3

import (
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/s3api"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
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

// identity is what tells clients apart.
func (c clientConfig) identity() any {
	e := c.effective
	return []any{e.Region, e.endpoint(), e.pathStyle(), c.stsEndpoint, c.credentials, c.bundle, c.version}
}

// pool keeps the last client with its connections and temporary credentials.
type pool struct{ transport.Last[*s3.Client] }

func (p *pool) client(config clientConfig) (*s3.Client, error) {
	return p.For(config.identity(), config.bundle, func(connections *http.Transport) (*s3.Client, error) {
		return newClient(config, connections)
	})
}

func newClient(config clientConfig, connections *http.Transport) (*s3.Client, error) {
	httpClient := s3api.HTTPClient(connections)
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
		Retryer:      s3api.NewRetryer(),
		APIOptions:   s3api.UserAgent(config.version),
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
		Retryer:    s3api.NewRetryer(),
		APIOptions: s3api.UserAgent(config.version),
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
