package s3server_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/s3server"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/s3server/s3test"
)

var ignoreSDK = cmpopts.IgnoreUnexported(
	types.PublicAccessBlockConfiguration{}, types.ServerSideEncryptionConfiguration{},
	types.ServerSideEncryptionRule{}, types.ServerSideEncryptionByDefault{}, types.LifecycleRule{},
	types.LifecycleRuleFilter{}, types.AbortIncompleteMultipartUpload{}, types.Tag{},
)

func TestPublicAccessBlockRoundTrip(t *testing.T) {
	client := mainClient(t)
	in := bucket(t, client)
	get := func() (*s3.GetPublicAccessBlockOutput, error) {
		return client.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: in})
	}
	all := &types.PublicAccessBlockConfiguration{
		BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true),
		IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
	}
	got, err := get()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(all, got.PublicAccessBlockConfiguration, ignoreSDK); diff != "" {
		t.Errorf("of a new bucket: %s", diff)
	}
	want := &types.PublicAccessBlockConfiguration{
		BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(false),
		IgnorePublicAcls: aws.Bool(false), RestrictPublicBuckets: aws.Bool(true),
	}
	if _, err := client.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{
		Bucket: in, PublicAccessBlockConfiguration: want,
	}); err != nil {
		t.Fatal(err)
	}
	if got, err = get(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.PublicAccessBlockConfiguration, ignoreSDK); diff != "" {
		t.Errorf("after PUT: %s", diff)
	}
	if _, err := client.DeletePublicAccessBlock(t.Context(), &s3.DeletePublicAccessBlockInput{Bucket: in}); err != nil {
		t.Fatal(err)
	}
	_, err = get()
	wantError(t, err, 404, "NoSuchPublicAccessBlockConfiguration")
}

func encryptionRules(t *testing.T, client *s3.Client, in *string) []types.ServerSideEncryptionRule {
	t.Helper()
	got, err := client.GetBucketEncryption(t.Context(), &s3.GetBucketEncryptionInput{Bucket: in})
	if err != nil {
		t.Fatal(err)
	}
	return got.ServerSideEncryptionConfiguration.Rules
}

func TestEncryptionRoundTrip(t *testing.T) {
	client := mainClient(t)
	in := bucket(t, client)
	rules := func(algorithm types.ServerSideEncryption, key *string, bucketKey bool) []types.ServerSideEncryptionRule {
		return []types.ServerSideEncryptionRule{{
			BucketKeyEnabled: aws.Bool(bucketKey),
			ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{
				SSEAlgorithm: algorithm, KMSMasterKeyID: key,
			},
		}}
	}
	initial := rules(types.ServerSideEncryptionAes256, nil, false)
	if diff := cmp.Diff(initial, encryptionRules(t, client, in), ignoreSDK); diff != "" {
		t.Errorf("of a new bucket: %s", diff)
	}
	want := rules(types.ServerSideEncryptionAwsKms, aws.String("arn:aws:kms:key"), true)
	if _, err := client.PutBucketEncryption(t.Context(), &s3.PutBucketEncryptionInput{
		Bucket: in, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: want},
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, encryptionRules(t, client, in), ignoreSDK); diff != "" {
		t.Errorf("after PUT: %s", diff)
	}
	if _, err := client.DeleteBucketEncryption(t.Context(), &s3.DeleteBucketEncryptionInput{Bucket: in}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(initial, encryptionRules(t, client, in), ignoreSDK); diff != "" {
		t.Errorf("after DELETE: %s", diff)
	}
}

func putLifecycle(t *testing.T, client *s3.Client, in *string) []types.LifecycleRule {
	t.Helper()
	rules := []types.LifecycleRule{{
		ID: aws.String("cleanup"), Status: types.ExpirationStatusEnabled,
		Filter:                         &types.LifecycleRuleFilter{Prefix: aws.String("")},
		AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(1)},
	}}
	if _, err := client.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{
		Bucket: in, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules},
	}); err != nil {
		t.Fatal(err)
	}
	return rules
}

func TestLifecycleRoundTrip(t *testing.T) {
	client := mainClient(t)
	in := bucket(t, client)
	get := func() ([]types.LifecycleRule, error) {
		got, err := client.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: in})
		if err != nil {
			return nil, err
		}
		return got.Rules, nil
	}
	_, err := get()
	wantError(t, err, 404, "NoSuchLifecycleConfiguration")
	want := putLifecycle(t, client, in)
	got, err := get()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, ignoreSDK); diff != "" {
		t.Errorf("after PUT: %s", diff)
	}
	if _, err := client.DeleteBucketLifecycle(t.Context(), &s3.DeleteBucketLifecycleInput{Bucket: in}); err != nil {
		t.Fatal(err)
	}
	_, err = get()
	wantError(t, err, 404, "NoSuchLifecycleConfiguration")
}

// The listener for tests lists untagged buckets, too.
func TestTagsAreListed(t *testing.T) {
	client := mainClient(t)
	tagged, plain := bucket(t, client), unique(t)+"plain"
	if status := admin(t, http.MethodPut, "/buckets/"+plain+"?account=main", nil, nil); status != http.StatusCreated {
		t.Fatalf("status %d", status)
	}
	if _, err := client.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{
		Bucket: tagged, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}},
	}); err != nil {
		t.Fatal(err)
	}
	var buckets []s3server.Bucket
	admin(t, http.MethodGet, "/buckets", nil, &buckets)
	tags := map[string]map[string]string{}
	for _, found := range buckets {
		tags[found.Name] = found.Tags
	}
	if none, found := tags[plain]; !found || len(none) > 0 || tags[*tagged]["a"] != "b" {
		t.Errorf("listed tags are %v", tags)
	}
}

func TestTaggingRoundTrip(t *testing.T) {
	client := mainClient(t)
	in := bucket(t, client)
	get := func() ([]types.Tag, error) {
		got, err := client.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: in})
		if err != nil {
			return nil, err
		}
		return got.TagSet, nil
	}
	_, err := get()
	wantError(t, err, 404, "NoSuchTagSet")
	want := []types.Tag{
		{Key: aws.String("kubernetes.io/cluster/abc"), Value: aws.String("owned")},
		{Key: aws.String("Name"), Value: aws.String("abc-image-registry")},
	}
	if _, err := client.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{
		Bucket: in, Tagging: &types.Tagging{TagSet: want},
	}); err != nil {
		t.Fatal(err)
	}
	got, err := get()
	if err != nil {
		t.Fatal(err)
	}
	byKey := cmpopts.SortSlices(func(a, b types.Tag) bool { return *a.Key < *b.Key })
	if diff := cmp.Diff(want, got, ignoreSDK, byKey); diff != "" {
		t.Error(diff)
	}
}

func TestSettingsOfAMissingBucket(t *testing.T) {
	_, err := mainClient(t).GetBucketEncryption(t.Context(), &s3.GetBucketEncryptionInput{Bucket: aws.String("absent-one")})
	wantError(t, err, 404, "NoSuchBucket")
}

func TestSettingsDieWithTheirBucket(t *testing.T) {
	client := mainClient(t)
	in := bucket(t, client)
	putLifecycle(t, client, in)
	if _, err := client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: in}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: in}); err != nil {
		t.Fatal(err)
	}
	_, err := client.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: in})
	wantError(t, err, 404, "NoSuchLifecycleConfiguration")
}

func TestSettingsAndObjectsSurviveARestart(t *testing.T) {
	client := mainClient(t)
	in := bucket(t, client)
	putLifecycle(t, client, in)
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: in, Key: aws.String("k"), Body: strings.NewReader("v"),
	}); err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	client = mainClient(t)
	if _, err := client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: in, Key: aws.String("k")}); err != nil {
		t.Error(err)
	}
	got, err := client.GetBucketLifecycleConfiguration(t.Context(), &s3.GetBucketLifecycleConfigurationInput{Bucket: in})
	if err != nil || len(got.Rules) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// put sends a document that the SDK would not, signed with its signer.
func put(t *testing.T, bucket, query, body string, header http.Header) (int, string) {
	t.Helper()
	target := &url.URL{Scheme: "https", Host: bucket + "." + s3test.Domain, Path: "/", RawQuery: query + "="}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, target.String(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	hash := hex.EncodeToString(sum[:])
	request.Header = header.Clone()
	request.Header.Set("X-Amz-Content-Sha256", hash)
	keys := aws.Credentials{
		AccessKeyID: server.Accounts.Main.AccessKeyID, SecretAccessKey: server.Accounts.Main.SecretAccessKey,
	}
	if err := v4.NewSigner().SignHTTP(t.Context(), keys, request, hash, "s3", s3test.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: server.Transport()}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(bytes.TrimSpace(answer))
}

func withMD5(body string) http.Header {
	sum := md5.Sum([]byte(body))
	return http.Header{"Content-Md5": {base64.StdEncoding.EncodeToString(sum[:])}}
}

func TestDocumentsAreChecked(t *testing.T) {
	in := bucket(t, mainClient(t))
	const rule = "<Rule><ID>a</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>" +
		"<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>"
	const pab = "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>"
	life := func(rules string) string { return "<LifecycleConfiguration>" + rules + "</LifecycleConfiguration>" }
	sse := func(inner string) string {
		return "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>" + inner +
			"</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
	}
	for _, c := range []struct {
		name, query, body string
		status            int
		code              string
	}{
		{"a good block", "publicAccessBlock", pab, 200, ""},
		{"a good rule", "lifecycle", life(rule), 200, ""},
		{"a good algorithm", "encryption", sse("<SSEAlgorithm>AES256</SSEAlgorithm>"), 200, ""},
		{"no XML", "publicAccessBlock", "{}", 400, "MalformedXML"},
		{"nothing", "lifecycle", "", 400, "MalformedXML"},
		{"another document", "publicAccessBlock", life(rule), 400, "MalformedXML"},
		{"a value that is no boolean", "publicAccessBlock", strings.Replace(pab, "true", "yes", 1), 400, "MalformedXML"},
		{"an element that is not in the schema", "publicAccessBlock", strings.ReplaceAll(pab, "BlockPublicAcls", "BlockAcls"), 400, "MalformedXML"},
		{"an unknown algorithm", "encryption", sse("<SSEAlgorithm>ROT13</SSEAlgorithm>"), 400, "MalformedXML"},
		{"a key without KMS", "encryption", sse("<SSEAlgorithm>AES256</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID>"), 400, "InvalidArgument"},
		{"no encryption rule", "encryption", "<ServerSideEncryptionConfiguration/>", 400, "MalformedXML"},
		{"no lifecycle rule", "lifecycle", life(""), 400, "MalformedXML"},
		{"a rule without a filter", "lifecycle", life(strings.Replace(rule, "<Filter><Prefix></Prefix></Filter>", "", 1)), 400, "MalformedXML"},
		{"a rule that does nothing", "lifecycle", life("<Rule><Status>Enabled</Status><Prefix/></Rule>"), 400, "MalformedXML"},
		{"a rule with an odd status", "lifecycle", life(strings.Replace(rule, "Enabled", "On", 1)), 400, "MalformedXML"},
		{"a rule after zero days", "lifecycle", life(strings.Replace(rule, ">1<", ">0<", 1)), 400, "InvalidArgument"},
		{"two rules of one name", "lifecycle", life(rule + rule), 400, "InvalidArgument"},
		{"a rule of a kind not done here", "lifecycle", life(strings.Replace(rule, "<Status>", "<Transition/><Status>", 1)), 501, "NotImplemented"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, answer := put(t, *in, c.query, c.body, withMD5(c.body))
			if status != c.status || !strings.Contains(answer, "<Code>"+c.code+"</Code>") && c.code != "" {
				t.Errorf("%d %s, want %d %s", status, answer, c.status, c.code)
			}
		})
	}
	if status, answer := put(t, *in, "lifecycle", life(rule), http.Header{}); status != 400 || !strings.Contains(answer, "Content-MD5") {
		t.Errorf("without a checksum: %d %s", status, answer)
	}
	if status, answer := put(t, *in, "lifecycle", life(rule), withMD5("other")); status != 400 || !strings.Contains(answer, "BadDigest") {
		t.Errorf("with a wrong checksum: %d %s", status, answer)
	}
}
