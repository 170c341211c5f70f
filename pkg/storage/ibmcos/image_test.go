package ibmcos_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

// TestImages pushes through a registry that signs with the HMAC pair of the key which the operator made.
func TestImages(t *testing.T) {
	s := startServer(t)
	_, result := s.settled(t, s.inputs(t, ""))
	settings, err := driver(t).Settings(result.Coordinates, result.Facts)
	if err != nil {
		t.Fatal(err)
	}
	bucket := result.Coordinates.IBMCOS.Bucket
	storagetest.Images(t, settings, storagetest.RegistryOptions{
		CA: s.ca,
		Holds: func(t *testing.T, path string) bool {
			t.Helper()
			var answer struct{ Objects []struct{ Key string } }
			s.Call(t, "s3admin", http.MethodGet, "/buckets/"+bucket+"/objects", nil, &answer)
			for _, object := range answer.Objects {
				if object.Key == strings.TrimPrefix(path, "/") {
					return true
				}
			}
			return false
		},
	})
}

// step is one round of the controller, in a process of its own: plan, write ahead, ensure.
func step(t *testing.T, in storage.Inputs) (storage.Inputs, storage.Result) {
	t.Helper()
	given := in.Coordinates
	b, err := driver(t).New(in)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := b.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in.Coordinates, in.Managed = plan.Coordinates, plan.ManagementState == "Managed"
	if b, err = driver(t).New(in); err != nil {
		t.Fatal(err)
	}
	result, err := b.Ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in.Coordinates = written(given, plan.Coordinates)
	return in, result
}

// written is what Config says after the write-ahead of a plan: nothing is ever removed from it.
func written(have, plan storage.Coordinates) storage.Coordinates {
	next := *plan.DeepCopy()
	for _, field := range []struct {
		next *string
		have string
	}{
		{&next.IBMCOS.ServiceInstanceCRN, have.IBMCOS.ServiceInstanceCRN},
		{&next.IBMCOS.ResourceKeyCRN, have.IBMCOS.ResourceKeyCRN},
	} {
		if *field.next == "" {
			*field.next = field.have
		}
	}
	return next
}

// settled goes on until the bucket is there.
func (s *server) settled(t *testing.T, in storage.Inputs) (storage.Inputs, storage.Result) {
	t.Helper()
	for range 10 {
		next, result := step(t, in)
		if in = next; result.RetryAfter == 0 {
			return in, result
		}
	}
	t.Fatal("the storage does not get ready")
	return in, storage.Result{}
}
