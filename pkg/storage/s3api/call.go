package s3api

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// HTTPClient is the client for S3 over a transport. It follows no redirect: the answer carries the right region in its
// header, and following it would lose that.
func HTTPClient(connections http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     connections,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// UserAgent names the operator in the requests of a client.
func UserAgent(version string) []func(*middleware.Stack) error {
	return []func(*middleware.Stack) error{
		awsmiddleware.AddUserAgentKey("openshift.io"),
		awsmiddleware.AddUserAgentKeyValue("cluster-image-registry-operator", version),
	}
}

// retryer is the SDK's with jittered back-off, but leaves an answer with Retry-After to the controller: the SDK would
// come back too early. A certificate does not get better by asking again.
type retryer struct{ *retry.Standard }

// NewRetryer is how often and when a client repeats a call by itself.
func NewRetryer() aws.Retryer {
	return retryer{retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = 3
		// The controller has a longer breath; here a longer wait would only use up the deadline of the call and hide the
		// answer.
		o.MaxBackoff = time.Second
	})}
}

// IsErrorRetryable implements aws.Retryer.
func (r retryer) IsErrorRetryable(err error) bool {
	return RetryAfter(err) == 0 && !transport.Untrusted(err) && r.Standard.IsErrorRetryable(err)
}

// Do makes one call to the cloud with the deadline that every call has.
func Do[I, O any](ctx context.Context, limit time.Duration, call func(context.Context, *I, ...func(*s3.Options)) (*O, error), in *I, options ...func(*s3.Options)) (*O, error) {
	return transport.Within(ctx, limit, func(ctx context.Context) (*O, error) {
		return call(ctx, in, options...)
	})
}

// ContentMD5 adds the checksum that some compatible servers insist on; Amazon's own takes the SDK's.
func (b *Bucket) ContentMD5() []func(*s3.Options) {
	if !b.Compatible {
		return nil
	}
	return []func(*s3.Options){func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, smithyhttp.AddContentChecksumMiddleware)
	}}
}
