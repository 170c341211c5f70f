package s3server

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"sync"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3err"
)

// tenants is the user database: two accounts, of which the main one can have other keys than it began with, and roles with
// sessions.
//
// AWS answers an unknown access key id with 403 InvalidAccessKeyId. versitygw's own databases make that 404
// XAdminUserNotFound, and a HEAD, which has no body, then looks as if the bucket were missing. It says
// InvalidAccessKeyId when a database returns auth.ErrNoSuchUser: so this one does.
type tenants struct {
	main  string
	mu    sync.Mutex
	byKey map[string]auth.Account
	roles *roles
}

var (
	_ auth.IAMService = (*tenants)(nil)
	// A database that is none of these has no sessions: versitygw refuses their keys without asking.
	_ auth.SigningKeyProvider = (*tenants)(nil)
)

func newTenants(accounts Accounts) *tenants {
	t := &tenants{main: accounts.Main.AccessKeyID, byKey: map[string]auth.Account{}, roles: newRoles()}
	for _, account := range []Account{accounts.Main, accounts.Other} {
		t.byKey[account.AccessKeyID] = auth.Account{
			Access: account.AccessKeyID,
			Secret: account.SecretAccessKey,
			// "user" may not create buckets, "admin" may use those of others.
			Role: auth.RoleUserPlus,
		}
	}
	return t
}

// DeriveSigningKey returns what requests of a key have to be signed with, and whose they are.
func (t *tenants) DeriveSigningKey(access, token, date, region, service string) ([]byte, auth.Account, error) {
	account, err := t.authenticate(access, token)
	if err != nil {
		return nil, auth.Account{}, err
	}
	key := []byte("AWS4" + account.Secret)
	for _, part := range []string{date, region, service, "aws4_request"} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	account.Secret = ""
	return key, account, nil
}

// authenticate finds the account of a key. To S3 a session's key without its token is as good as unknown, one with another
// token is not.
func (t *tenants) authenticate(access, token string) (auth.Account, error) {
	of, temporary := t.roles.session(access)
	if !temporary {
		account, err := t.GetUserAccount(access)
		if err == nil && token != "" {
			err = auth.ErrInvalidSessionToken
		}
		return account, err
	}
	switch {
	case token == "":
		return auth.Account{}, auth.ErrNoSuchUser
	case subtle.ConstantTimeCompare([]byte(token), []byte(of.token)) != 1:
		return auth.Account{}, auth.ErrInvalidSessionToken
	case !time.Now().Before(of.expires):
		return auth.Account{}, s3err.APIError{
			Code: "ExpiredToken", Description: "The provided token has expired.", HTTPStatusCode: http.StatusBadRequest,
		}
	}
	return auth.Account{Access: t.main, Secret: of.secret, Role: auth.RoleUserPlus}, nil
}

// account is the one that a key belongs to, by the name that owners of buckets have.
func (t *tenants) account(access string) string {
	if _, temporary := t.roles.session(access); temporary {
		return t.main
	}
	account, err := t.GetUserAccount(access)
	if err != nil {
		return ""
	}
	return account.Access
}

// GetUserAccount returns the account with this key id.
func (t *tenants) GetUserAccount(access string) (auth.Account, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	account, known := t.byKey[access]
	if !known {
		return auth.Account{}, auth.ErrNoSuchUser
	}
	return account, nil
}

// ResolveAccounts returns those of the key ids that do not exist.
func (t *tenants) ResolveAccounts(accessKeyIDs []string) ([]string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	missing := []string{}
	for _, access := range accessKeyIDs {
		if _, known := t.byKey[access]; !known {
			missing = append(missing, access)
		}
	}
	return missing, nil
}

// addKey gives the main account one more key. What belongs to the account belongs to who has any of its keys.
func (t *tenants) addKey(id, secret string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.byKey[id] = auth.Account{Access: t.main, Secret: secret, Role: auth.RoleUserPlus}
}

// removeKey makes a key unknown.
func (t *tenants) removeKey(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byKey, id)
}

// CreateAccount is refused: the tenants are fixed.
func (t *tenants) CreateAccount(auth.Account) error { return fixed() }

// UpdateUserAccount is refused: the tenants are fixed.
func (t *tenants) UpdateUserAccount(string, auth.MutableProps) error { return fixed() }

// DeleteUserAccount is refused: the tenants are fixed.
func (t *tenants) DeleteUserAccount(string) error { return fixed() }

// ListUserAccounts is refused: it would hand out secrets.
func (t *tenants) ListUserAccounts() ([]auth.Account, error) { return nil, fixed() }

// Shutdown has nothing to end.
func (t *tenants) Shutdown() error { return nil }

func fixed() error { return s3err.GetAPIError(s3err.ErrAdminMethodNotSupported) }
