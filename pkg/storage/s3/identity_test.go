package s3_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/storagetest"
)

const (
	firstRole  = "arn:aws:iam::123456789012:role/first"
	secondRole = "arn:aws:iam::123456789012:role/second"
	subject    = "system:serviceaccount:openshift-image-registry:cluster-image-registry-operator"
	tokenPath  = "/var/run/secrets/openshift/serviceaccount/token"
)

// cloud is a server that gives roles for tokens, and an operator's pod with such a token.
type cloud struct {
	*server
	key    *rsa.PrivateKey
	token  string
	driver storage.Driver
	in     storage.Inputs
}

func startCloud(t *testing.T) *cloud {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	public := filepath.Join(t.TempDir(), "tokens.pub")
	storagetest.WriteFile(t, public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	c := &cloud{
		server: startServer(t, "--sts-host", stsHost, "--token-key", public), key: key,
		token: filepath.Join(t.TempDir(), "token"), driver: driver(t),
	}
	_, port, err := net.SplitHostPort(c.Addresses["tls"])
	if err != nil {
		t.Fatal(err)
	}
	c.in = c.inputs(t, "")
	c.in.Infrastructure.Status.PlatformStatus.AWS.ServiceEndpoints = []configv1.AWSServiceEndpoint{{
		Name: "sts", URL: "https://" + net.JoinHostPort(stsHost, port),
	}}
	c.in.MintedSecret = ofRole(firstRole, c.token)
	c.rotate(t, nil)
	c.give(t, firstRole, time.Hour)
	return c
}

// ofRole is the Secret as the cloud credential operator's tool makes it.
func ofRole(role, token string) *corev1.Secret {
	return secret(names.CloudCredentials, "credentials",
		"[default]\nsts_regional_endpoints = regional\nrole_arn = "+role+"\nweb_identity_token_file = "+token+"\n")
}

// give makes a role that the operator may become.
func (c *cloud) give(t *testing.T, role string, life time.Duration) {
	t.Helper()
	c.call(t, "PUT", "/roles", map[string]any{"arn": role, "subjects": []string{subject}, "life": life.String()}, nil)
}

func (c *cloud) withdraw(t *testing.T, role string) {
	t.Helper()
	c.call(t, "DELETE", "/roles?arn="+url.QueryEscape(role), nil, nil)
}

// rotate replaces the token, as the kubelet does, with one whose claims are good but for the edits.
func (c *cloud) rotate(t *testing.T, edits map[string]any) {
	t.Helper()
	storagetest.WriteFile(t, c.token, []byte(c.sign(t, edits)))
}

func (c *cloud) sign(t *testing.T, edits map[string]any) string {
	t.Helper()
	claims := map[string]any{
		"iss": "https://kubernetes.default.svc", "aud": []string{"openshift"}, "sub": subject, "exp": time.Now().Add(time.Hour).Unix(),
	}
	for name, value := range edits {
		claims[name] = value
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"RS256"}`)) + "." + encode(payload)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, c.key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + encode(signature)
}

// look asks for the bucket.
func (c *cloud) look(t *testing.T) error {
	t.Helper()
	b, err := c.driver.New(c.in)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Plan(t.Context())
	return err
}

// restart is a new process of the operator, which knows of no session.
func (c *cloud) restart(t *testing.T) { c.driver = driver(t) }

// TestRoleFromTheFirstToTheLastCall: the life of a bucket that is only ever reached by a role.
func TestRoleFromTheFirstToTheLastCall(t *testing.T) {
	c := startCloud(t)
	requests := c.requests(t, func() {
		c.in.Managed = true
		b, err := c.driver.New(c.in)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := b.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c.in.Coordinates = plan.Coordinates
		if b, err = c.driver.New(c.in); err != nil {
			t.Fatal(err)
		}
		result, err := b.Ensure(t.Context())
		if err != nil || !result.Created || strings.Contains(reasons(result.Conditions), "=False") {
			t.Fatalf("ensuring the bucket: %v; created %t, conditions\n%s", err, result.Created, reasons(result.Conditions))
		}
		c.in.Coordinates, c.in.Created = result.Coordinates, true
		if !c.exists(t, c.in.Coordinates.S3.Bucket) {
			t.Error("the bucket is not there")
		}
		c.fill(t, c.in.Coordinates.S3.Bucket, 3)
		for done := false; !done; {
			if b, err = c.driver.New(c.in); err != nil {
				t.Fatal(err)
			}
			progress, err := b.Remove(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			done = progress.Done
		}
	})
	if c.exists(t, c.in.Coordinates.S3.Bucket) {
		t.Error("the bucket is still there")
	}
	exchanges := 0
	for _, r := range requests {
		if r.Action != "" {
			exchanges++
		}
		// The test fills the bucket itself.
		if ours := strings.Contains(r.Agent, "cluster-image-registry-operator"); ours && (r.Role != firstRole || (r.Signer == "") != (r.Action != "")) {
			t.Errorf("%s %s%v is signed by %q of role %q", r.Method, r.Action, r.Query, r.Signer, r.Role)
		}
	}
	if exchanges != 1 || len(requests) < 10 {
		t.Errorf("%d exchanges of tokens among %d requests, want one: a session that is good is kept", exchanges, len(requests))
	}
}

// TestImagesByRole pushes, pulls and deletes through a registry with the same role. Its SDK asks for STS at the endpoint that
// it was given for S3.
func TestImagesByRole(t *testing.T) {
	c := startCloud(t)
	in := c.in
	// The operator reads its token where the test can write, the registry where its pod has it.
	_, result := c.managed(t, in)
	in.MintedSecret = ofRole(firstRole, tokenPath)
	in.Coordinates = result.Coordinates
	text := string(in.MintedSecret.Data["credentials"])
	settings, err := c.driver.Settings(result.Coordinates, storage.Facts{"credentials": []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	requests := c.requests(t, func() {
		storagetest.Images(t, settings, storagetest.RegistryOptions{
			CA:    c.ca,
			Files: map[string][]byte{tokenPath: []byte(c.sign(t, nil))},
			Holds: func(t *testing.T, path string) bool {
				t.Helper()
				_, found := c.keys(t, result.Coordinates.S3.Bucket)[strings.TrimPrefix(path, "/")]
				return found
			},
		})
	})
	for _, r := range requests {
		if r.Role != firstRole {
			t.Errorf("%s %s %s is of role %q", r.Method, r.Action, r.Key, r.Role)
		}
	}
	if len(requests) == 0 {
		t.Error("the registry asked for nothing")
	}
}

func TestRoleIsChanged(t *testing.T) {
	c := startCloud(t)
	c.give(t, secondRole, time.Hour)
	c.in.Coordinates.S3.Bucket = "somebucket"
	var roles []string
	requests := c.requests(t, func() {
		for _, role := range []string{firstRole, firstRole, secondRole} {
			c.in.MintedSecret = ofRole(role, c.token)
			if err := c.look(t); err != nil {
				t.Fatal(err)
			}
		}
		// Nothing hangs on the former role any more.
		c.withdraw(t, firstRole)
		if err := c.look(t); err != nil {
			t.Errorf("after the end of the former role: %v", err)
		}
	})
	for _, r := range requests {
		roles = append(roles, r.Action+r.Method+" by "+r.Role[strings.LastIndex(r.Role, "/")+1:])
	}
	exchange := "AssumeRoleWithWebIdentityPOST by "
	want := []string{exchange + "first", "HEAD by first", "HEAD by first", exchange + "second", "HEAD by second", "HEAD by second"}
	if got := strings.Join(roles, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("requests:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
}

// TestTokenIsRotated: sessions that live shorter than the time before their end in which they are renewed are renewed at each
// look, and only the token that is in the file then counts.
func TestTokenIsRotated(t *testing.T) {
	c := startCloud(t)
	c.give(t, firstRole, time.Minute)
	c.in.Coordinates.S3.Bucket = "somebucket"
	if err := c.look(t); err != nil {
		t.Fatal(err)
	}
	c.rotate(t, map[string]any{"exp": time.Now().Add(-time.Minute).Unix()})
	if e := c.wantRefusal(t, c.look(t), "False/ExpiredTokenException", "check role_arn, its trust policy and the service account token"); e.Permanent {
		t.Error("an expired token is permanent")
	}
	c.rotate(t, nil)
	if err := c.look(t); err != nil {
		t.Errorf("with a new token: %v", err)
	}
}

func TestRoleIsRefused(t *testing.T) {
	c := startCloud(t)
	c.in.Coordinates.S3.Bucket = "somebucket"
	const advice = "; check role_arn, its trust policy and the service account token"
	for _, tt := range []struct {
		name       string
		spoil      func(t *testing.T)
		want, says string
	}{
		{"a role that was withdrawn", func(t *testing.T) {
			t.Helper()
			c.withdraw(t, firstRole)
		}, "False/AccessDenied", "AccessDenied: assuming the role of secret openshift-image-registry/" + names.CloudCredentials +
			": Not authorized to perform sts:AssumeRoleWithWebIdentity" + advice},
		{"a role that trusts somebody else", func(t *testing.T) {
			t.Helper()
			c.rotate(t, map[string]any{"sub": "system:serviceaccount:default:default"})
		}, "False/AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity" + advice},
		{"a token for another audience", func(t *testing.T) {
			t.Helper()
			c.rotate(t, map[string]any{"aud": []string{"https://kubernetes.default.svc"}})
		}, "False/InvalidIdentityToken", "Incorrect token audience" + advice},
		{"a name that is no ARN", func(t *testing.T) {
			t.Helper()
			c.in.MintedSecret = ofRole("registry", c.token)
		}, "False/ValidationError", advice},
		{"a token file that is not there", func(t *testing.T) {
			t.Helper()
			if err := os.Remove(c.token); err != nil {
				t.Fatal(err)
			}
		}, "Unknown/Unknown Error Occurred", "reading the token file that secret openshift-image-registry/" + names.CloudCredentials},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.give(t, firstRole, time.Hour)
			c.rotate(t, nil)
			c.in.MintedSecret = ofRole(firstRole, c.token)
			c.restart(t)
			if err := c.look(t); err != nil {
				t.Fatalf("before: %v", err)
			}
			tt.spoil(t)
			c.restart(t)
			first := c.wantRefusal(t, c.look(t), tt.want, tt.says)
			if again := c.wantRefusal(t, c.look(t), tt.want, tt.says); again.Message != first.Message || again.Permanent {
				t.Errorf("the second time: %q, permanent %t; want %q, and to try again", again.Message, again.Permanent, first.Message)
			}
		})
	}
}

// wantRefusal checks StorageExists and its message, which names no secret's content.
func (c *cloud) wantRefusal(t *testing.T, err error, want, says string) *storage.Error {
	t.Helper()
	var e *storage.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T %v, want %s", err, err, want)
	}
	if got := string(e.Status) + "/" + e.ConditionReason; got != want || !strings.Contains(e.Message, says) {
		t.Errorf("StorageExists is %s %q, want %s %q", got, e.Message, want, says)
	}
	if text, _ := os.ReadFile(c.token); len(text) > 0 && strings.Contains(e.Message, string(text)) {
		t.Error("the message has the token")
	}
	return e
}
