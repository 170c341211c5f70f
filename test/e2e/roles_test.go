package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// minted marks the Secrets that the cloud credential operator makes and keeps.
const minted = "cloudcredential.openshift.io/credentials-request"

// TestReadsGoOnWhileRolesChange: a cluster with a key gets a role instead, then another role, then a key again. Operator and
// registry assume the roles with the tokens that their pods have. Nobody who pulls notices.
func TestReadsGoOnWhileRolesChange(t *testing.T) {
	managed(t, onS3)
	images := []image{{repository: "e2e/roles"}}
	images[0].digest = push(t, images[0].repository)
	const first, second = "arn:aws:iam::123456789012:role/e2e-first", "arn:aws:iam::123456789012:role/e2e-second"
	for _, role := range []string{first, second} {
		if err := cluster.AddS3Role(t.Context(), role, names.OperatorNamespace+":cluster-image-registry-operator", names.OperatorNamespace+":registry"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cluster.RemoveS3Role(context.Background(), role) })
	}
	request := mintedBy(t)
	t.Cleanup(func() {
		if err := editCloudCredentials(context.Background(), remint(request)); err != nil {
			t.Error(err)
		}
	})

	reading := startReader(t, images)
	untilUsed(t, first, func() error { return editCloudCredentials(t.Context(), useRole(first)) })
	reading.mark(t, "the change to the first role")
	push(t, "e2e/roles-first")
	requireSigners(t, s3Since(t, 0), first)

	changed := s3Since(t, 0).Last
	untilUsed(t, second, func() error { return editCloudCredentials(t.Context(), useRole(second)) })
	reading.mark(t, "the change to the second role")
	withdrawn := s3Since(t, 0).Last
	if err := cluster.RemoveS3Role(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	pull(t, images[0].repository, images[0].digest)
	push(t, "e2e/roles-second")
	requireSigners(t, s3Since(t, changed), second)
	for _, r := range s3Since(t, withdrawn).Requests {
		if r.Role == first {
			t.Errorf("%s of %s/%s by the role that was withdrawn: %d", r.Method, r.Bucket, r.Key, r.Status)
		}
	}

	untilUsed(t, cluster.S3.AccessKeyID, func() error { return editCloudCredentials(t.Context(), remint(request)) })
	push(t, "e2e/roles-after")
	reading.mark(t, "the change back to a key")
	reading.stop(t)
}

// mintedBy is the CredentialsRequest that the Secret of the cloud answers.
func mintedBy(t *testing.T) string {
	t.Helper()
	secret, err := cluster.Kube.CoreV1().Secrets(names.OperatorNamespace).Get(t.Context(), names.CloudCredentials, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if secret.Annotations[minted] == "" {
		t.Fatalf("secret %s is not minted: its annotations are %v", secret.Name, secret.Annotations)
	}
	return secret.Annotations[minted]
}

// editCloudCredentials changes the Secret that the cluster has from its cloud.
func editCloudCredentials(ctx context.Context, edit func(*corev1.Secret)) error {
	secrets := cluster.Kube.CoreV1().Secrets(names.OperatorNamespace)
	secret, err := secrets.Get(ctx, names.CloudCredentials, metav1.GetOptions{})
	if err != nil {
		return err
	}
	edit(secret)
	_, err = secrets.Update(ctx, secret, metav1.UpdateOptions{})
	return err
}

// useRole is what an administrator writes who makes the Secrets of the cluster by hand.
func useRole(arn string) func(*corev1.Secret) {
	return func(secret *corev1.Secret) {
		delete(secret.Annotations, minted)
		secret.Data = map[string][]byte{"credentials": []byte("[default]\nsts_regional_endpoints = regional\nrole_arn = " + arn +
			"\nweb_identity_token_file = /var/run/secrets/openshift/serviceaccount/token\n")}
	}
}

// remint leaves the Secret to the cloud credential operator again.
func remint(request string) func(*corev1.Secret) {
	return func(secret *corev1.Secret) { metav1.SetMetaDataAnnotation(&secret.ObjectMeta, minted, request) }
}

// s3Since are the requests after one.
func s3Since(t *testing.T, after int64) s3Requests {
	t.Helper()
	var log s3Requests
	if err := cluster.S3JSON(t.Context(), fmt.Sprintf("/requests?after=%d", after), &log); err != nil {
		t.Fatal(err)
	}
	return log
}

// requireSigners looks for requests of the operator, and of the registry for what was pushed, by a session of a role.
func requireSigners(t *testing.T, log s3Requests, role string) {
	t.Helper()
	operator, registry := 0, 0
	for _, r := range log.Requests {
		switch ours := strings.Contains(r.UserAgent, "cluster-image-registry-operator"); {
		case r.Role != role || r.Bucket == "" || r.Status >= 300:
		case ours:
			operator++
		case r.Method == "PUT" && r.Key != "":
			registry++
		}
	}
	if registry == 0 {
		t.Errorf("among %d requests none of the registry that stores an object is by role %s", len(log.Requests), role)
	}
	t.Logf("by role %s: %d requests of the operator, %d objects of the registry", role, operator, registry)
	if operator == 0 {
		t.Errorf("among %d requests none of the operator is by role %s", len(log.Requests), role)
	}
}
