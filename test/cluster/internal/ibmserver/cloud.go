package ibmserver

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/faults"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/records"
)

// tokenLife is how long an IAM token is good, as at IBM.
const tokenLife = time.Hour

// cloud is the state of the three services.
type cloud struct {
	options Options
	faults  *faults.Set[Match]
	records *records.Log[Record]

	mu        sync.Mutex
	tokens    map[string]issued
	instances []*Instance
	keys      []*Key
	// buckets says in which instance a bucket is.
	buckets map[string]string
}

type issued struct {
	account *Account
	expires time.Time
}

// Instance is a service instance.
type Instance struct {
	ID      string   `json:"guid"`
	CRN     string   `json:"crn"`
	Name    string   `json:"name"`
	State   string   `json:"state"`
	Group   string   `json:"resource_group_id"`
	Plan    string   `json:"resource_plan_id"`
	Account string   `json:"account_id"`
	Target  string   `json:"target_crn"`
	Tags    []string `json:"-"`

	provisioning int
}

// Key is a resource key.
type Key struct {
	ID          string         `json:"guid"`
	CRN         string         `json:"crn"`
	Name        string         `json:"name"`
	State       string         `json:"state"`
	Source      string         `json:"source_crn"`
	Account     string         `json:"account_id"`
	Credentials map[string]any `json:"credentials"`
}

// Record is one request to a service. It holds no header and no body: those carry credentials.
type Record struct {
	// Seq counts requests from 1.
	Seq     int64  `json:"seq"`
	Service string `json:"service"`
	Method  string `json:"method"`
	// Path has {id} in the place of a name.
	Path   string `json:"path"`
	Status int    `json:"status"`
}

func newCloud(o Options) *cloud {
	return &cloud{
		options: o, faults: faults.NewSet[Match](), records: records.New(func(r *Record) *int64 { return &r.Seq }),
		tokens: map[string]issued{}, buckets: map[string]string{},
	}
}

// identify returns the account of a bearer token, or nil.
func (c *cloud) identify(r *http.Request) *Account {
	text, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	c.mu.Lock()
	defer c.mu.Unlock()
	token, known := c.tokens[text]
	if !bearer || !known || time.Now().After(token.expires) {
		return nil
	}
	return token.account
}

// newToken makes a token that looks like IBM's: three parts, the account in the second.
func (c *cloud) newToken(account *Account) string {
	encode := func(v any) string {
		text, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := encode(map[string]string{"alg": "RS256"}) + "." +
		encode(map[string]any{"account": map[string]any{"bss": account.ID, "valid": true}}) + "." + rand.Text()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens[text] = issued{account, time.Now().Add(tokenLife)}
	return text
}

// postToken is POST /identity/token.
func (c *cloud) postToken(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.ParseForm() != nil ||
		r.PostForm.Get("grant_type") != "urn:ibm:params:oauth:grant-type:apikey" {
		iamError(w, "BXNIM0109E", "Property missing or empty")
		return
	}
	for _, account := range []*Account{&c.options.Main, &c.options.Other} {
		if r.PostForm.Get("apikey") == account.APIKey {
			writeJSON(w, http.StatusOK, map[string]any{
				"access_token": c.newToken(account), "refresh_token": "not_supported", "token_type": "Bearer",
				"expires_in": int(tokenLife.Seconds()), "expiration": time.Now().Add(tokenLife).Unix(), "scope": "ibm openid",
			})
			return
		}
	}
	iamError(w, "BXNIM0415E", "Provided API key could not be found.")
}

func iamError(w http.ResponseWriter, code, message string) {
	writeJSON(w, http.StatusBadRequest, map[string]any{"errorCode": code, "errorMessage": message, "context": map[string]string{"requestId": rand.Text()}})
}

func serviceError(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, map[string]any{"error_code": code, "message": message, "status_code": status, "transaction_id": rand.Text()})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// add makes an instance of an account.
func (c *cloud) add(account *Account, name, group, plan string, tags []string) *Instance {
	id := strings.ToLower(rand.Text())
	i := &Instance{
		ID: id, CRN: fmt.Sprintf("crn:v1:bluemix:public:cloud-object-storage:global:a/%s:%s::", account.ID, id),
		Name: name, State: "active", Group: group, Plan: plan, Account: account.ID, Target: "crn:v1:bluemix:public:globalcatalog::::deployment:bluemix-global",
		Tags: tags,
	}
	c.instances = append(c.instances, i)
	return i
}

// addKey makes a key of an instance.
func (c *cloud) addKey(account *Account, i *Instance, name, role string, hmac bool) *Key {
	id := strings.ToLower(rand.Text())
	k := &Key{
		ID: id, CRN: strings.TrimSuffix(i.CRN, "::") + ":resource-key:" + id, Name: name, State: "active", Source: i.CRN, Account: account.ID,
		Credentials: map[string]any{"iam_role_crn": role, "resource_instance_id": i.CRN},
	}
	if hmac {
		k.Credentials["cos_hmac_keys"] = map[string]string{
			"access_key_id": account.HMAC.AccessKeyID, "secret_access_key": account.HMAC.SecretAccessKey,
		}
	}
	c.keys = append(c.keys, k)
	return k
}

// instance finds one by CRN or id; the caller holds the lock.
func (c *cloud) instance(account *Account, id string) *Instance {
	for _, i := range c.instances {
		if (i.CRN == id || i.ID == id) && i.Account == account.ID {
			return i
		}
	}
	return nil
}
