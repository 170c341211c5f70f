package storage

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// Credentials are the keys of the one Secret that counts.
type Credentials struct {
	// Secret is namespace/name, for messages.
	Secret string
	// User tells that this is the administrator's Secret, whose keys are named otherwise.
	User bool
	Data map[string][]byte
}

// CredentialsFrom chooses the Secret: the administrator's alone when it exists, never merged with the minted one.
// userKeys and mintedKeys say, for the message of WaitingForCredentials, what has to be in either.
func CredentialsFrom(in Inputs, userKeys, mintedKeys string) (Credentials, error) {
	switch {
	case in.UserSecret != nil:
		return credentials(in.UserSecret, true), nil
	case in.MintedSecret != nil:
		return credentials(in.MintedSecret, false), nil
	}
	return Credentials{}, WaitingForCredentials(fmt.Sprintf(
		"waiting for cloud credentials: neither secret %[1]s/%[2]s nor secret %[1]s/%[3]s exists; "+
			"if the cloud credential operator does not provide %[3]s (keys %[5]s), create %[2]s with keys %[4]s",
		names.OperatorNamespace, names.PrivateConfigurationUser, names.CloudCredentials, userKeys, mintedKeys))
}

func credentials(secret *corev1.Secret, user bool) Credentials {
	return Credentials{Secret: secret.Namespace + "/" + secret.Name, User: user, Data: secret.Data}
}

// Get returns the values of keys, all of which must be present and not empty; the error names those that are not.
func (c Credentials) Get(keys ...string) ([]string, error) {
	values := make([]string, len(keys))
	var missing []string
	for i, key := range keys {
		values[i] = string(c.Data[key])
		if values[i] == "" {
			missing = append(missing, key)
		}
	}
	if len(missing) > 0 {
		return nil, WaitingForCredentials(fmt.Sprintf("secret %s has no value for: %s; add it", c.Secret, strings.Join(missing, ", ")))
	}
	return values, nil
}
