package s3

import (
	"fmt"
	"strings"

	"gopkg.in/ini.v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// Keys of the Secrets.
const (
	userAccessKey   = "REGISTRY_STORAGE_S3_ACCESSKEY"
	userSecretKey   = "REGISTRY_STORAGE_S3_SECRETKEY"
	mintedText      = "credentials"
	mintedAccessKey = "aws_access_key_id"
	mintedSecretKey = "aws_secret_access_key"

	userKeys   = userAccessKey + " and " + userSecretKey
	mintedKeys = mintedText + ", or " + mintedAccessKey + " and " + mintedSecretKey

	// factCredentials is the key of the credentials text in the pair Secret and in the registry's Secret.
	factCredentials = "credentials"
	profileName     = "default"
)

// credentialsText is the shared credentials file that operator and registry use. A text from the Secret is passed
// through as it is: with short-lived credentials it names a role and a token file.
func credentialsText(c storage.Credentials) (string, error) {
	if !c.User {
		if text := string(c.Data[mintedText]); text != "" {
			return text, nil
		}
		if len(c.Data[mintedAccessKey]) == 0 && len(c.Data[mintedSecretKey]) == 0 {
			return "", storage.WaitingForCredentials(fmt.Sprintf("secret %s has none of the keys that S3 needs: %s; add them", c.Secret, mintedKeys))
		}
	}
	keys := []string{mintedAccessKey, mintedSecretKey}
	if c.User {
		keys = []string{userAccessKey, userSecretKey}
	}
	values, err := c.Get(keys...)
	if err != nil {
		return "", err
	}
	// A line break at the end of a key is a common slip of the hand; inside the file it would be another line.
	return fmt.Sprintf("[%s]\n%s = %s\n%s = %s\n", profileName,
		mintedAccessKey, strings.TrimSpace(values[0]), mintedSecretKey, strings.TrimSpace(values[1])), nil
}

// profile is the default profile of a credentials text: static keys, or a role assumed with a token.
type profile struct {
	accessKey, secretKey, sessionToken  string
	roleARN, tokenFile, roleSessionName string
}

// parseProfile reads the text in memory; it must never reach a disk. A comment starts only at the beginning of a line,
// and there are neither quotes nor continuations: secret keys may contain any character.
func parseProfile(text, secret string) (profile, error) {
	file, err := ini.LoadSources(ini.LoadOptions{
		IgnoreInlineComment:       true,
		IgnoreContinuation:        true,
		PreserveSurroundedQuote:   true,
		SkipUnrecognizableLines:   true,
		KeyValueDelimiters:        "=",
		UnparseableSections:       nil,
		AllowNonUniqueSections:    false,
		SpaceBeforeInlineComment:  false,
		UnescapeValueDoubleQuotes: false,
	}, []byte(text))
	if err != nil {
		// The parser's error quotes the line it stumbles over, which may be a key.
		return profile{}, badProfile(secret, "is not an AWS credentials file")
	}
	section, err := file.GetSection(profileName)
	if err != nil {
		if section, err = file.GetSection("profile " + profileName); err != nil {
			return profile{}, badProfile(secret, "has no section [default]")
		}
	}
	value := func(key string) string { return section.Key(key).String() }
	p := profile{
		accessKey: value(mintedAccessKey), secretKey: value(mintedSecretKey), sessionToken: value("aws_session_token"),
		roleARN: value("role_arn"), tokenFile: value("web_identity_token_file"), roleSessionName: value("role_session_name"),
	}
	if !p.static() && !p.webIdentity() {
		return profile{}, badProfile(secret, "has under [default] neither aws_access_key_id and aws_secret_access_key "+
			"nor role_arn and web_identity_token_file")
	}
	return p, nil
}

func (p profile) static() bool      { return p.accessKey != "" && p.secretKey != "" }
func (p profile) webIdentity() bool { return p.roleARN != "" && p.tokenFile != "" }

func badProfile(secret, what string) error {
	return &storage.Error{
		Status: "Unknown", ConditionReason: storage.UnknownError, Code: "InvalidCredentialsFile",
		Message: fmt.Sprintf("key %s of secret %s %s; correct it", mintedText, secret, what),
	}
}
