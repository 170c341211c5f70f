package s3

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/s3api"
)

const ownTags = `<Tagging><TagSet><Tag><Key>kubernetes.io/cluster/infra</Key><Value>owned</Value></Tag></TagSet></Tagging>`

// expectFailure compares what StorageExists would show.
func expectFailure(t *testing.T, err error, want, text string) *storage.Error {
	t.Helper()
	var e *storage.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T %v", err, err)
	}
	if got := string(e.Status) + "/" + e.ConditionReason; got != want {
		t.Errorf("StorageExists is %s, want %s: %s", got, want, e.Message)
	}
	if !strings.Contains(e.Message, text) {
		t.Errorf("message %q does not say %q", e.Message, text)
	}
	if strings.Contains(e.Message, "s3cr3t") || strings.Contains(e.Message, "RequestId") || strings.Contains(e.Message, "RequestID") {
		t.Errorf("message %q says what it should not", e.Message)
	}
	return e
}

func TestLookReasons(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answers map[string][]answer
		want    string
		text    string
	}{
		{
			"a wrong region names the right one",
			map[string][]answer{"HEAD": {{status: 301, headers: map[string]string{"x-amz-bucket-region": "eu-west-3"}}}},
			"Unknown/Unknown Error Occurred", "BucketRegionError: the bucket is in another region than us-west-2, namely eu-west-3",
		},
		{
			"a wrong key is told from a missing bucket",
			map[string][]answer{"HEAD": fails(403, ""), "GET location": fails(403, "InvalidAccessKeyId")},
			"False/InvalidAccessKeyId", "secret openshift-image-registry/installer-cloud-credentials",
		},
		{
			"a wrong secret is told from a missing bucket",
			map[string][]answer{"HEAD": fails(403, ""), "GET location": fails(403, "SignatureDoesNotMatch")},
			"False/SignatureDoesNotMatch", "correct the secret",
		},
		{
			"an expired token is told from a bad request",
			map[string][]answer{"HEAD": fails(400, ""), "GET location": fails(400, "ExpiredToken")},
			"False/ExpiredToken", "ExpiredToken",
		},
		{
			"a server that fails is unknown",
			map[string][]answer{"HEAD": fails(500, "")},
			"Unknown/Unknown Error Occurred", "InternalServerError",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript(t, tt.answers)
			_, err := s.backend(t, "bucket").Plan(t.Context())
			e := expectFailure(t, err, tt.want, tt.text)
			if e.Permanent || e.Reason != "" {
				t.Errorf("the error is permanent: %+v", e)
			}
			if n := s.count("PUT"); n != 0 {
				t.Errorf("a bucket was created: %v", s.calls)
			}
		})
	}
}

func TestMessagesAreTheSameEachTime(t *testing.T) {
	s := newScript(t, map[string][]answer{"HEAD": fails(404, ""), "PUT": fails(403, "AccessDenied")})
	_, first := s.backend(t, "bucket").Ensure(t.Context())
	_, second := s.backend(t, "bucket").Ensure(t.Context())
	if first == nil || first.Error() != second.Error() {
		t.Errorf("messages differ:\n%v\n%v", first, second)
	}
}

func TestCreateReasons(t *testing.T) {
	for _, tt := range []struct {
		name    string
		bucket  string
		answers map[string][]answer
		want    string
		text    string
		created bool
	}{
		{"success", "bucket", map[string][]answer{"HEAD": {{status: 404}, {status: 200}}}, "", "", true},
		{"already ours under the generated name", "infra-image-registry-us-west-2", map[string][]answer{"HEAD": {{status: 404}, {status: 200}}, "PUT": fails(409, "BucketAlreadyOwnedByYou")}, "", "", true},
		{"already ours under another name", "bucket", map[string][]answer{"HEAD": {{status: 404}, {status: 200}}, "PUT": fails(409, "BucketAlreadyOwnedByYou")}, "", "", false},
		{"somebody else's", "bucket", map[string][]answer{"HEAD": fails(404, ""), "PUT": fails(409, "BucketAlreadyExists")}, "False/Unable to Access Bucket", "taken by another account", false},
		{"a bucket that refuses us is tried to be created", "bucket", map[string][]answer{"HEAD": fails(403, ""), "GET location": fails(403, "AccessDenied"), "PUT": fails(409, "BucketAlreadyExists")}, "False/Unable to Access Bucket", "bucket", false},
		{"a wrong key", "bucket", map[string][]answer{"HEAD": fails(404, ""), "PUT": fails(403, "InvalidAccessKeyId")}, "False/InvalidAccessKeyId", "does not accept the credentials", false},
		{"a name that is not valid", "bucket", map[string][]answer{"HEAD": fails(404, ""), "PUT": fails(400, "InvalidBucketName")}, "False/InvalidBucketName", "message of InvalidBucketName", false},
		{"a failure while waiting", "bucket", map[string][]answer{"HEAD": {{status: 404}, {status: 405}}}, "False/MethodNotAllowed", "waiting for bucket", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript(t, tt.answers)
			result, err := s.backend(t, tt.bucket).Ensure(t.Context())
			if tt.want != "" {
				if e := expectFailure(t, err, tt.want, tt.text); e.Permanent {
					t.Error("the error is permanent")
				}
				return
			}
			if err != nil || result.Created != tt.created || result.Conditions[0].Reason != "Creation Successful" {
				t.Errorf("result is %+v, %v", result, err)
			}
		})
	}
}

func TestCreationSendsTheRegion(t *testing.T) {
	for region, want := range map[string]string{"us-east-1": "", "eu-west-3": "<LocationConstraint>eu-west-3</LocationConstraint>"} {
		s := newScript(t, map[string][]answer{"HEAD": {{status: 404}, {status: 200}}})
		b := s.backend(t, "bucket", func(in *storage.Inputs) { in.Coordinates.S3.Region = region })
		if _, err := b.Ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.Join(s.bodies, ""), "LocationConstraint"); got != (want != "") || !strings.Contains(strings.Join(s.bodies, ""), want) {
			t.Errorf("region %s: bodies %q", region, s.bodies)
		}
	}
}

func TestABucketThatDoesNotShowUpIsWaitedFor(t *testing.T) {
	s := newScript(t, map[string][]answer{"HEAD": fails(404, "")})
	result, err := s.backend(t, "bucket").Ensure(t.Context())
	if err != nil || result.RetryAfter != s3api.SettleDelay || !result.Created || result.Conditions[0].Reason != "ResourceNotReady" {
		t.Errorf("result is %+v, %v", result, err)
	}
}

func TestRetryAfterIsLeftToTheCaller(t *testing.T) {
	slow := []answer{{status: 503, headers: map[string]string{"Retry-After": "77"}}}
	s := newScript(t, map[string][]answer{"HEAD": slow})
	_, err := s.backend(t, "bucket").Plan(t.Context())
	e := expectFailure(t, err, "Unknown/Unknown Error Occurred", "ServiceUnavailable")
	if e.RetryAfter != 77*time.Second || s.count("HEAD") != 1 {
		t.Errorf("retry after %s, %d calls", e.RetryAfter, s.count("HEAD"))
	}
}

func TestFaultsThatPassAreRetriedThreeTimes(t *testing.T) {
	s := newScript(t, map[string][]answer{"HEAD": {{status: 503}, {status: 500}, {status: 200}}})
	plan, err := s.backend(t, "bucket").Plan(t.Context())
	if err != nil || !plan.Exists || s.count("HEAD") != 3 {
		t.Errorf("plan %+v, %v after %v", plan, err, s.calls)
	}
	s = newScript(t, map[string][]answer{"HEAD": fails(503, "")})
	if _, err := s.backend(t, "bucket").Plan(t.Context()); err == nil || s.count("HEAD") != 3 {
		t.Errorf("error %v after %v", err, s.calls)
	}
}

func TestPlanDecision(t *testing.T) {
	const generated = "infra-image-registry-us-west-2"
	for _, tt := range []struct {
		name    string
		bucket  string
		edits   []func(*storage.Inputs)
		answers map[string][]answer
		state   string
		exists  bool
		calls   string
	}{
		{"no name needs no call", "", nil, nil, "Managed", false, ""},
		{"a name that is there is Unmanaged", "bucket", []func(*storage.Inputs){decide}, nil, "Unmanaged", true, "HEAD"},
		{"a name that is absent is Managed", "bucket", []func(*storage.Inputs){decide}, map[string][]answer{"HEAD": fails(404, "")}, "Managed", false, "HEAD"},
		{"a name that refuses us is Unmanaged", "bucket", []func(*storage.Inputs){decide}, map[string][]answer{"HEAD": fails(403, ""), "GET location": fails(403, "AccessDenied")}, "Unmanaged", false, "HEAD GET location"},
		{"the generated name with our tag is Managed", generated, []func(*storage.Inputs){decide}, map[string][]answer{"GET tagging": gives(ownTags)}, "Managed", true, "HEAD GET tagging"},
		{"the generated name without our tag is Unmanaged", generated, []func(*storage.Inputs){decide}, map[string][]answer{"GET tagging": fails(404, "NoSuchTagSet")}, "Unmanaged", true, "HEAD GET tagging"},
		{"a name that we recorded to have created is Managed", "bucket", []func(*storage.Inputs){decide, created}, nil, "Managed", true, "HEAD"},
		{"without a decision to make it is one call", generated, nil, nil, "Managed", true, "HEAD"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript(t, tt.answers)
			plan, err := s.backend(t, tt.bucket, tt.edits...).Plan(t.Context())
			if err != nil || plan.ManagementState != tt.state || plan.Exists != tt.exists {
				t.Errorf("plan is %+v, %v", plan, err)
			}
			if got := strings.Join(s.calls, " "); got != tt.calls {
				t.Errorf("calls are %q, want %q", got, tt.calls)
			}
			if tt.bucket == "" && plan.Coordinates.S3.Bucket != generated {
				t.Errorf("bucket is %s", plan.Coordinates.S3.Bucket)
			}
		})
	}
}

func TestAnEndpointThatCannotBeReached(t *testing.T) {
	s := newScript(t, nil)
	b := s.backend(t, "bucket")
	s.server.Close()
	_, err := b.Plan(t.Context())
	e := expectFailure(t, err, "Unknown/Unknown Error Occurred", "S3 endpoint "+s.server.URL+" cannot be reached: dial: connect: connection refused; check spec.storage.s3.regionEndpoint, the cluster proxy")
	if e.Permanent {
		t.Error("an outage is permanent")
	}
}

func TestUnmanagedBucketsGetNoSettings(t *testing.T) {
	s := newScript(t, nil)
	result, err := s.backend(t, "bucket").Ensure(t.Context())
	if err != nil || strings.Join(s.calls, " ") != "HEAD" || len(result.Conditions) != 1 || result.Coordinates.S3.Encrypt {
		t.Errorf("%+v %v after %v", result, err, s.calls)
	}
}

func TestSettingsThatAServerDoesNotKnow(t *testing.T) {
	unknown := fails(501, "NotImplemented")
	s := newScript(t, map[string][]answer{
		"GET publicAccessBlock": unknown, "PUT publicAccessBlock": unknown, "GET encryption": unknown, "PUT encryption": unknown,
		"GET lifecycle": unknown, "PUT lifecycle": unknown, "GET tagging": unknown, "PUT tagging": unknown,
	})
	result, err := s.backend(t, "bucket", managed).Ensure(t.Context())
	if err != nil || result.Incomplete || result.Coordinates.S3.Encrypt {
		t.Fatalf("result is %+v, %v", result, err)
	}
	for _, c := range result.Conditions[1:] {
		if c.Status != "False" || c.Reason != "NotImplemented" {
			t.Errorf("condition is %+v", c)
		}
	}
	if len(result.Conditions) != 5 {
		t.Errorf("%d conditions", len(result.Conditions))
	}
}

func TestRemoveReasons(t *testing.T) {
	ours := gives(ownTags)
	empty := gives(`<ListVersionsResult/>`)
	for _, tt := range []struct {
		name    string
		answers map[string][]answer
		want    string
		text    string
	}{
		{"a bucket without our tag", map[string][]answer{"GET tagging": fails(404, "NoSuchTagSet")}, "True/StorageNotOwned", "kubernetes.io/cluster/infra=owned"},
		{"a bucket of another cluster", map[string][]answer{"GET tagging": gives(strings.ReplaceAll(ownTags, "infra", "other"))}, "True/StorageNotOwned", "managementState"},
		{"tags that cannot be read", map[string][]answer{"GET tagging": fails(403, "AccessDenied")}, "True/StorageNotOwned", "cannot be read (AccessDenied)"},
		{"tags that cannot be read for a while", map[string][]answer{"GET tagging": fails(500, "InternalError")}, "Unknown/InternalError", "reading the tags"},
		{"a refused deletion", map[string][]answer{"GET tagging": ours, "GET versions": empty, "DELETE": fails(403, "AccessDenied")}, "Unknown/AccessDenied", "deleting bucket"},
		{"a refused listing", map[string][]answer{"GET tagging": ours, "GET versions": fails(403, "AccessDenied"), "GET list-type": fails(403, "AccessDenied")}, "Unknown/AccessDenied", "emptying bucket"},
		{"versions that may not be listed", map[string][]answer{"GET tagging": ours, "GET versions": fails(403, "AccessDenied"), "DELETE": fails(409, "BucketNotEmpty")}, "Unknown/BucketNotEmpty", "s3:ListBucketVersions"},
		{"an end that cannot be seen", map[string][]answer{"GET tagging": ours, "GET versions": empty, "HEAD": {{status: 200}, {status: 405}}}, "True/MethodNotAllowed", "waiting for the end"},
		{"a refused object", map[string][]answer{
			"GET tagging": ours, "GET versions": gives(`<ListVersionsResult><Version><Key>k</Key><VersionId>v</VersionId></Version></ListVersionsResult>`),
			"POST delete": gives(`<DeleteResult><Error><Key>k</Key><Code>AccessDenied</Code><Message>locked</Message></Error></DeleteResult>`),
		}, "Unknown/AccessDenied", "locked"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript(t, tt.answers)
			progress, err := s.backend(t, "bucket").Remove(t.Context())
			if progress.Done {
				t.Error("done")
			}
			e := expectFailure(t, err, tt.want, tt.text)
			if notOwned := e.Reason == names.ReasonStorageNotOwned; notOwned != strings.HasSuffix(tt.want, names.ReasonStorageNotOwned) || notOwned != e.Permanent {
				t.Errorf("reason is %q", e.Reason)
			}
			if strings.HasSuffix(tt.want, names.ReasonStorageNotOwned) && (s.count("DELETE") > 0 || s.count("POST delete") > 0) {
				t.Errorf("deleted what is not ours: %v", s.calls)
			}
		})
	}
}

func TestRemoveThatIsWaitedFor(t *testing.T) {
	ours, empty := gives(ownTags), gives(`<ListVersionsResult/>`)
	for name, answers := range map[string]map[string][]answer{
		"a bucket that is not empty yet":    {"GET tagging": ours, "GET versions": empty, "DELETE": fails(409, "BucketNotEmpty")},
		"a bucket that still shows up":      {"GET tagging": ours, "GET versions": empty, "DELETE": {{status: 204}}},
		"a bucket with unfinished uploads":  {"GET tagging": ours, "GET versions": empty, "GET uploads": gives(`<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><Upload><Key>k</Key><UploadId>u</UploadId></Upload></ListMultipartUploadsResult>`)},
		"a bucket with versions to be left": {"GET tagging": ours, "GET versions": gives(`<ListVersionsResult><Version><Key>k</Key><VersionId>v</VersionId></Version></ListVersionsResult>`)},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, answers)
			progress, err := s.backend(t, "bucket").Remove(t.Context())
			if err != nil || progress.Done || progress.Message == "" || progress.Conditions[0].Status != "True" {
				t.Errorf("progress is %+v, %v", progress, err)
			}
		})
	}
}

func TestEmptyDeletesVersionsMarkersAndUploads(t *testing.T) {
	s := newScript(t, map[string][]answer{
		"GET tagging": gives(ownTags),
		"GET versions": {{status: 200, body: `<ListVersionsResult><IsTruncated>false</IsTruncated>
			<Version><Key>plain</Key><VersionId>null</VersionId><IsLatest>true</IsLatest></Version>
			<Version><Key>old</Key><VersionId>null</VersionId><IsLatest>false</IsLatest></Version>
			<Version><Key>versioned</Key><VersionId>v1</VersionId><IsLatest>true</IsLatest></Version>
			<DeleteMarker><Key>gone</Key><VersionId>m1</VersionId><IsLatest>true</IsLatest></DeleteMarker></ListVersionsResult>`}, {status: 200, body: `<ListVersionsResult/>`}},
		"GET uploads": gives(`<ListMultipartUploadsResult><Upload><Key>part</Key><UploadId>u1</UploadId></Upload></ListMultipartUploadsResult>`),
		"HEAD":        {{status: 200}, {status: 404}},
	})
	progress, err := s.backend(t, "bucket").Remove(t.Context())
	if err != nil || !progress.Done {
		t.Fatalf("progress is %+v, %v after %v", progress, err, s.calls)
	}
	body := s.bodies[indexOf(s.calls, "POST delete")]
	for _, part := range []string{
		"<Key>plain</Key></Object>", "<Key>old</Key><VersionId>null</VersionId>", "<Key>versioned</Key><VersionId>v1</VersionId>", "<Key>gone</Key><VersionId>m1</VersionId>",
	} {
		if !strings.Contains(body, part) {
			t.Errorf("bulk delete lacks %s: %s", part, body)
		}
	}
	if strings.HasPrefix(body, "<") {
		t.Error("a custom endpoint gets no Content-MD5")
	}
	if s.count("DELETE uploadId") != 1 {
		t.Errorf("the upload was not aborted: %v", s.calls)
	}
}

func TestEmptyWithoutTheRightToListVersions(t *testing.T) {
	page := func(key, rest string) answer {
		return answer{status: 200, body: `<ListBucketResult><Contents><Key>` + key + `</Key></Contents>` + rest + `</ListBucketResult>`}
	}
	s := newScript(t, map[string][]answer{
		"GET tagging":  gives(ownTags),
		"GET versions": fails(403, "AccessDenied"),
		"GET list-type": {
			page("first", `<IsTruncated>true</IsTruncated><NextContinuationToken>token-1</NextContinuationToken>`), page("second", ""),
			{status: 200, body: `<ListBucketResult/>`},
		},
		"HEAD": {{status: 200}, {status: 404}},
	})
	progress, err := s.backend(t, "bucket").Remove(t.Context())
	if err != nil || !progress.Done {
		t.Fatalf("progress is %+v, %v after %v", progress, err, s.calls)
	}
	if n := s.count("POST delete"); n != 2 {
		t.Errorf("%d bulk deletes for two pages", n)
	}
	if !strings.Contains(strings.Join(s.queries, " "), "continuation-token=token-1") {
		t.Errorf("the second page was not asked for: %v", s.queries)
	}
}

func indexOf(list []string, item string) int {
	for i, have := range list {
		if have == item {
			return i
		}
	}
	return 0
}
