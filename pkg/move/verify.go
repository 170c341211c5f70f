package move

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
)

// errCorrupt is the error for a file that is not what its path says. Copying it again does not help.
var errCorrupt = errors.New("corrupt")

// hashFor makes the hash of a blob; nil for a file that carries no digest in its path.
func hashFor(path string) (sum hash.Hash, want string, err error) {
	algorithm, digest, found := digestOf(path)
	if !found {
		return nil, "", nil
	}
	switch algorithm {
	case "sha256":
		return sha256.New(), digest, nil
	case "sha384":
		return sha512.New384(), digest, nil
	case "sha512":
		return sha512.New(), digest, nil
	}
	return nil, "", fmt.Errorf("%w: digests of algorithm %q cannot be verified", errCorrupt, algorithm)
}

// verified reads size bytes and fails, instead of handing out the last of them, unless there are as many, no more, and
// with the digest that they should have: who writes by size does not read on to the end.
type verified struct {
	source io.Reader
	size   int64
	read   int64
	sum    hash.Hash
	want   string
	failed error
}

// Read implements io.Reader.
func (v *verified) Read(p []byte) (int, error) {
	if v.failed != nil {
		return 0, v.failed
	}
	if v.size == 0 {
		v.failed = io.EOF
		if err := v.check(); err != nil {
			v.failed = err
		}
		return 0, v.failed
	}
	n, err := v.source.Read(p[:min(int64(len(p)), v.size-v.read)])
	v.read += int64(n)
	if v.sum != nil {
		v.sum.Write(p[:n])
	}
	switch {
	case v.read == v.size:
		v.failed = io.EOF
		if err := v.check(); err != nil {
			v.failed = err
			return 0, err
		}
		return n, nil
	case errors.Is(err, io.EOF):
		v.failed = fmt.Errorf("it ends after %d of %d bytes: %w", v.read, v.size, io.ErrUnexpectedEOF)
		return 0, v.failed
	case err != nil:
		v.failed = err
	}
	return n, err
}

func (v *verified) check() error {
	if n, err := io.ReadFull(v.source, make([]byte, 1)); n > 0 {
		return fmt.Errorf("it is longer than the %d bytes that were listed", v.size)
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	if v.sum == nil {
		return nil
	}
	if got := hex.EncodeToString(v.sum.Sum(nil)); got != v.want {
		return fmt.Errorf("%w: its content has the digest %s", errCorrupt, got)
	}
	return nil
}
