package s3

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/aws/smithy-go"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage/s3api"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

// explain says what went wrong and what to do. It is the same text for the same fault each time: request ids and local
// ports would rewrite the condition with every retry.
func (b *backend) explain(err error) string {
	var api smithy.APIError
	var path *fs.PathError
	switch {
	case s3api.FromSTS(err) && s3api.Code(err) != "":
		errors.As(err, &api)
		return fmt.Sprintf("%s: assuming the role of secret %s: %s; check role_arn, its trust policy and the service account token",
			s3api.Code(err), b.secret, api.ErrorMessage())
	case s3api.IsCode(err, s3api.CodeRegion):
		return fmt.Sprintf("%s: the bucket is in another region than %s%s; correct spec.storage.s3.region", s3api.CodeRegion, b.config.Region, s3api.RegionHint(err))
	case s3api.AboutCredentials(err):
		errors.As(err, &api)
		return fmt.Sprintf("%s: %s does not accept the credentials of secret %s: %s; correct the secret",
			s3api.Code(err), b.config.server(), b.secret, api.ErrorMessage())
	case errors.As(err, &api):
		return b.places().Answer(err, api.ErrorMessage())
	case errors.As(err, &path):
		return fmt.Sprintf("reading the token file that secret %s names: %v", b.secret, path)
	case transport.Untrusted(err):
		return fmt.Sprintf("%s presents a certificate that is not trusted: %s; put its CA into a configmap in openshift-config, "+
			"key %s, and name that in spec.storage.s3.trustedCA", b.config.server(), transport.Cause(err), trustedCAKey)
	default:
		check := "the cluster proxy and the network"
		if b.config.RegionEndpoint != "" {
			check = "spec.storage.s3.regionEndpoint, " + check
		}
		return fmt.Sprintf("%s cannot be reached: %s; check %s", b.config.server(), transport.Cause(err), check)
	}
}

func (b *backend) places() s3api.Places {
	return s3api.Places{Spec: "spec.storage.s3", Secret: b.secret, Page: "docs/storage/s3.md", Server: b.config.server()}
}
