package ibmcos

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage/s3api"
)

// client speaks S3 for the service instance that is known by now. It shares the session's connections and token, so
// making one is cheap. To the SDK its calls are anonymous: IBM takes an IAM token in the place of a signature.
func (b *backend) client() *s3.Client {
	return s3.New(s3.Options{
		Region:                     b.config.Location,
		BaseEndpoint:               aws.String(b.endpoint()),
		UsePathStyle:               true,
		HTTPClient:                 s3api.HTTPClient(b.session.connections),
		Credentials:                aws.AnonymousCredentials{},
		Retryer:                    s3api.NewRetryer(),
		APIOptions:                 append(s3api.UserAgent(b.in.Version), bearer(b.session, b.config.ServiceInstanceCRN)),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})
}

// bearer adds the token and the service instance to each attempt of a call.
func bearer(s *session, instance string) func(*middleware.Stack) error {
	add := func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
		middleware.FinalizeOutput, middleware.Metadata, error,
	) {
		request, isHTTP := in.Request.(*smithyhttp.Request)
		if !isHTTP {
			return middleware.FinalizeOutput{}, middleware.Metadata{}, fmt.Errorf("a request of type %T cannot carry a token", in.Request)
		}
		identity, err := s.identify(ctx)
		if err != nil {
			return middleware.FinalizeOutput{}, middleware.Metadata{}, err
		}
		request.Header.Set("Authorization", "Bearer "+identity.text)
		request.Header.Set("ibm-service-instance-id", instance)
		return next.HandleFinalize(ctx, in)
	}
	return func(stack *middleware.Stack) error {
		return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("IAMToken", add), middleware.After)
	}
}
