package storage

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	operatorv1 "github.com/openshift/api/operator/v1"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// SpecHash identifies a spec.storage: the storage controller records the one it has dealt with (decision 7).
func SpecHash(spec imageregistryv1.ImageRegistryConfigStorage) string { return digest(spec) }

// LocationHash identifies where the storage is. Coordinates that say how it is used (encryption, chunk size, tags) or
// by whom (the resource key of IBM Cloud, which is a credential) do not count: what was learned about the location stays
// valid when they change.
func LocationHash(coordinates Coordinates) string { return digest(location(&coordinates)) }

// Describe names the location for people: its kind and the fields that make it up.
func Describe(coordinates Coordinates) string {
	parts := make([]string, 0, 4)
	for _, kind := range Configured(&coordinates) {
		parts = append(parts, string(kind))
	}
	for _, field := range location(&coordinates) {
		if field.Value != "" && field.Name != "kind" {
			parts = append(parts, fmt.Sprintf("%s=%s", field.Name, field.Value))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, " ")
}

// Agree tells whether partial names the same location as complete: every field that partial gives is the same. It
// serves removal, where a completed location has to be recognised in a spec that may never have been completed.
func Agree(partial, complete Coordinates) bool {
	p, c := location(&partial), location(&complete)
	return slices.EqualFunc(p, c, func(a, b field) bool {
		return a.Name == b.Name && (a.Value == "" || a.Value == b.Value)
	})
}

// commercial are the regions of AWS that share the names of buckets; those of China and of governments have their own.
var commercial = regexp.MustCompile(`^(us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-[0-9]+$`)

// SameMedium tells that two locations are one medium for sure. Only of S3 it can be told: an endpoint that is given is the
// address of a bucket, whatever the region, and in the commercial regions of AWS no name is given to two buckets. Two
// endpoints may be one, or not.
func SameMedium(a, b Coordinates) bool {
	if a.S3 == nil || b.S3 == nil || len(Configured(&a)) != 1 || len(Configured(&b)) != 1 {
		return false
	}
	if a.S3.Bucket == "" || a.S3.Bucket != b.S3.Bucket || a.S3.RegionEndpoint != b.S3.RegionEndpoint {
		return false
	}
	return a.S3.RegionEndpoint != "" || a.S3.Region == b.S3.Region ||
		commercial.MatchString(a.S3.Region) && commercial.MatchString(b.S3.Region)
}

// field is one field of a location; a slice of them marshals in a fixed order.
type field struct{ Name, Value string }

// location lists what makes up the location, kind first. Two members at once are listed one after the other: such
// coordinates are refused elsewhere, but they must not hash like one of their members.
func location(c *Coordinates) []field {
	var fields []field
	for _, kind := range Configured(c) {
		fields = append(fields, field{"kind", string(kind)})
	}
	if s := c.S3; s != nil {
		fields = append(fields, field{"bucket", s.Bucket}, field{"region", s.Region}, field{"regionEndpoint", s.RegionEndpoint})
	}
	if s := c.Swift; s != nil {
		fields = append(fields, field{"container", s.Container}, field{"authURL", s.AuthURL}, field{"domain", s.Domain},
			field{"domainID", s.DomainID}, field{"tenant", s.Tenant}, field{"tenantID", s.TenantID}, field{"regionName", s.RegionName})
	}
	if s := c.GCS; s != nil {
		fields = append(fields, field{"bucket", s.Bucket})
	}
	if s := c.IBMCOS; s != nil {
		fields = append(fields, field{"bucket", s.Bucket}, field{"location", s.Location},
			field{"serviceInstanceCRN", s.ServiceInstanceCRN})
	}
	if s := c.PVC; s != nil {
		fields = append(fields, field{"claim", s.Claim})
	}
	if s := c.Azure; s != nil {
		fields = append(fields, field{"accountName", s.AccountName}, field{"container", s.Container}, field{"cloudName", s.CloudName})
	}
	return fields
}

// digest is the sha256 of the JSON form of v, which must be a plain data type.
func digest(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("storage: %T does not marshal: %v", v, err)) // cannot happen for the types above
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Acknowledgement is the entry of status.generations by which the storage controller says that it has dealt with the
// spec.storage of config; StorageReady says with what outcome.
func Acknowledgement(config *imageregistryv1.Config) operatorv1.GenerationStatus {
	return operatorv1.GenerationStatus{
		Group:          imageregistryv1.GroupVersion.Group,
		Resource:       "configs",
		Name:           names.StorageGeneration,
		LastGeneration: config.Generation,
		Hash:           SpecHash(config.Spec.Storage),
	}
}

// Acknowledged tells whether the storage controller has dealt with the current spec.storage of config.
func Acknowledged(config *imageregistryv1.Config) bool {
	want := Acknowledgement(config)
	return slices.ContainsFunc(config.Status.Generations, func(have operatorv1.GenerationStatus) bool {
		return have.Group == want.Group && have.Resource == want.Resource && have.Name == want.Name && have.Hash == want.Hash
	})
}
