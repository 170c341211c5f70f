// Package httpsecret makes values for spec.httpSecret of Config: bootstrap gives one to the Config that it creates, the
// registry controller to one that lacks it.
package httpsecret

import (
	"crypto/rand"
	"encoding/hex"
)

// size is the number of random bytes in a generated value.
const size = 64

// New makes a value.
func New() string {
	random := make([]byte, size)
	// Never fails: see crypto/rand.
	_, _ = rand.Read(random)
	return hex.EncodeToString(random)
}
