package ibmcos_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

func reasons(result storage.Result) string {
	list := make([]string, 0, len(result.Conditions))
	for _, c := range result.Conditions {
		list = append(list, c.Type+"="+string(c.Status)+"/"+c.Reason)
	}
	return strings.Join(list, " ")
}

// TestStepsOfANewBucket pins what is recorded before what is made, and what is asked for.
func TestStepsOfANewBucket(t *testing.T) {
	s := startServer(t)
	in := s.inputs(t, "")
	type round struct {
		Instance, Key bool
		Conditions    string
		Created       bool
	}
	var rounds []round
	var bucket string
	for len(rounds) < 10 {
		next, result := step(t, in)
		in = next
		c := in.Coordinates.IBMCOS
		if bucket == "" {
			bucket = c.Bucket
		}
		if c.Bucket != bucket || len(bucket) != 62 || c.Location != location || c.ResourceGroupName != group {
			t.Fatalf("coordinates are %+v, the first bucket was %s", c, bucket)
		}
		rounds = append(rounds, round{c.ServiceInstanceCRN != "", c.ResourceKeyCRN != "", reasons(result), result.Created})
		if result.RetryAfter == 0 {
			break
		}
	}
	want := []round{
		{false, false, "StorageExists=False/IBM COS Instance Creation Successful", false},
		{true, false, "StorageExists=False/IBM COS Resource Key Creation Successful", false},
		{true, true, "StorageExists=True/Creation Successful", true},
	}
	if diff := cmp.Diff(want, rounds); diff != "" {
		t.Errorf("rounds (-want +got):\n%s", diff)
	}
	var instances []struct{ Name string }
	s.Call(t, "admin", http.MethodGet, "/instances", nil, &instances)
	if len(instances) != 1 || instances[0].Name != infra+"-image-registry" {
		t.Errorf("instances are %+v", instances)
	}
}

// TestCrashes repeats each step as if what it made had never been recorded: one instance and one key are made.
func TestCrashes(t *testing.T) {
	s := startServer(t)
	in := s.inputs(t, "")
	requests := s.requests(t, func() {
		for range 3 {
			b, err := driver(t).New(in)
			if err != nil {
				t.Fatal(err)
			}
			if in.Coordinates.IBMCOS.Bucket == "" {
				in.Coordinates.IBMCOS.Bucket = "written-ahead"
			}
			// Without a Plan in between, as after a crash between creation and record.
			for range 2 {
				if b, err = driver(t).New(in); err != nil {
					t.Fatal(err)
				}
				if _, err := b.Ensure(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			plan, err := b.Plan(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			in.Coordinates = plan.Coordinates
		}
	})
	made := map[string]int{}
	for _, r := range requests {
		if r.Method == http.MethodPost {
			made[r.Path]++
		}
	}
	if made["/v2/resource_instances"] != 1 || made["/v2/resource_keys"] != 1 {
		t.Errorf("creations are %v", made)
	}
	if buckets := s.buckets(t); len(buckets) != 1 {
		t.Errorf("buckets are %v", buckets)
	}
}

// TestCheckIsOneCall is the steady state: nothing of the services once there is a token, and one HEAD of the bucket.
func TestCheckIsOneCall(t *testing.T) {
	s := startServer(t)
	in, _ := s.settled(t, s.inputs(t, ""))
	d := driver(t)
	check := func() {
		t.Helper()
		b, err := d.New(in)
		if err != nil {
			t.Fatal(err)
		}
		if plan, err := b.Plan(t.Context()); err != nil || !plan.Exists || plan.Condition.Reason != "IBM COS Bucket Exists" {
			t.Errorf("plan: %+v, %v", plan, err)
		}
	}
	check()
	before := s.storageRequests(t)
	if asked := s.requests(t, check); len(asked) != 0 {
		t.Errorf("services were asked: %v", asked)
	}
	if asked := s.storageRequests(t)[len(before):]; len(asked) != 1 || asked[0].Method != http.MethodHead {
		t.Errorf("storage was asked: %v", asked)
	}
}

type storageRecord struct {
	Method, Bucket, Key string
	Query               []string
	UserAgent           string `json:"userAgent"`
}

func (s *server) storageRequests(t *testing.T) []storageRecord {
	t.Helper()
	var answer struct{ Requests []storageRecord }
	s.Call(t, "s3admin", http.MethodGet, "/requests", nil, &answer)
	return answer.Requests
}

// TestRefusedTokenIsReplaced: IBM may end a token before its time; the next call must not come with it again.
func TestRefusedTokenIsReplaced(t *testing.T) {
	s := startServer(t)
	in, _ := s.settled(t, s.inputs(t, ""))
	d := driver(t)
	plan := func() error {
		b, err := d.New(in)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Plan(t.Context())
		return err
	}
	if err := plan(); err != nil {
		t.Fatal(err)
	}
	s.Call(t, "admin", http.MethodDelete, "/tokens", nil, nil)
	if err := plan(); err == nil || !strings.Contains(err.Error(), "InvalidToken") {
		t.Errorf("a refused token: %v", err)
	}
	if err := plan(); err != nil {
		t.Errorf("the token was not replaced: %v", err)
	}
}

// TestInstanceIsReplaced: an instance that is gone takes its key along, and both are replaced without anybody's help, also
// while the key of the old one still exists.
func TestInstanceIsReplaced(t *testing.T) {
	s := startServer(t)
	in, before := s.settled(t, s.inputs(t, ""))
	s.setState(t, infra+"-image-registry", "pending_reclamation")
	_, after := s.settled(t, in)
	old, now := before.Coordinates.IBMCOS, after.Coordinates.IBMCOS
	if now.ServiceInstanceCRN == old.ServiceInstanceCRN || now.ResourceKeyCRN == old.ResourceKeyCRN || now.Bucket == old.Bucket {
		t.Errorf("coordinates are %+v, were %+v", now, old)
	}
}

// TestContent reads and writes with the operator's own credentials.
func TestContent(t *testing.T) {
	s := startServer(t)
	in, result := s.settled(t, s.inputs(t, ""))
	in.Coordinates = result.Coordinates
	content, err := driver(t).Content(in)
	if err != nil {
		t.Fatal(err)
	}
	const path, text = "docker/registry/v2/x", "content"
	if err := content.Write(t.Context(), path, int64(len(text)), strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	reader, err := content.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if got, err := io.ReadAll(reader); err != nil || string(got) != text {
		t.Errorf("read %q, %v", got, err)
	}
	var files []storage.File
	if err := content.List(t.Context(), "docker/", func(f storage.File) error { files = append(files, f); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 || files[0] != (storage.File{Path: path, Size: int64(len(text))}) {
		t.Errorf("files are %v", files)
	}
}
