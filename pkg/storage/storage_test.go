package storage

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

func TestRenderEnv(t *testing.T) {
	for _, tt := range []struct {
		name  string
		value any
		want  string
	}{
		{"an int is bare", 10, "10"},
		{"a bool is bare", true, "true"},
		{"a plain string is bare", "foo", "foo"},
		{"a string that looks like a number is quoted", "10", `"10"`},
		{"a string that looks like a bool is quoted", "true", `"true"`},
		{"an empty string is two quotes", "", `""`},
		{"a string with special characters is quoted once", `# foo'bar"baz`, `'# foo''bar"baz'`},
		{"a list of structs is a block in the order of declaration", []struct {
			B string `yaml:"b"`
			A struct {
				Z int `yaml:"z"`
				X int `yaml:"x"`
			} `yaml:"a"`
		}{{B: "v"}}, "- b: v\n  a:\n    z: 0\n    x: 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := RenderEnv(EnvVar{Name: "V", Value: tt.value})
			if err != nil || got != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestDeterministicName(t *testing.T) {
	for _, tt := range []struct {
		name, infrastructure string
		extra                []string
		want                 string
	}{
		{"parts are joined", "my-cluster-abc12", []string{"us-east-1"}, "my-cluster-abc12-image-registry-us-east-1"},
		{"no and empty extra parts are the same", "c", []string{""}, "c-image-registry"},
		{"dashes collapse", "a--b---", []string{"us-east-1"}, "a-b-image-registry-us-east-1"},
		{"upper case is lowered", "ABC", nil, "abc-image-registry"},
		{"a long name is cut", strings.Repeat("a", 44), []string{"us-gov-west-1"}, strings.Repeat("a", 44) + "-image-registry-us"},
		{"a cut at a dash ends in s", strings.Repeat("a", 46), []string{"us-gov-west-1"}, strings.Repeat("a", 46) + "-image-registrys"},
		{"a very long name is cut", strings.Repeat("b", 51), []string{"us-gov-west-1"}, strings.Repeat("b", 51) + "-image-regi"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := DeterministicName(tt.infrastructure, tt.extra...)
			if got != tt.want || got != DeterministicName(tt.infrastructure, tt.extra...) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if len(got) > 62 || strings.Contains(got, "--") || strings.HasSuffix(got, "-") || strings.ToLower(got) != got {
				t.Errorf("%q is not a valid name", got)
			}
		})
	}
}

func s3Coordinates(edit func(*imageregistryv1.ImageRegistryConfigStorageS3)) Coordinates {
	s3 := &imageregistryv1.ImageRegistryConfigStorageS3{Bucket: "b", Region: "r", RegionEndpoint: "e"}
	edit(s3)
	return Coordinates{S3: s3}
}

func TestLocationHash(t *testing.T) {
	base := s3Coordinates(func(*imageregistryv1.ImageRegistryConfigStorageS3) {})
	for _, tt := range []struct {
		name  string
		other Coordinates
		same  bool
	}{
		{"encryption is no place", s3Coordinates(func(s *imageregistryv1.ImageRegistryConfigStorageS3) { s.Encrypt, s.KeyID = true, "k" }), true},
		{"the management state is no place", Coordinates{S3: base.S3, ManagementState: "Managed"}, true},
		{"another bucket is", s3Coordinates(func(s *imageregistryv1.ImageRegistryConfigStorageS3) { s.Bucket = "c" }), false},
		{"another region is", s3Coordinates(func(s *imageregistryv1.ImageRegistryConfigStorageS3) { s.Region = "c" }), false},
		{"another endpoint is", s3Coordinates(func(s *imageregistryv1.ImageRegistryConfigStorageS3) { s.RegionEndpoint = "c" }), false},
		{"another kind with the same names is", Coordinates{GCS: &imageregistryv1.ImageRegistryConfigStorageGCS{Bucket: "b", Region: "r"}}, false},
		{"emptyDir is not nothing", Coordinates{EmptyDir: &imageregistryv1.ImageRegistryConfigStorageEmptyDir{}}, false},
		{"nothing is none of them", Coordinates{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if same := LocationHash(base) == LocationHash(tt.other); same != tt.same {
				t.Errorf("same is %t, want %t", same, tt.same)
			}
		})
	}
	if LocationHash(Coordinates{}) == LocationHash(Coordinates{EmptyDir: &imageregistryv1.ImageRegistryConfigStorageEmptyDir{}}) {
		t.Error("emptyDir and nothing have the same hash")
	}
}

// TestWhatIsAPlace goes over every field of every kind: those listed are a part of the location, all others are not.
func TestWhatIsAPlace(t *testing.T) {
	places := map[Kind][]string{
		S3: {"Bucket", "Region", "RegionEndpoint"}, GCS: {"Bucket"}, PVC: {"Claim"}, EmptyDir: nil,
		Swift:  {"Container", "AuthURL", "Domain", "DomainID", "Tenant", "TenantID", "RegionName"},
		IBMCOS: {"Bucket", "Location", "ServiceInstanceCRN"},
		Azure:  {"AccountName", "Container", "CloudName"},
	}
	seen := map[Kind]bool{}
	union := reflect.TypeFor[Coordinates]()
	for i := range union.NumField() {
		if union.Field(i).Type.Kind() != reflect.Pointer {
			continue
		}
		var base Coordinates
		reflect.ValueOf(&base).Elem().Field(i).Set(reflect.New(union.Field(i).Type.Elem()))
		kinds := Configured(&base)
		if len(kinds) == 0 {
			continue // no kind of ours
		}
		kind, member := kinds[0], union.Field(i).Type.Elem()
		seen[kind] = true
		for j := range member.NumField() {
			changed := *base.DeepCopy()
			fill(t, reflect.ValueOf(&changed).Elem().Field(i).Elem().Field(j))
			field := member.Field(j).Name
			if place := LocationHash(changed) != LocationHash(base); place != slices.Contains(places[kind], field) {
				t.Errorf("%s of %s counts as a part of the place: %t", field, kind, place)
			}
		}
	}
	for kind := range places {
		if !seen[kind] {
			t.Errorf("%s has not been looked at", kind)
		}
	}
}

// fill gives a field of coordinates some value.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32:
		v.SetInt(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Struct:
		fill(t, v.Field(0))
	default:
		t.Fatalf("a field is of kind %s", v.Kind())
	}
}

func TestAgree(t *testing.T) {
	complete := s3Coordinates(func(*imageregistryv1.ImageRegistryConfigStorageS3) {})
	for _, tt := range []struct {
		name    string
		partial Coordinates
		want    bool
	}{
		{"the same agrees", complete, true},
		{"what is left out agrees", Coordinates{S3: &imageregistryv1.ImageRegistryConfigStorageS3{Bucket: "b"}}, true},
		{"another name does not", Coordinates{S3: &imageregistryv1.ImageRegistryConfigStorageS3{Bucket: "c"}}, false},
		{"another region does not", Coordinates{S3: &imageregistryv1.ImageRegistryConfigStorageS3{Bucket: "b", Region: "x"}}, false},
		{"another kind does not", Coordinates{PVC: &imageregistryv1.ImageRegistryConfigStoragePVC{}}, false},
		{"nothing does not", Coordinates{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Agree(tt.partial, complete); got != tt.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

func TestSameMedium(t *testing.T) {
	at := func(bucket, region, endpoint string) Coordinates {
		return Coordinates{S3: &imageregistryv1.ImageRegistryConfigStorageS3{Bucket: bucket, Region: region, RegionEndpoint: endpoint}}
	}
	gcs := Coordinates{GCS: &imageregistryv1.ImageRegistryConfigStorageGCS{Bucket: "b"}}
	two := at("b", "us-east-1", "")
	two.GCS = gcs.GCS
	const here, there = "https://s3.example.com", "https://s3.example.org"
	for _, tt := range []struct {
		name string
		a, b Coordinates
		want bool
	}{
		{"the same location", at("b", "us-east-1", ""), at("b", "us-east-1", ""), true},
		{"another region of AWS", at("b", "us-east-1", ""), at("b", "eu-west-1", ""), true},
		{"another region behind one endpoint", at("b", "here", here), at("b", "there", here), true},
		{"another bucket", at("b", "us-east-1", ""), at("c", "us-east-1", ""), false},
		{"China has buckets of its own", at("b", "us-east-1", ""), at("b", "cn-north-1", ""), false},
		{"so has GovCloud", at("b", "us-gov-east-1", ""), at("b", "us-east-1", ""), false},
		{"so has a region that is not known", at("b", "us-iso-east-1", ""), at("b", "us-east-1", ""), false},
		{"another endpoint may be another cloud", at("b", "us-east-1", here), at("b", "us-east-1", there), false},
		{"an endpoint may be another cloud than AWS", at("b", "us-east-1", here), at("b", "us-east-1", ""), false},
		{"buckets without a name", at("", "us-east-1", ""), at("", "eu-west-1", ""), false},
		{"another kind", at("b", "us-east-1", ""), gcs, false},
		{"two kinds at once", two, two, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := SameMedium(tt.a, tt.b); got != tt.want || SameMedium(tt.b, tt.a) != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

func TestPair(t *testing.T) {
	c := s3Coordinates(func(*imageregistryv1.ImageRegistryConfigStorageS3) {})
	other := s3Coordinates(func(s *imageregistryv1.ImageRegistryConfigStorageS3) { s.Bucket = "c" })
	data := EncodePair(c, Facts{"credentials": []byte("text")})
	location, facts := DecodePair(data)
	if location != LocationHash(c) || len(facts) != 1 || string(facts["credentials"]) != "text" {
		t.Errorf("decoded %q %v", location, facts)
	}
	if CreationRecorded(data, c) {
		t.Error("a creation is recorded that never was")
	}
	data = WithCreation(data)
	if !CreationRecorded(data, c) || CreationRecorded(data, other) {
		t.Error("the creation is not tied to its location")
	}
	if location, facts := DecodePair(data); location != LocationHash(c) || len(facts) != 1 {
		t.Errorf("the record of the creation shows among the facts: %v", facts)
	}
	if got := CredentialsRecorded(data); got != "" {
		t.Errorf("credentials %q are recorded that nobody used", got)
	}
	data = WithCredentials(data, "secret digest")
	if _, facts := DecodePair(data); CredentialsRecorded(data) != "secret digest" || !CreationRecorded(data, c) || len(facts) != 1 {
		t.Errorf("the record of the credentials is wrong, or in the way: %v", data)
	}
}

func TestSelect(t *testing.T) {
	drivers := Drivers{{Kind: S3}, {Kind: PVC}}
	both := Coordinates{S3: &imageregistryv1.ImageRegistryConfigStorageS3{}, EmptyDir: &imageregistryv1.ImageRegistryConfigStorageEmptyDir{}}
	for _, tt := range []struct {
		name        string
		coordinates Coordinates
		kind        Kind
		reason      string
		text        string
	}{
		{"one kind has its driver", Coordinates{PVC: &imageregistryv1.ImageRegistryConfigStoragePVC{}}, PVC, "", ""},
		{"none is an error", Coordinates{}, "", names.ReasonStorageNotConfigured, "no storage"},
		{"oss alone is none", Coordinates{OSS: &imageregistryv1.ImageRegistryConfigStorageAlibabaOSS{}}, "", names.ReasonStorageNotConfigured, ""},
		{"two are an error that names them in order", both, "", names.ReasonMultipleStoragesConfigured, "found 2: [EmptyDir S3]"},
		{"a kind without driver is an error", Coordinates{Azure: &imageregistryv1.ImageRegistryConfigStorageAzure{}}, "", names.ReasonStorageNotSupported, "Azure"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			driver, err := drivers.Select(&tt.coordinates)
			if driver.Kind != tt.kind {
				t.Errorf("kind is %s", driver.Kind)
			}
			var e *Error
			if errors.As(err, &e) != (tt.reason != "") || e != nil && (e.Reason != tt.reason || !e.Permanent || !strings.Contains(e.Message, tt.text)) {
				t.Errorf("error is %+v", err)
			}
			if err != nil && Condition(err) != nil {
				t.Error("the error claims to know something about the medium")
			}
		})
	}
}

func TestCondition(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"any error is unknown", errors.New("x"), "Unknown/Unknown Error Occurred/x"},
		{"an error of storage says its own", fmt.Errorf("doing: %w", &Error{Status: operatorv1.ConditionFalse, ConditionReason: "R", Message: "m"}), "False/R/doing: m"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Condition(tt.err)
			if got := fmt.Sprintf("%s/%s/%s", c.Status, c.Reason, c.Message); got != tt.want || c.Type != names.StorageExists {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestDefaultFor(t *testing.T) {
	for _, tt := range []struct {
		platform configv1.PlatformType
		kind     string
		replicas int32
		state    operatorv1.ManagementState
		strategy string
	}{
		{configv1.AWSPlatformType, "[S3]", 2, operatorv1.Managed, RollingUpdate},
		{configv1.AzurePlatformType, "[Azure]", 2, operatorv1.Managed, RollingUpdate},
		{configv1.GCPPlatformType, "[GCS]", 2, operatorv1.Managed, RollingUpdate},
		{configv1.IBMCloudPlatformType, "[IBMCOS]", 2, operatorv1.Managed, RollingUpdate},
		{configv1.PowerVSPlatformType, "[IBMCOS]", 2, operatorv1.Managed, RollingUpdate},
		{configv1.OpenStackPlatformType, "[Swift]", 2, operatorv1.Managed, RollingUpdate},
		{configv1.OvirtPlatformType, "[PVC]", 1, operatorv1.Managed, Recreate},
		{configv1.LibvirtPlatformType, "[EmptyDir]", 1, operatorv1.Managed, RollingUpdate},
		{configv1.BareMetalPlatformType, "[]", 1, operatorv1.Removed, RollingUpdate},
		{configv1.VSpherePlatformType, "[]", 1, operatorv1.Removed, RollingUpdate},
		{configv1.NonePlatformType, "[]", 1, operatorv1.Removed, RollingUpdate},
		{configv1.NutanixPlatformType, "[]", 1, operatorv1.Removed, RollingUpdate},
		{configv1.KubevirtPlatformType, "[]", 1, operatorv1.Removed, RollingUpdate},
		{configv1.EquinixMetalPlatformType, "[]", 1, operatorv1.Removed, RollingUpdate},
		{configv1.AlibabaCloudPlatformType, "[]", 1, operatorv1.Removed, RollingUpdate},
		{configv1.ExternalPlatformType, "[]", 1, operatorv1.Removed, RollingUpdate},
		{"SomethingNew", "[EmptyDir]", 1, operatorv1.Managed, RollingUpdate},
		{"", "[EmptyDir]", 1, operatorv1.Managed, RollingUpdate},
	} {
		t.Run("platform "+string(tt.platform), func(t *testing.T) {
			infrastructure := &configv1.Infrastructure{}
			infrastructure.Status.PlatformStatus = &configv1.PlatformStatus{Type: tt.platform}
			d, err := DefaultFor(infrastructure)
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(Configured(&d.Storage)) != tt.kind || d.Replicas != tt.replicas || d.ManagementState != tt.state || d.RolloutStrategy != tt.strategy {
				t.Errorf("got %+v", d)
			}
			if (d.Claim != nil) != (d.Storage.PVC != nil) {
				t.Errorf("claim is %+v", d.Claim)
			}
			infrastructure.Status.InfrastructureTopology = configv1.SingleReplicaTopologyMode
			if d, _ = DefaultFor(infrastructure); d.Replicas != 1 {
				t.Errorf("%d replicas on a single node", d.Replicas)
			}
		})
	}
	openStack := &configv1.Infrastructure{}
	openStack.Status.PlatformStatus = &configv1.PlatformStatus{Type: configv1.OpenStackPlatformType}
	d, err := DefaultFor(openStack, Swift)
	if err != nil || d.Storage.Swift != nil || d.Storage.PVC == nil || d.Replicas != 1 || d.RolloutStrategy != Recreate ||
		d.Claim == nil || d.Claim.StorageClass != "standard-csi" {
		t.Errorf("OpenStack without Swift: %+v, %v", d, err)
	}
	if _, err := DefaultFor(&configv1.Infrastructure{}); err == nil {
		t.Error("no platform status is no error")
	}
}

func TestAcknowledged(t *testing.T) {
	config := &imageregistryv1.Config{}
	config.Generation = 7
	config.Spec.Storage.PVC = &imageregistryv1.ImageRegistryConfigStoragePVC{}
	if Acknowledged(config) {
		t.Error("acknowledged without an entry")
	}
	entry := Acknowledgement(config)
	if entry.Group != "imageregistry.operator.openshift.io" || entry.Resource != "configs" || entry.Name != "spec.storage" || entry.LastGeneration != 7 {
		t.Errorf("entry is %+v", entry)
	}
	config.Status.Generations = append(config.Status.Generations, entry)
	if !Acknowledged(config) {
		t.Error("not acknowledged with its entry")
	}
	config.Spec.Storage.ManagementState = "Managed"
	if Acknowledged(config) {
		t.Error("acknowledged although spec.storage differs")
	}
}

func TestCredentials(t *testing.T) {
	named := func(name string, data map[string][]byte) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: names.OperatorNamespace, Name: name}, Data: data}
	}
	minted := named(names.CloudCredentials, map[string][]byte{"a": []byte("1"), "b": []byte("2")})
	user := named(names.PrivateConfigurationUser, map[string][]byte{"a": []byte("3")})
	for _, tt := range []struct {
		name string
		in   Inputs
		want []string
		text string
	}{
		{"the minted secret serves alone", Inputs{MintedSecret: minted}, []string{"1", "2"}, ""},
		{"none names both secrets", Inputs{}, nil, "openshift-image-registry/image-registry-private-configuration-user"},
		{"none names the keys of the user's", Inputs{}, nil, "ukeys"},
		{"none names the keys of the minted one", Inputs{}, nil, "mkeys"},
		{"the user's is never completed from the minted one", Inputs{MintedSecret: minted, UserSecret: user}, nil, "image-registry-private-configuration-user has no value for: b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var values []string
			c, err := CredentialsFrom(tt.in, "ukeys", "mkeys")
			if err == nil {
				values, err = c.Get("a", "b")
			}
			if !slices.Equal(values, tt.want) {
				t.Errorf("values are %v", values)
			}
			var e *Error
			if tt.text == "" {
				return
			}
			if !errors.As(err, &e) || e.Reason != names.ReasonWaitingForCredentials || !strings.Contains(e.Message, tt.text) {
				t.Errorf("error is %+v", err)
			}
		})
	}
}

func TestRandomName(t *testing.T) {
	for _, tc := range []struct{ name, infrastructure, prefix string }{
		{"short", "infra-x1", "infra-x1-image-registry-"},
		{"upper case", "INFRA", "infra-image-registry-"},
		{"double dashes", "a--b", "a-b-image-registry-"},
		{"one short of the length", strings.Repeat("a", 46), strings.Repeat("a", 46) + "-image-registry"},
		{"too long", strings.Repeat("a", 80), strings.Repeat("a", 62)},
		{"a dash at the cut", strings.Repeat("a", 61), strings.Repeat("a", 61)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for range 20 {
				name := RandomName(tc.infrastructure)
				if len(name) != 62 || !strings.HasPrefix(name, tc.prefix) || strings.HasSuffix(name, "-") || name != strings.ToLower(name) {
					t.Errorf("name is %q (%d characters)", name, len(name))
				}
			}
		})
	}
	if RandomName("infra", "", "") == RandomName("infra") {
		t.Error("two names are the same")
	}
}

func TestRandomAccountName(t *testing.T) {
	valid := regexp.MustCompile(`^[0-9a-z]{3,24}$`)
	for _, infrastructure := range []string{"", "foo", "foo-bar-baz", "FOO-BAR-3000", "1234567890123456789", "123456789012345678901234"} {
		if name := RandomAccountName(infrastructure); !valid.MatchString(name) || !strings.HasPrefix(name, "imageregistry") {
			t.Errorf("account of %q is %q", infrastructure, name)
		}
	}
}
