package s3server

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
)

// checksums are the headers by which a client may protect a document, with what they hold (in base64).
var checksums = map[string]func() hash.Hash{
	"Content-Md5":              md5.New,
	"X-Amz-Checksum-Crc32":     func() hash.Hash { return crc32.NewIEEE() },
	"X-Amz-Checksum-Crc32c":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"X-Amz-Checksum-Crc64nvme": func() hash.Hash { return crc64.New(crc64.MakeTable(0x9a6c9329ac4bc9b5)) },
	"X-Amz-Checksum-Sha1":      sha1.New,
	"X-Amz-Checksum-Sha256":    sha256.New,
}

// checkChecksum demands a checksum that fits. S3 insists on one for these documents; a client that sends none works
// with lenient servers only.
func checkChecksum(header http.Header, body []byte) *apiError {
	found := false
	for name, algorithm := range checksums {
		value := header.Get(name)
		if value == "" {
			continue
		}
		found = true
		sum := algorithm()
		_, _ = sum.Write(body)
		if base64.StdEncoding.EncodeToString(sum.Sum(nil)) != value {
			return &apiError{
				http.StatusBadRequest, "BadDigest",
				"The " + name + " you specified did not match the calculated checksum.",
			}
		}
	}
	if !found {
		return &apiError{
			http.StatusBadRequest, "InvalidRequest",
			"Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
		}
	}
	return nil
}
