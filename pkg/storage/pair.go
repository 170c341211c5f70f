package storage

import (
	"maps"
	"strings"
)

// Keys of the pair Secret (decision 8).
const (
	pairLocation    = "location"
	pairCreated     = "created"
	pairCredentials = "credentials"
	pairFact        = "fact."
)

// EncodePair is the content of Secret names.StoragePair: what was learned about a location, tied to that location.
func EncodePair(coordinates Coordinates, facts Facts) map[string][]byte {
	data := map[string][]byte{pairLocation: []byte(LocationHash(coordinates))}
	for name, value := range facts {
		data[pairFact+name] = value
	}
	return data
}

// DecodePair takes the content of the pair Secret apart: the hash of the location and the facts that hold for it.
func DecodePair(data map[string][]byte) (locationHash string, facts Facts) {
	facts = Facts{}
	for key, value := range data {
		if name, found := strings.CutPrefix(key, pairFact); found {
			facts[name] = value
		}
	}
	return string(data[pairLocation]), facts
}

// WithCreation adds to the content of a pair Secret that the operator created the medium at its location.
func WithCreation(data map[string][]byte) map[string][]byte {
	data = maps.Clone(data)
	data[pairCreated] = data[pairLocation]
	return data
}

// CreationRecorded tells whether the content of the pair Secret says that the operator created the medium at
// coordinates.
func CreationRecorded(data map[string][]byte, coordinates Coordinates) bool {
	return string(data[pairCreated]) == LocationHash(coordinates)
}

// WithCredentials adds to the content of a pair Secret by which credentials its facts were learned, as a text that
// identifies them.
func WithCredentials(data map[string][]byte, credentials string) map[string][]byte {
	data = maps.Clone(data)
	data[pairCredentials] = []byte(credentials)
	return data
}

// CredentialsRecorded is what WithCredentials added; empty when nothing was.
func CredentialsRecorded(data map[string][]byte) string { return string(data[pairCredentials]) }
