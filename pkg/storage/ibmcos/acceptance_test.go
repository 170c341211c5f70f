package ibmcos_test

import (
	"net/http"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// TestManagementState is the list of acceptance cases of the specification, and what else decides.
func TestManagementState(t *testing.T) {
	s := startServer(t)
	for _, tt := range []struct {
		name string
		// prepare completes the inputs of a bucket named after the case.
		prepare func(t *testing.T, in *storage.Inputs, bucket string)
		want    string
		exists  bool
	}{
		{"nothing is given", func(_ *testing.T, in *storage.Inputs, _ string) { in.Coordinates.IBMCOS.Bucket = "" }, "Managed", false},
		{"an instance is given, no bucket", func(t *testing.T, in *storage.Inputs, _ string) {
			in.Coordinates = s.inputs(t, "no-bucket").Coordinates
			in.Coordinates.IBMCOS.Bucket = ""
		}, "Managed", false},
		{"instance and bucket exist", func(t *testing.T, in *storage.Inputs, bucket string) {
			in.Coordinates = s.inputs(t, bucket).Coordinates
			s.createBucket(t, "main", bucket)
		}, "Unmanaged", true},
		{"instance is given, the bucket does not exist", func(t *testing.T, in *storage.Inputs, bucket string) {
			in.Coordinates = s.inputs(t, bucket).Coordinates
		}, "Managed", false},
		{"the instance was removed", func(t *testing.T, in *storage.Inputs, bucket string) {
			in.Coordinates = s.inputs(t, bucket).Coordinates
			s.setState(t, "theirs-"+bucket, "removed")
		}, "Managed", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := s.inputs(t, "")
			in.Decide = true
			tt.prepare(t, &in, "bucket-"+dashed(tt.name))
			given := in.Coordinates.IBMCOS.ServiceInstanceCRN
			b, err := driver(t).New(in)
			if err != nil {
				t.Fatal(err)
			}
			plan, err := b.Plan(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if plan.ManagementState != tt.want || plan.Exists != tt.exists {
				t.Errorf("plan is %+v", plan)
			}
			in.Decide = false
			if _, result := s.settled(t, in); reasons(result)[:len("StorageExists=True")] != "StorageExists=True" {
				t.Errorf("result is %+v", result)
			} else if removed := tt.name == "the instance was removed"; removed != (given != "" && result.Coordinates.IBMCOS.ServiceInstanceCRN != given) {
				t.Errorf("the instance is %s, given was %s", result.Coordinates.IBMCOS.ServiceInstanceCRN, given)
			}
		})
	}
}

func (s *server) setState(t *testing.T, name, state string) {
	t.Helper()
	s.Call(t, "admin", http.MethodPut, "/states/"+name+"?state="+state, nil, nil)
}

func dashed(text string) string {
	var name []rune
	for _, r := range text {
		if r >= 'a' && r <= 'z' {
			name = append(name, r)
		} else if len(name) > 0 && name[len(name)-1] != '-' {
			name = append(name, '-')
		}
	}
	return string(name)
}
