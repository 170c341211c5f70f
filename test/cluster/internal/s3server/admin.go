package s3server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/records"
)

// maxSecret is longer than the secret of any key.
const maxSecret = 1 << 10

// Requests is the answer to GET /requests.
type Requests = records.Requests[Record]

// Bucket is one of GET /buckets.
type Bucket struct {
	Name string `json:"name"`
	// Owner is the access key id of the account.
	Owner string `json:"owner"`
	// Account is "main" or "other".
	Account string `json:"account"`
	Objects int    `json:"objects"`
	// Tags is empty for a bucket that was never tagged.
	Tags map[string]string `json:"tags,omitempty"`
}

// Object is one of GET /buckets/NAME/objects.
type Object struct {
	Key  string `json:"key"`
	Size int64  `json:"size"`
}

// Objects is the answer to GET /buckets/NAME/objects.
type Objects struct {
	Count   int      `json:"count"`
	Bytes   int64    `json:"bytes"`
	Objects []Object `json:"objects"`
}

// admin is the listener for tests. It reads the backend itself, past signatures, faults and records.
type admin struct {
	front    *front
	gateway  *gateway
	accounts Accounts
	region   string
	domain   string
}

func (a *admin) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	a.front.records.Register(mux)
	a.front.faults.Register(mux)
	mux.HandleFunc("GET /buckets", a.getBuckets)
	mux.HandleFunc("PUT /buckets/{name}", a.putBucket)
	mux.HandleFunc("GET /buckets/{name}/objects", a.getObjects)
	mux.HandleFunc("PUT /keys/{id}", a.putKey)
	mux.HandleFunc("DELETE /keys/{id}", func(w http.ResponseWriter, r *http.Request) {
		a.gateway.tenants.removeKey(r.PathValue("id"))
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("PUT /roles", a.putRole)
	mux.HandleFunc("DELETE /roles", func(w http.ResponseWriter, r *http.Request) {
		if arn := r.URL.Query().Get("arn"); !a.gateway.tenants.roles.remove(arn) {
			http.Error(w, fmt.Sprintf("there is no role %q", arn), http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

func (a *admin) getBuckets(w http.ResponseWriter, r *http.Request) {
	owners, err := a.gateway.owners(r.Context())
	if err != nil {
		writeFailure(w, err)
		return
	}
	buckets := make([]Bucket, 0, len(owners))
	for _, found := range owners {
		objects, err := a.gateway.objects(r.Context(), found.Name)
		if err != nil {
			writeFailure(w, err)
			return
		}
		tags, err := a.gateway.tags(r.Context(), found.Name)
		if err != nil {
			writeFailure(w, err)
			return
		}
		account := "main"
		if found.Owner == a.accounts.Other.AccessKeyID {
			account = "other"
		}
		buckets = append(buckets, Bucket{Name: found.Name, Owner: found.Owner, Account: account, Objects: len(objects), Tags: tags})
	}
	writeJSON(w, buckets)
}

func (a *admin) getObjects(w http.ResponseWriter, r *http.Request) {
	objects, err := a.gateway.objects(r.Context(), r.PathValue("name"))
	if err != nil {
		writeFailure(w, err)
		return
	}
	answer := Objects{Count: len(objects), Objects: objects}
	for _, object := range objects {
		answer.Bytes += object.Size
	}
	writeJSON(w, answer)
}

// putBucket creates a bucket as one of the accounts (?account=other is the one a test needs). It is a signed S3
// request straight to versitygw: unlike one through the front it is neither recorded nor subject to faults.
func (a *admin) putBucket(w http.ResponseWriter, r *http.Request) {
	var account Account
	switch name := r.URL.Query().Get("account"); name {
	case "main":
		account = a.accounts.Main
	case "other":
		account = a.accounts.Other
	default:
		http.Error(w, fmt.Sprintf("account must be main or other, not %q", name), http.StatusBadRequest)
		return
	}
	if err := a.createBucket(r.Context(), account, r.PathValue("name")); err != nil {
		writeFailure(w, err)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

// putKey gives the main account one more access key, whose secret is the body.
func (a *admin) putKey(w http.ResponseWriter, r *http.Request) {
	secret, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSecret))
	if err != nil || len(secret) == 0 {
		http.Error(w, "the body has to be the secret of the key", http.StatusBadRequest)
		return
	}
	a.gateway.tenants.addKey(r.PathValue("id"), string(secret))
	w.WriteHeader(http.StatusNoContent)
}

// putRole gives the main account a role. It is strict: a misspelt field would make a role that nobody can assume.
func (a *admin) putRole(w http.ResponseWriter, r *http.Request) {
	var role Role
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxDocument))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&role)
	switch {
	case a.front.sts == nil:
		err = errors.New("this server was started without a key for tokens: nobody could assume a role")
	case err == nil && !roleARN.MatchString(role.ARN):
		err = fmt.Errorf("%q is not the ARN of a role", role.ARN)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a.gateway.tenants.roles.put(role)
	w.WriteHeader(http.StatusNoContent)
}

func (a *admin) createBucket(ctx context.Context, account Account, bucket string) error {
	client := s3.New(s3.Options{
		Region:       a.region,
		Credentials:  credentials.NewStaticCredentialsProvider(account.AccessKeyID, account.SecretAccessKey, ""),
		BaseEndpoint: aws.String((&url.URL{Scheme: "http", Host: a.domain}).String()),
		UsePathStyle: true,
		HTTPClient:   &http.Client{Transport: a.gateway.transport},
	})
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
		return fmt.Errorf("creating bucket %s: %w", bucket, err)
	}
	return a.front.settings.drop(bucket)
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func writeFailure(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	var known smithy.APIError
	switch {
	case errors.Is(err, errNoBucket):
		status = http.StatusNotFound
	case errors.As(err, &known):
		status = http.StatusConflict
	}
	http.Error(w, err.Error(), status)
}
