package s3server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/s3server"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/s3server/s3test"
)

// server is shared by the tests: versitygw allows one per process. Each test has buckets of its own.
var server *s3test.Server

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "s3server-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if server, err = s3test.Start(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		code := m.Run()
		if err := server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "the server did not end well:", err)
			return 1
		}
		return code
	}())
}

func mainClient(t *testing.T) *s3.Client {
	t.Helper()
	return server.Client(server.Accounts.Main, false)
}

// unique is a bucket name that no other test has, nor an earlier run of this one (-count).
func unique(t *testing.T) string {
	t.Helper()
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	return name[:min(len(name), 50)] + "-" + strings.ToLower(rand.Text()[:8])
}

// bucket creates a bucket named after the test.
func bucket(t *testing.T, client *s3.Client) *string {
	t.Helper()
	name := unique(t)
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatalf("creating bucket %s: %v", name, err)
	}
	return &name
}

// wantError checks status and code as a client sees them.
func wantError(t *testing.T, err error, status int, code string) {
	t.Helper()
	var response *smithyhttp.ResponseError
	var api smithy.APIError
	if !errors.As(err, &response) || !errors.As(err, &api) {
		t.Fatalf("error %v, want %d %s", err, status, code)
	}
	if response.HTTPStatusCode() != status || api.ErrorCode() != code {
		t.Fatalf("error %d %s (%v), want %d %s", response.HTTPStatusCode(), api.ErrorCode(), err, status, code)
	}
}

func admin(t *testing.T, method, path string, body, into any) int {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if text, raw := body.(string); raw {
		data = []byte(text)
	}
	// Cleanups call too, when the test's own context is over.
	request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, server.AdminURL()+path, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			t.Fatalf("%s %s: %v in %q", method, path, err, answer)
		}
	}
	return response.StatusCode
}

// recorded returns the requests on a bucket since the number.
func recorded(t *testing.T, bucket string, after int64) []s3server.Record {
	t.Helper()
	var answer s3server.Requests
	admin(t, http.MethodGet, fmt.Sprintf("/requests?after=%d", after), nil, &answer)
	var found []s3server.Record
	for _, record := range answer.Requests {
		if record.Bucket == bucket {
			found = append(found, record)
		}
	}
	return found
}

func wantContent(t *testing.T, body io.ReadCloser, want []byte) {
	t.Helper()
	defer body.Close()
	got, err := io.ReadAll(body)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes came back, beginning with %.200q, %v", len(got), got, err)
	}
}

func TestObjectsInBothAddressingStyles(t *testing.T) {
	for name, pathStyle := range map[string]bool{"path": true, "virtual": false} {
		t.Run(name, func(t *testing.T) {
			client := server.Client(server.Accounts.Main, pathStyle)
			in := bucket(t, client)
			content := bytes.Repeat([]byte("0123456789"), 100_000)
			key := aws.String("docker/registry/v2/a b+c/ü/data")
			if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: in, Key: key, Body: bytes.NewReader(content),
				ACL: types.ObjectCannedACLPrivate, ServerSideEncryption: types.ServerSideEncryptionAes256,
			}); err != nil {
				t.Fatal(err)
			}
			got, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: in, Key: key})
			if err != nil {
				t.Fatal(err)
			}
			wantContent(t, got.Body, content)
			presigned, err := s3.NewPresignClient(client).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: in, Key: key})
			if err != nil {
				t.Fatal(err)
			}
			response, err := (&http.Client{Transport: server.Transport()}).Get(presigned.URL)
			if err != nil {
				t.Fatal(err)
			}
			wantContent(t, response.Body, content)
			var objects s3server.Objects
			admin(t, http.MethodGet, "/buckets/"+*in+"/objects", nil, &objects)
			if objects.Count != 1 || objects.Bytes != int64(len(content)) || objects.Objects[0].Key != *key {
				t.Errorf("the backend holds %+v", objects)
			}
		})
	}
}

func TestAnEndpointWithItsPort(t *testing.T) {
	_, port, err := net.SplitHostPort(server.Addresses.TLS)
	if err != nil {
		t.Fatal(err)
	}
	withPort := func(o *s3.Options) { o.BaseEndpoint = aws.String(s3test.Endpoint + ":" + port) }
	in := bucket(t, mainClient(t))
	for name, pathStyle := range map[string]bool{"path": true, "virtual": false} {
		client := server.Client(server.Accounts.Main, pathStyle)
		if _, err := client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: in}, withPort); err != nil {
			t.Errorf("%s style: %v", name, err)
		}
	}
	if records := recorded(t, *in, 0); len(records) != 3 {
		t.Errorf("recorded for this bucket: %+v", records)
	}
}

func TestMoreThanAPageOfObjectsIsListedAndDeleted(t *testing.T) {
	client := mainClient(t)
	in := bucket(t, client)
	const total = 1003
	for i := range total {
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: in, Key: aws.String(fmt.Sprintf("a/%04d", i)), Body: strings.NewReader("x"),
		}); err != nil {
			t.Fatal(err)
		}
	}
	var objects s3server.Objects
	admin(t, http.MethodGet, "/buckets/"+*in+"/objects", nil, &objects)
	if objects.Count != total {
		t.Fatalf("%d objects, want %d", objects.Count, total)
	}
	_, err := client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: in})
	wantError(t, err, 409, "BucketNotEmpty")
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: in})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var keys []types.ObjectIdentifier
		for _, object := range page.Contents {
			keys = append(keys, types.ObjectIdentifier{Key: object.Key})
		}
		if _, err := client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{
			Bucket: in, Delete: &types.Delete{Objects: keys},
		}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: in}); err != nil {
		t.Fatal(err)
	}
	_, err = client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: in})
	wantError(t, err, 404, "NotFound")
}

func TestABucketWithAnUnfinishedUploadCanBeDeleted(t *testing.T) {
	client := mainClient(t)
	in := bucket(t, client)
	if _, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: in, Key: aws.String("k"),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: in}); err != nil {
		t.Fatal(err)
	}
}

func TestWhoMayNot(t *testing.T) {
	mine, theirs := mainClient(t), server.Client(server.Accounts.Other, false)
	in := bucket(t, mine)
	stranger := server.Accounts.Main
	stranger.AccessKeyID = "AKIAUNKNOWN0000000"
	forger := server.Accounts.Main
	forger.SecretAccessKey = "not the secret"
	for _, c := range []struct {
		name         string
		client       *s3.Client
		code         string
		createCode   string
		createStatus int
	}{
		{"an unknown access key", server.Client(stranger, false), "InvalidAccessKeyId", "InvalidAccessKeyId", 403},
		{"a wrong secret", server.Client(forger, true), "SignatureDoesNotMatch", "SignatureDoesNotMatch", 403},
		{"another account", theirs, "AccessDenied", "BucketAlreadyExists", 409},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: in})
			wantError(t, err, 403, "Forbidden")
			_, err = c.client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: in})
			wantError(t, err, 403, c.code)
			_, err = c.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: in})
			wantError(t, err, c.createStatus, c.createCode)
			_, err = c.client.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: in})
			wantError(t, err, 403, c.code)
			_, err = c.client.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{
				Bucket: in, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{},
			})
			wantError(t, err, 403, c.code)
			_, err = c.client.GetBucketEncryption(t.Context(), &s3.GetBucketEncryptionInput{Bucket: in})
			wantError(t, err, 403, c.code)
			_, err = c.client.DeleteBucketLifecycle(t.Context(), &s3.DeleteBucketLifecycleInput{Bucket: in})
			wantError(t, err, 403, c.code)
			_, err = c.client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: in})
			wantError(t, err, 403, c.code)
		})
	}
	_, err := mine.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: in})
	wantError(t, err, 409, "BucketAlreadyOwnedByYou")
}

func TestWrongRegion(t *testing.T) {
	client := server.Client(server.Accounts.Main, false)
	_, err := client.ListBuckets(t.Context(), &s3.ListBucketsInput{}, func(o *s3.Options) { o.Region = "eu-west-1" })
	wantError(t, err, 400, "AuthorizationHeaderMalformed")
}

func TestAForeignHostNameIsRefused(t *testing.T) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+server.Addresses.TLS+"/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "s3.elsewhere.test"
	response, err := (&http.Client{Transport: server.Transport()}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 400 {
		t.Errorf("%s", response.Status)
	}
}

func TestAdminMakesABucketOfTheOtherAccount(t *testing.T) {
	name := unique(t)
	if status := admin(t, http.MethodPut, "/buckets/"+name+"?account=other", nil, nil); status != 201 {
		t.Fatalf("status %d", status)
	}
	_, err := mainClient(t).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name})
	wantError(t, err, 409, "BucketAlreadyExists")
	var buckets []s3server.Bucket
	admin(t, http.MethodGet, "/buckets", nil, &buckets)
	for _, found := range buckets {
		if found.Name == name {
			if found.Account != "other" || found.Owner != server.Accounts.Other.AccessKeyID {
				t.Errorf("it is listed as %+v", found)
			}
			return
		}
	}
	t.Errorf("it is not in %+v", buckets)
}

func TestAdminRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		method, path, body string
		status             int
	}{
		"a bucket of nobody":           {http.MethodPut, "/buckets/nobodys", "", 400},
		"a bucket that exists":         {http.MethodPut, "/buckets/testadminrefuses?account=other", "", 409},
		"objects of a missing bucket":  {http.MethodGet, "/buckets/missing/objects", "", 404},
		"a number that is none":        {http.MethodGet, "/requests?after=x", "", 400},
		"a fault with a misspelt name": {http.MethodPut, "/faults", `[{"mtach":{},"status":500}]`, 400},
		"a fault without effect":       {http.MethodPut, "/faults", `[{"match":{"bucket":"b"}}]`, 400},
		"a fault that succeeds":        {http.MethodPut, "/faults", `[{"status":200}]`, 400},
		"a fault on a lower-case verb": {http.MethodPut, "/faults", `[{"match":{"method":"put"},"status":500}]`, 400},
		"a fault on a relative path":   {http.MethodPut, "/faults", `[{"match":{"pathPrefix":"a"},"status":500}]`, 400},
		"an unknown path":              {http.MethodGet, "/bucket", "", 404},
	} {
		t.Run(name, func(t *testing.T) {
			if c.status == 409 {
				admin(t, http.MethodPut, c.path, "", nil)
			}
			if got := admin(t, c.method, c.path, c.body, nil); got != c.status {
				t.Errorf("status %d, want %d", got, c.status)
			}
		})
	}
}
