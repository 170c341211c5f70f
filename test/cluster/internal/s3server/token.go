package s3server

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// tokenVerifier knows whose tokens to take: AWS's OpenID Connect provider with its one audience.
type tokenVerifier struct {
	key              *rsa.PublicKey
	issuer, audience string
}

// claims are what a token says. Its audience is a list, as the API server writes it.
type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  []string `json:"aud"`
	Expires   int64    `json:"exp"`
	NotBefore int64    `json:"nbf"`
}

func newTokenVerifier(identity Identity) (*tokenVerifier, error) {
	text, err := os.ReadFile(identity.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("reading the key of the tokens: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("key of the tokens: %s is not a public key in PEM", identity.KeyFile)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("key of the tokens in %s: %w", identity.KeyFile, err)
	}
	public, isRSA := key.(*rsa.PublicKey)
	if !isRSA {
		return nil, fmt.Errorf("key of the tokens in %s is a %T, want RSA", identity.KeyFile, key)
	}
	return &tokenVerifier{key: public, issuer: identity.Issuer, audience: identity.Audience}, nil
}

// subject is whom a token is about, or the refusal of one that does not hold. The texts are AWS's.
func (v *tokenVerifier) subject(token string, now time.Time) (string, *apiError) {
	said, err := v.read(token)
	switch {
	case err != nil:
		return "", &apiError{400, "InvalidIdentityToken", "Couldn't verify the token: " + err.Error()}
	case said.Issuer != v.issuer:
		return "", &apiError{400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for " + said.Issuer}
	case !slices.Contains(said.Audience, v.audience):
		return "", &apiError{400, "InvalidIdentityToken", "Incorrect token audience"}
	case said.Expires <= now.Unix():
		return "", &apiError{400, "ExpiredTokenException", fmt.Sprintf(
			"Token expired: current date/time %d must be before the expiration date/time %d", now.Unix(), said.Expires)}
	case said.NotBefore > now.Unix() || said.Subject == "":
		return "", &apiError{400, "InvalidIdentityToken", "The token is not valid yet, or has no subject"}
	}
	return said.Subject, nil
}

// read is what a token says, if its signature is that of the key.
func (v *tokenVerifier) read(token string) (claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}, errors.New("it is not a JWT")
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	if err := decodeSegment(parts[0], &header); err != nil {
		return claims{}, err
	}
	// The key decides which algorithm there is, not the token.
	if header.Algorithm != "RS256" {
		return claims{}, errors.New("it is not signed with RS256")
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return claims{}, errors.New("its signature is not base64")
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(v.key, crypto.SHA256, digest[:], signature) != nil {
		return claims{}, errors.New("its signature is not the provider's")
	}
	var said claims
	return said, decodeSegment(parts[1], &said)
}

func decodeSegment(segment string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil || json.Unmarshal(text, into) != nil {
		return errors.New("it is not a JWT")
	}
	return nil
}
