package s3server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// Requests is the answer to GET /requests.
type Requests struct {
	// Last is the greatest number so far: ask after it the next time.
	Last     int64    `json:"last"`
	Requests []Record `json:"requests"`
}

// Bucket is one of GET /buckets.
type Bucket struct {
	Name string `json:"name"`
	// Owner is the access key id of the account.
	Owner string `json:"owner"`
	// Account is "main" or "other".
	Account string `json:"account"`
	Objects int    `json:"objects"`
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
	mux.HandleFunc("GET /requests", a.getRequests)
	mux.HandleFunc("DELETE /requests", func(w http.ResponseWriter, _ *http.Request) {
		a.front.records.clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, a.front.faults.all()) })
	mux.HandleFunc("PUT /faults", a.putFaults)
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		a.front.faults.set(nil)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /buckets", a.getBuckets)
	mux.HandleFunc("PUT /buckets/{name}", a.putBucket)
	mux.HandleFunc("GET /buckets/{name}/objects", a.getObjects)
	return mux
}

func (a *admin) getRequests(w http.ResponseWriter, r *http.Request) {
	var after int64
	if text := r.URL.Query().Get("after"); text != "" {
		var err error
		if after, err = strconv.ParseInt(text, 10, 64); err != nil {
			http.Error(w, fmt.Sprintf("after: %v", err), http.StatusBadRequest)
			return
		}
	}
	found, last := a.front.records.after(after)
	writeJSON(w, Requests{Last: last, Requests: found})
}

func (a *admin) putFaults(w http.ResponseWriter, r *http.Request) {
	list, err := readFaults(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a.front.faults.set(list)
	w.WriteHeader(http.StatusNoContent)
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
		account := "main"
		if found.Owner == a.accounts.Other.AccessKeyID {
			account = "other"
		}
		buckets = append(buckets, Bucket{Name: found.Name, Owner: found.Owner, Account: account, Objects: len(objects)})
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
