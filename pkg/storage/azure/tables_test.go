package azure

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/storage/armstorage"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

func TestCloudNames(t *testing.T) {
	for name, want := range map[string]string{
		"": "core.windows.net", "AzurePublicCloud": "core.windows.net", "AZURECLOUD": "core.windows.net", "azureusgovernmentcloud": "core.usgovcloudapi.net",
		"AzureUSGovernment": "core.usgovcloudapi.net", "AzureChinaCloud": "core.chinacloudapi.cn", "AzureGermanCloud": "core.cloudapi.de", "AzureMarsCloud": "",
	} {
		c, err := cloudFor(name, Options{}, "")
		if c.BlobSuffix != want || (err != nil) != (want == "") {
			t.Errorf("%q is at %q, %v; want %q", name, c.BlobSuffix, err, want)
		}
		if err == nil && (c.AuthorityHost == "" || c.Audience != c.ResourceManager || c.zone() != "privatelink.blob."+want) {
			t.Errorf("%q is %+v", name, c)
		}
	}
}

func TestStackFile(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"a field is missing": {`{"activeDirectoryEndpoint":"https://a/","tokenAudience":"https://t/"}`, "lacks resourceManagerEndpoint, storageEndpointSuffix"},
		"it is no JSON":      {`{`, "is no JSON"},
		"there is none":      {"", "reading the endpoints"},
	} {
		file := filepath.Join(t.TempDir(), "stack")
		if c.text != "" {
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := cloudFor("azurestackcloud", Options{EnvironmentFile: file}, ""); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "cloud-provider-config") {
			t.Errorf("%s: %v", name, err)
		}
	}
	const known = `{"activeDirectoryEndpoint":"https://a/","resourceManagerEndpoint":"https://m/","tokenAudience":"https://t/","storageEndpointSuffix":"s"}`
	if c, err := cloudFor("AzureStackCloud", Options{}, known); err != nil || c.BlobSuffix != "s" {
		t.Errorf("with the endpoints of a snapshot: %+v, %v", c, err)
	}
	if _, err := cloudFor("AzureStackCloud", Options{}, ""); err == nil || !strings.Contains(err.Error(), "AZURE_ENVIRONMENT_FILEPATH") {
		t.Errorf("without a file: %v", err)
	}
}

func testSecret(name string, pairs ...string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-image-registry", Name: name}, Data: map[string][]byte{}}
	for i := 0; i < len(pairs); i += 2 {
		s.Data[pairs[i]] = []byte(pairs[i+1])
	}
	return s
}

func TestCredentials(t *testing.T) {
	minted := func(pairs ...string) *corev1.Secret {
		return testSecret("installer-cloud-credentials", append([]string{mintedSubscription, "sub", mintedTenant, "ten", mintedClient, "cli"}, pairs...)...)
	}
	for name, c := range map[string]struct {
		user, minted *corev1.Secret
		hosted       bool
		want         identity
		says         string
	}{
		"no secret":                     {says: "neither secret"},
		"user secret without key":       {user: testSecret("u"), says: userAccountKey},
		"user secret with an empty key": {user: testSecret("u", userAccountKey, ""), says: userAccountKey},
		"user secret":                   {user: testSecret("u", userAccountKey, "key"), want: identity{accountKey: "key"}},
		"the user secret wins":          {user: testSecret("u", userAccountKey, "key"), minted: minted(mintedSecret, "s"), want: identity{accountKey: "key"}},
		"minted":                        {minted: minted(mintedSecret, "s", mintedResourceGroup, "g", mintedRegion, "r"), want: identity{subscription: "sub", tenant: "ten", client: "cli", secret: "s", group: "g", region: "r"}},
		"minted for a federated token":  {minted: minted(mintedSecret, " \n", mintedTokenFile, "/t", mintedRegion, "r"), want: identity{subscription: "sub", tenant: "ten", client: "cli", tokenFile: "/t", group: "infra-rg", region: "r"}},
		"minted with neither":           {minted: minted(), says: mintedSecret},
		"minted without tenant":         {minted: testSecret("m", mintedSubscription, "sub", mintedClient, "cli", mintedSecret, "s"), says: mintedTenant},
		"hosted needs the subscription": {minted: testSecret("m", mintedSubscription, "sub"), hosted: true, want: identity{subscription: "sub", group: "infra-rg"}},
		"hosted without a subscription": {minted: testSecret("m"), hosted: true, says: mintedSubscription},
	} {
		t.Run(name, func(t *testing.T) {
			in := storage.Inputs{UserSecret: c.user, MintedSecret: c.minted, Infrastructure: &configv1.Infrastructure{Status: configv1.InfrastructureStatus{
				PlatformStatus: &configv1.PlatformStatus{Azure: &configv1.AzurePlatformStatus{ResourceGroupName: "infra-rg"}},
			}}}
			got, err := identityFrom(in, c.hosted)
			if c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error is %v, want one about %s", err, c.says)
				}
				return
			}
			got.from = ""
			if err != nil || got != c.want {
				t.Errorf("identity is %+v, %v", got, err)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	coordinates := func(cloud configv1.AzureCloudEnvironment) storage.Coordinates {
		return storage.Coordinates{Azure: &imageregistryv1.ImageRegistryConfigStorageAzure{AccountName: "a", Container: "c", CloudName: string(cloud)}}
	}
	tail := []storage.EnvVar{{Name: "REGISTRY_STORAGE", Value: "azure"}, {Name: "REGISTRY_STORAGE_AZURE_CONTAINER", Value: "c"}, {Name: "REGISTRY_STORAGE_AZURE_ACCOUNTNAME", Value: "a"}}
	for name, c := range map[string]struct {
		cloud configv1.AzureCloudEnvironment
		facts storage.Facts
		want  []storage.EnvVar
		says  string
	}{
		"key in the Government cloud": {
			cloud: configv1.AzureUSGovernmentCloud, facts: storage.Facts{factAccountKey: []byte("k"), factRealm: []byte("core.usgovcloudapi.net")},
			want: append(append([]storage.EnvVar{{Name: "REGISTRY_STORAGE_AZURE_ACCOUNTKEY", Value: "k", Secret: true}}, tail...), storage.EnvVar{Name: "REGISTRY_STORAGE_AZURE_REALM", Value: "core.usgovcloudapi.net"}),
		},
		"federated token": {
			facts: storage.Facts{factClient: []byte("i"), factTenant: []byte("t"), factTokenFile: []byte("/f"), factAuthorityHost: []byte("https://h/"), factRealm: []byte("r")},
			want: append([]storage.EnvVar{
				{Name: "AZURE_CLIENT_ID", Value: "i"}, {Name: "AZURE_TENANT_ID", Value: "t"}, {Name: "AZURE_FEDERATED_TOKEN_FILE", Value: "/f"}, {Name: "AZURE_AUTHORITY_HOST", Value: "https://h/"},
			}, tail...),
		},
		"no credentials": {facts: storage.Facts{}, says: "have not been recorded"},
		"no realm":       {cloud: "AzurePublicCloud", facts: storage.Facts{factAccountKey: []byte("k")}, says: "realm"},
	} {
		got, err := settings(coordinates(c.cloud), c.facts)
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if diff := cmp.Diff(storage.Settings{Env: c.want}, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestForgetsGeneratedNamesOnly(t *testing.T) {
	for name, ours := range map[string]bool{
		storage.RandomAccountName("infra-x1"): true, storage.RandomAccountName(""): true, storage.RandomName("infra-x1"): true, storage.RandomName(strings.Repeat("n", 60)): false,
		"mine": false, "image-registry": false, "imageregistry": false,
	} {
		c := storage.Coordinates{Azure: &imageregistryv1.ImageRegistryConfigStorageAzure{
			AccountName: name, Container: name, NetworkAccess: &imageregistryv1.AzureNetworkAccess{Internal: &imageregistryv1.AzureNetworkAccessInternal{PrivateEndpointName: name}},
		}}
		forget(&c)
		if (c.Azure.AccountName == "") != ours || (c.Azure.Container == "") != ours || (c.Azure.NetworkAccess.Internal.PrivateEndpointName == "") != ours {
			t.Errorf("%s: forgotten is %t, want %t", name, c.Azure.AccountName == "", ours)
		}
	}
}

// TestWhatAnAccountOfOursLacks is told by what is sent to Azure.
func TestWhatAnAccountOfOursLacks(t *testing.T) {
	tags := map[string]*string{"kubernetes.io_cluster.infra": to.Ptr("owned"), "theirs": to.Ptr("stays")}
	made := func(change func(*armstorage.AccountProperties)) *armstorage.AccountProperties {
		p := &armstorage.AccountProperties{
			AllowBlobPublicAccess: to.Ptr(false), EnableHTTPSTrafficOnly: to.Ptr(true), MinimumTLSVersion: to.Ptr(armstorage.MinimumTLSVersionTLS12),
		}
		change(p)
		return p
	}
	asMade := func(*armstorage.AccountProperties) {}
	for name, c := range map[string]struct {
		stack, federated bool
		tags             map[string]*string
		properties       *armstorage.AccountProperties
		want             string
	}{
		"nothing":                  {tags: tags, properties: made(asMade)},
		"the mark":                 {tags: map[string]*string{"theirs": to.Ptr("stays")}, properties: made(asMade), want: `{"tags":{"kubernetes.io_cluster.infra":"owned","theirs":"stays"}}`},
		"the mark, on a Stack Hub": {stack: true, properties: &armstorage.AccountProperties{}, want: `{"tags":{"kubernetes.io_cluster.infra":"owned"}}`},
		"nothing, on a Stack Hub":  {stack: true, tags: tags, properties: &armstorage.AccountProperties{}},
		"all that is set on creation": {
			tags: tags, properties: &armstorage.AccountProperties{},
			want: `{"properties":{"allowBlobPublicAccess":false,"minimumTlsVersion":"TLS1_2","supportsHttpsTrafficOnly":true}}`,
		},
		"privacy": {
			tags: tags, properties: made(func(p *armstorage.AccountProperties) { p.AllowBlobPublicAccess = to.Ptr(true) }),
			want: `{"properties":{"allowBlobPublicAccess":false}}`,
		},
		"HTTPS": {
			tags: tags, properties: made(func(p *armstorage.AccountProperties) { p.EnableHTTPSTrafficOnly = to.Ptr(false) }),
			want: `{"properties":{"supportsHttpsTrafficOnly":true}}`,
		},
		"a new TLS": {
			tags: tags, properties: made(func(p *armstorage.AccountProperties) { p.MinimumTLSVersion = to.Ptr(armstorage.MinimumTLSVersionTLS11) }),
			want: `{"properties":{"minimumTlsVersion":"TLS1_2"}}`,
		},
		"nothing, and has a newer TLS": {
			tags: tags, properties: made(func(p *armstorage.AccountProperties) { p.MinimumTLSVersion = to.Ptr(armstorage.MinimumTLSVersionTLS13) }),
		},
		"keys": {
			tags: tags, properties: made(func(p *armstorage.AccountProperties) { p.AllowSharedKeyAccess = to.Ptr(false) }),
			want: `{"properties":{"allowSharedKeyAccess":true}}`,
		},
		"the end of keys": {federated: true, tags: tags, properties: made(asMade), want: `{"properties":{"allowSharedKeyAccess":false}}`},
	} {
		b := &backend{infrastructure: "infra", cloud: Cloud{stack: c.stack}}
		if c.federated {
			b.identity.tokenFile = "/token"
		}
		update, differs := b.accountUpdate(&armstorage.Account{Tags: c.tags, Properties: c.properties})
		sent := ""
		if differs {
			text, err := json.Marshal(update)
			if err != nil {
				t.Fatal(err)
			}
			sent = string(text)
		}
		if sent != c.want {
			t.Errorf("%s: sent is %s, want %s", name, sent, c.want)
		}
	}
}

func TestKeysAge(t *testing.T) {
	var k keys
	now := time.Unix(1e9, 0)
	a, other := keyOf{"g", "a"}, keyOf{"other", "a"}
	k.set(a, "one", now)
	for name, c := range map[string]struct {
		of            keyOf
		at            time.Duration
		key, previous string
	}{
		"fresh":         {a, keyAge - time.Second, "one", "one"},
		"old":           {a, keyAge, "", "one"},
		"another group": {other, 0, "", ""},
		"other account": {keyOf{"g", "b"}, 0, "", ""},
	} {
		if key, previous := k.get(c.of, now.Add(c.at)); key != c.key || previous != c.previous {
			t.Errorf("%s: %q, %q", name, key, previous)
		}
	}
	k.expire(a)
	k.expire(other)
	if key, previous := k.get(a, now); key != "" || previous != "one" {
		t.Errorf("expired: %q, %q", key, previous)
	}
}

func TestMessagesAreTheSameForTheSameFault(t *testing.T) {
	for message, want := range map[string]string{
		"Refused.\nRequestId:1\nTime:2":                                         "Refused",
		"AADSTS7: Invalid secret. Trace ID: 1 Correlation ID: 2 Timestamp: 3":   "AADSTS7: Invalid secret",
		"The client 'x' does not have authorization (CorrelationId is no word)": "The client 'x' does not have authorization (CorrelationId is no word)",
	} {
		if got := firstLine(message); got != want {
			t.Errorf("%q becomes %q, want %q", message, got, want)
		}
	}
}

func TestIdentityFilePath(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, valid := range map[string]bool{file: true, "relative": false, dir + "/x/../f": false, dir: false, file + "-missing": false} {
		if err := checkPath(path); (err == nil) != valid {
			t.Errorf("%s: %v", path, err)
		}
	}
}
