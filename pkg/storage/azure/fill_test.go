package azure_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

// holder is a client of the container of that name, in whichever account has it; nil when none has.
func (s *server) holder(t *testing.T, name string) *container.Client {
	t.Helper()
	for _, account := range s.of(t, "storageAccounts") {
		client := s.client(t, account.Name, name)
		_, err := client.GetProperties(t.Context(), nil)
		if err == nil {
			return client
		}
		if !bloberror.HasCode(err, bloberror.ContainerNotFound) {
			t.Fatal(err)
		}
	}
	return nil
}

// fill puts so many blobs into a container, a few at a time.
func (s *server) fill(t *testing.T, name string, objects int) {
	t.Helper()
	client := s.holder(t, name)
	if client == nil {
		t.Fatalf("no account has a container %s", name)
	}
	const parallel = 8
	errs := make([]error, parallel)
	var workers sync.WaitGroup
	for worker := range parallel {
		workers.Go(func() {
			for i := worker; i < objects && errs[worker] == nil; i += parallel {
				body := streaming.NopCloser(strings.NewReader("blob"))
				_, errs[worker] = client.NewBlockBlobClient(fmt.Sprintf("docker/registry/v2/%d", i)).Upload(t.Context(), body, nil)
			}
		})
	}
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// count lists the blobs of a container past the backend.
func (s *server) count(t *testing.T, name string) (blobs int) {
	t.Helper()
	client := s.holder(t, name)
	if client == nil {
		return 0
	}
	for pages := client.NewListBlobsFlatPager(nil); pages.More(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		blobs += len(page.Segment.BlobItems)
	}
	return blobs
}

// TestFullContainerOfABorrowedAccount goes in one call, too, and nothing else of the account does.
func TestFullContainerOfABorrowedAccount(t *testing.T) {
	s := useServer(t)
	s.plantAccount(t, existingAccount, nil)
	s.makeContainer(t, "the-neighbour")
	s.fill(t, "the-neighbour", 2)
	in, _, _ := s.ensured(t, s.inputs(existingAccount, "borrowed-and-full"))
	s.fill(t, "borrowed-and-full", 40)
	if _, calls := s.removed(t, in); calls != 1 {
		t.Errorf("removed in %d calls", calls)
	}
	if s.exists(t, "borrowed-and-full") || s.count(t, "the-neighbour") != 2 {
		t.Error("the container is still there, or its neighbour has lost something")
	}
	if _, err := s.client(t, existingAccount, "the-neighbour").Delete(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}
