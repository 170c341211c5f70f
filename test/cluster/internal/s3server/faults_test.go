package s3server_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/s3server"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/s3server/s3test"
)

func inject(t *testing.T, list ...s3server.Fault) {
	t.Helper()
	if status := admin(t, http.MethodPut, "/faults", list, nil); status != 204 {
		t.Fatalf("status %d", status)
	}
	t.Cleanup(func() {
		request, err := http.NewRequest(http.MethodDelete, server.AdminURL()+"/faults", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	})
}

func last(t *testing.T) int64 {
	t.Helper()
	var answer s3server.Requests
	admin(t, http.MethodGet, "/requests", nil, &answer)
	return answer.Last
}

// eventually waits for a condition; what it saw last is printed where it does not come.
func eventually(t *testing.T, what string, condition func() (bool, any)) {
	t.Helper()
	deadline, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		done, seen := condition()
		if done {
			return
		}
		select {
		case <-deadline.Done():
			t.Fatalf("waiting for %s: last saw %+v", what, seen)
		case <-tick.C:
		}
	}
}

func TestRequestsAreRecordedWithoutSecrets(t *testing.T) {
	client := mainClient(t)
	before := last(t)
	in := bucket(t, client)
	_, _ = client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: in})
	_, err := client.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: in})
	wantError(t, err, 404, "NoSuchTagSet")
	if _, err := client.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{
		Bucket:                         in,
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)},
	}); err != nil {
		t.Fatal(err)
	}
	got := recorded(t, *in, before)
	if len(got) != 4 {
		t.Fatalf("%d records: %+v", len(got), got)
	}
	for i, want := range []s3server.Record{
		{Method: "PUT", Status: 200},
		{Method: "HEAD", Status: 200},
		{Method: "GET", Status: 404, Query: []string{"tagging"}, Code: "NoSuchTagSet"},
		{Method: "PUT", Status: 200, Query: []string{"publicAccessBlock"}},
	} {
		want.Bucket, want.Host, want.AccessKeyID = *in, *in+"."+s3test.Domain, server.Accounts.Main.AccessKeyID
		ignored := cmpopts.IgnoreFields(s3server.Record{}, "Seq", "Time", "UserAgent", "Body", "Millis")
		if diff := cmp.Diff(want, got[i], ignored, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("record %d: %s", i, diff)
		}
		if got[i].Seq <= before || got[i].Time.IsZero() {
			t.Errorf("record %d has number %d after %d, time %s", i, got[i].Seq, before, got[i].Time)
		}
		before = got[i].Seq
	}
	if !strings.Contains(got[3].Body, "<BlockPublicAcls>true</BlockPublicAcls>") {
		t.Errorf("the recorded document is %q", got[3].Body)
	}
}

func TestClearedRecordsDoNotComeBack(t *testing.T) {
	in := bucket(t, mainClient(t))
	before := last(t)
	if status := admin(t, http.MethodDelete, "/requests", nil, nil); status != 204 {
		t.Errorf("DELETE: %d", status)
	}
	if left := recorded(t, *in, 0); len(left) != 0 || last(t) < before {
		t.Errorf("after DELETE: %d records, last %d", len(left), last(t))
	}
}

func TestAFaultAnswersWhatItMatches(t *testing.T) {
	client := mainClient(t)
	in := bucket(t, client)
	inject(t,
		s3server.Fault{
			Match:  s3server.Match{Method: "PUT", Bucket: *in, Query: "tagging"},
			Status: 503, Code: "SlowDown", Message: "Reduce your request rate.", RetryAfter: 7, Times: 1,
		},
		s3server.Fault{
			Match:  s3server.Match{Method: "HEAD", Bucket: *in, BucketOnly: true},
			Status: 301, Headers: map[string]string{"x-amz-bucket-region": "eu-west-1"},
		},
		s3server.Fault{Match: s3server.Match{PathPrefix: "/docker/"}, Status: 403, Code: "AccessDenied"},
		s3server.Fault{Match: s3server.Match{Bucket: *in, UserAgent: "no-such-agent"}, Status: 500, Code: "InternalError"},
	)
	before := last(t)
	tag := func() error {
		_, err := client.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{
			Bucket: in, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}},
		})
		return err
	}
	wantError(t, tag(), 503, "SlowDown")
	if err := tag(); err != nil {
		t.Errorf("the fault was for one time: %v", err)
	}
	_, err := client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: in})
	wantError(t, err, 301, "MovedPermanently")
	_, err = client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: in, Key: aws.String("docker/x"), Body: strings.NewReader("v")})
	wantError(t, err, 403, "AccessDenied")
	if _, err = client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: in, Key: aws.String("other"), Body: strings.NewReader("v")}); err != nil {
		t.Error(err)
	}
	if _, err = client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: in, Key: aws.String("other")}); err != nil {
		t.Errorf("HEAD of an object is no HEAD of the bucket: %v", err)
	}
	records := recorded(t, *in, before)
	if records[0].Fault != "answer" || records[0].Code != "SlowDown" || records[1].Fault != "" {
		t.Errorf("records: %+v", records)
	}
	var faults []s3server.Fault
	admin(t, http.MethodGet, "/faults", nil, &faults)
	if len(faults) != 4 || faults[0].Hits != 1 || faults[1].Hits != 1 || faults[2].Hits != 1 || faults[3].Hits != 0 {
		t.Errorf("faults: %+v", faults)
	}
}

func TestADelayedRequestIsAnsweredInTheEnd(t *testing.T) {
	client := mainClient(t)
	in := bucket(t, client)
	before := last(t)
	inject(t, s3server.Fault{Match: s3server.Match{Bucket: *in}, Delay: s3server.Duration(60 * time.Millisecond)})
	if _, err := client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: in}); err != nil {
		t.Fatal(err)
	}
	got := recorded(t, *in, before)
	if len(got) != 1 || got[0].Fault != "delay" || got[0].Status != 200 || got[0].Millis < 60 {
		t.Errorf("records: %+v", got)
	}
}

func TestABlackholeHoldsUntilTheFaultsAreGone(t *testing.T) {
	client := mainClient(t)
	in := bucket(t, client)
	before := last(t)
	inject(t, s3server.Fault{Match: s3server.Match{Bucket: *in}, Blackhole: true})
	ended := make(chan error, 1)
	go func() {
		_, err := client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: in})
		ended <- err
	}()
	eventually(t, "the held request to be recorded", func() (bool, any) {
		got := recorded(t, *in, before)
		return len(got) == 1 && got[0].Fault == "blackhole" && got[0].Status == 0, got
	})
	select {
	case err := <-ended:
		t.Fatalf("it was answered: %v", err)
	default:
	}
	admin(t, http.MethodDelete, "/faults", nil, nil)
	err := <-ended
	var response interface{ HTTPStatusCode() int }
	if err == nil || errors.As(err, &response) && response.HTTPStatusCode() != 0 {
		t.Errorf("a held request ended with %v, want a broken connection", err)
	}
	if _, err := client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: in}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestTheProxyReachesOnlyTheServersNames(t *testing.T) {
	proxy, err := url.Parse(server.ProxyURL())
	if err != nil {
		t.Fatal(err)
	}
	transport := server.Transport()
	// No dialer of ours: the names exist nowhere but in the proxy.
	transport.DialContext, transport.Proxy = nil, http.ProxyURL(proxy)
	client := server.Client(server.Accounts.Main, false)
	through := func(o *s3.Options) { o.HTTPClient = &http.Client{Transport: transport} }
	in := bucket(t, client)
	if _, err := client.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: in}, through); err != nil {
		t.Error(err)
	}
	answer, err := (&http.Client{Transport: transport}).PostForm("https://"+s3test.STSHost+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusBadRequest {
		t.Errorf("a form without an action, to STS: %s", answer.Status)
	}
	for name, c := range map[string]struct{ address, want string }{
		"another name":        {"https://example.test/", "Forbidden"},
		"a name that ends so": {"https://evil" + s3test.Domain + "/", "Forbidden"},
		"another port":        {"https://" + s3test.Domain + ":22/", "Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			response, err := (&http.Client{Transport: transport}).Get(c.address)
			if err == nil {
				_ = response.Body.Close()
				t.Fatalf("a tunnel was opened; behind it: %s", response.Status)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, want %q", err, c.want)
			}
		})
	}
	response, err := (&http.Client{Transport: transport}).Get("http://" + s3test.Domain + "/")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a plain request: %s", response.Status)
	}
}
