package azureserver

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"strings"
)

// signedByCertificate tells whether assertion is a JWT about client whose signature fits the first certificate of the
// chain that it carries. Azure also asks whether it knows the certificate; here any will do.
func signedByCertificate(assertion, client string) bool {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return false
	}
	var header struct {
		Algorithm string   `json:"alg"`
		Chain     []string `json:"x5c"`
	}
	var claims struct {
		Subject string `json:"sub"`
	}
	if !decodePart(parts[0], &header) || !decodePart(parts[1], &claims) || len(header.Chain) == 0 || claims.Subject != client {
		return false
	}
	der, err := base64.StdEncoding.DecodeString(header.Chain[0])
	if err != nil {
		return false
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return false
	}
	key, isRSA := certificate.PublicKey.(*rsa.PublicKey)
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !isRSA {
		return false
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	switch header.Algorithm {
	case "PS256":
		return rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, nil) == nil
	case "RS256":
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	}
	return false
}

func decodePart(part string, into any) bool {
	text, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(text, into) == nil
}
