// Package certificates looks into texts of PEM encoded certificates. It never changes what it keeps: comments, order
// and line ends of an administrator's text survive.
package certificates

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

const blockType = "CERTIFICATE"

// Verify requires at least one certificate, and that all of them parse. Text between them is fine.
func Verify(text []byte) error {
	found := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != blockType {
			continue
		}
		found++
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("certificate %d does not parse: %w", found, err)
		}
	}
	if found == 0 {
		return errors.New("no PEM encoded certificate in it")
	}
	return nil
}

// Any tells whether a certificate of the text parses.
func Any(text []byte) bool {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != blockType {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err == nil {
			return true
		}
	}
	return false
}

// Join puts texts one after the other, each on a line of its own, and leaves out certificates that came before. A
// text that repeats nothing is kept byte by byte.
func Join(texts ...string) string {
	var joined strings.Builder
	seen := map[[sha256.Size]byte]bool{}
	for _, text := range texts {
		kept := withoutRepeats(text, seen)
		if kept == "" {
			continue
		}
		if joined.Len() > 0 {
			joined.WriteString("\n")
		}
		joined.WriteString(kept)
	}
	return joined.String()
}

// withoutRepeats drops each certificate that is in seen, with the text in front of it, and adds the others to seen.
func withoutRepeats(text string, seen map[[sha256.Size]byte]bool) string {
	var kept strings.Builder
	rest := []byte(text)
	for {
		block, after := pem.Decode(rest)
		if block == nil {
			break
		}
		part := rest[:len(rest)-len(after)]
		rest = after
		sum := sha256.Sum256(block.Bytes)
		if block.Type == blockType && seen[sum] {
			continue
		}
		seen[sum] = seen[sum] || block.Type == blockType
		kept.Write(part)
	}
	if strings.TrimSpace(string(rest)) == "" && kept.Len() == 0 {
		return ""
	}
	kept.Write(rest)
	return kept.String()
}
