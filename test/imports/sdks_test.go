package imports

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// legacySDKs are what clouds no longer maintain, or a fork of it. Each has a successor, which is what we vendor.
var legacySDKs = map[string]*regexp.Regexp{
	"github.com/aws/aws-sdk-go-v2":              regexp.MustCompile(`^github\.com/aws/aws-sdk-go(/|$)`),
	"github.com/Azure/azure-sdk-for-go/sdk":     regexp.MustCompile(`^github\.com/Azure/(go-autorest|azure-storage-blob-go|azure-sdk-for-go$|azure-sdk-for-go/[^s]|azure-sdk-for-go/s[^d])`),
	"github.com/aws/aws-sdk-go-v2, as for S3":   regexp.MustCompile(`^github\.com/IBM/(ibm-cos-sdk-go|go-sdk-core|platform-services-go-sdk)(/|$)`),
	"github.com/gophercloud/gophercloud/v2":     regexp.MustCompile(`^github\.com/gophercloud/(utils|gophercloud(/openstack|/internal|/pagination)?)$`),
	"the client of pkg/storage/gcs, of our own": regexp.MustCompile(`^(cloud\.google\.com/go/storage|google\.golang\.org/api)(/|$)`),
}

// legacy lists what is vendored of them: modules and packages as modules.txt has them.
func legacy(modules string) []string {
	var found []string
	for line := range strings.Lines(modules) {
		name := strings.TrimPrefix(strings.TrimSpace(line), "# ")
		name, _, _ = strings.Cut(name, " ")
		for successor, pattern := range legacySDKs {
			if pattern.MatchString(name) {
				found = append(found, name+": use "+successor)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestNoLegacySDKIsVendored(t *testing.T) {
	modules := string(read(t, "vendor/modules.txt"))
	if !strings.Contains(modules, "# github.com/aws/aws-sdk-go-v2 v") {
		t.Fatal("vendor/modules.txt does not list the SDK that we do use: its form has changed")
	}
	for _, module := range legacy(modules) {
		t.Errorf("vendored is %s", module)
	}
}

func TestLegacySDKsAreFound(t *testing.T) {
	for name, want := range map[string]bool{
		"# github.com/aws/aws-sdk-go v1.55.5": true, "github.com/aws/aws-sdk-go/service/s3": true,
		"# github.com/aws/aws-sdk-go-v2 v1.47.7": false, "# github.com/aws/aws-sdk-go-v2/service/s3 v1.1.1": false,
		"# github.com/Azure/go-autorest/autorest v0.11.29": true, "# github.com/Azure/azure-storage-blob-go v0.15.0": true,
		"# github.com/Azure/azure-sdk-for-go v68.0.0+incompatible": true, "github.com/Azure/azure-sdk-for-go/services/storage/mgmt": true,
		"# github.com/Azure/azure-sdk-for-go/sdk/azcore v1.24.0": false,
		"# github.com/IBM/ibm-cos-sdk-go v1.11.0":                true, "# github.com/IBM/platform-services-go-sdk v0.64.2": true,
		"# github.com/gophercloud/gophercloud v1.14.0": true, "github.com/gophercloud/gophercloud/openstack": true,
		"# github.com/gophercloud/gophercloud/v2 v2.15.0": false, "github.com/gophercloud/gophercloud/v2/openstack": false,
		"# google.golang.org/api v0.200.0": true, "# cloud.google.com/go/compute/metadata v0.3.0": false,
	} {
		if got := len(legacy(name + "\n")); (got > 0) != want {
			t.Errorf("%s: found %d times", name, got)
		}
	}
}
