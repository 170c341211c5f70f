package s3server_test

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/s3server"
)

// block changes a setting that the front keeps, not versitygw.
func block(t *testing.T, client *s3.Client, bucket *string) error {
	t.Helper()
	_, err := client.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{
		Bucket: bucket, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)},
	})
	return err
}

func TestKeysOfAnAccount(t *testing.T) {
	name := bucket(t, mainClient(t))
	second := s3server.Account{AccessKeyID: "AKIASECONDKEY", SecretAccessKey: "second-secret"}
	look := func() error {
		_, err := server.Client(second, false).ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: name})
		return err
	}
	wantError(t, look(), http.StatusForbidden, "InvalidAccessKeyId")
	if status := admin(t, http.MethodPut, "/keys/"+second.AccessKeyID, second.SecretAccessKey, nil); status != http.StatusNoContent {
		t.Fatalf("adding a key: %d", status)
	}
	if err := look(); err != nil {
		t.Errorf("with the second key of the account: %v", err)
	}
	if err := block(t, server.Client(second, false), name); err != nil {
		t.Errorf("a setting with the second key of the account: %v", err)
	}
	if status := admin(t, http.MethodDelete, "/keys/"+second.AccessKeyID, nil, nil); status != http.StatusNoContent {
		t.Fatalf("removing a key: %d", status)
	}
	wantError(t, look(), http.StatusForbidden, "InvalidAccessKeyId")
	if status := admin(t, http.MethodPut, "/keys/x", "", nil); status != http.StatusBadRequest {
		t.Errorf("a key without a secret: %d", status)
	}
}
