package gcs

import (
	"encoding/json"
	"fmt"

	"golang.org/x/oauth2/google"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Keys of the Secrets.
const (
	userKey   = "REGISTRY_STORAGE_GCS_KEYFILE"
	mintedKey = "service_account.json"
)

// credentials are a credentials file of Google's, as it is: operator and registry use the same.
type credentials struct {
	text []byte
	kind google.CredentialsType
	// secret and key say where the text comes from, for messages.
	secret, key string
}

// credentialsFrom takes the file from the one Secret that counts, and refuses kinds that make no sense in a cluster: those
// of a person, and those that run a program.
func credentialsFrom(in storage.Inputs) (credentials, error) {
	found, err := storage.CredentialsFrom(in, userKey, mintedKey)
	if err != nil {
		return credentials{}, err
	}
	c := credentials{secret: found.Secret, key: mintedKey}
	if found.User {
		c.key = userKey
	}
	values, err := found.Get(c.key)
	if err != nil {
		return credentials{}, err
	}
	c.text = []byte(values[0])
	c.kind, err = c.check()
	return c, err
}

// check tells what kind of file it is, and what it lacks. The parser's errors are not passed on: they may quote the key.
func (c credentials) check() (google.CredentialsType, error) {
	var file struct {
		Type             google.CredentialsType `json:"type"`
		ClientEmail      string                 `json:"client_email"`
		PrivateKey       string                 `json:"private_key"`
		Audience         string                 `json:"audience"`
		TokenURL         string                 `json:"token_url"`
		CredentialSource *struct {
			File       string          `json:"file"`
			URL        string          `json:"url"`
			Executable json.RawMessage `json:"executable"`
		} `json:"credential_source"`
	}
	if json.Unmarshal(c.text, &file) != nil {
		return "", c.bad("is not a credentials file of Google Cloud (JSON)")
	}
	switch file.Type {
	case google.ServiceAccount:
		if file.ClientEmail == "" || file.PrivateKey == "" {
			return "", c.bad("has no client_email or no private_key")
		}
	case google.ExternalAccount:
		source := file.CredentialSource
		if file.Audience == "" || file.TokenURL == "" || source == nil {
			return "", c.bad("has no audience, no token_url or no credential_source")
		}
		if len(source.Executable) > 0 || source.File == "" && source.URL == "" {
			return "", c.bad("has a credential_source that is neither a file nor a url")
		}
	default:
		return "", c.bad("has a type other than service_account and external_account")
	}
	return file.Type, nil
}

func (c credentials) bad(what string) error {
	return &storage.Error{
		Status: "Unknown", ConditionReason: storage.UnknownError, Code: "InvalidCredentialsFile",
		Message: fmt.Sprintf("key %s of secret %s %s; correct it", c.key, c.secret, what),
	}
}
