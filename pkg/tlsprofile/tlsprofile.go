// Package tlsprofile translates the cluster's TLS security profile into the settings that servers written in Go
// understand. It is a leaf.
package tlsprofile

import (
	"encoding/json"
	"fmt"
	"strings"

	configv1 "github.com/openshift/api/config/v1"
	"github.com/openshift/library-go/pkg/crypto"
)

// Settings are what a server takes from a profile. Their JSON is that of spec.observedConfig.servingInfo.
type Settings struct {
	// MinTLSVersion is one of VersionTLS10 to VersionTLS13, or empty for the server's own default.
	MinTLSVersion string `json:"minTLSVersion"`
	// CipherSuites are IANA names.
	CipherSuites []string `json:"cipherSuites"`
}

// Observation is a profile as far as it can be used.
type Observation struct {
	Settings
	// Unknown are the ciphers of the profile that Go does not have; they are left out.
	Unknown []string
}

// Observe reads a profile. Without a usable one the Intermediate profile applies. It is an error when what the profile
// asks for cannot be expressed: settings made up in its place could be weaker.
func Observe(profile *configv1.TLSSecurityProfile) (Observation, error) {
	spec := specOf(profile)
	observation := Observation{Settings: Settings{MinTLSVersion: string(spec.MinTLSVersion), CipherSuites: []string{}}}
	if _, err := crypto.TLSVersion(observation.MinTLSVersion); err != nil {
		return observation, fmt.Errorf("spec.tlsSecurityProfile.custom.minTLSVersion: %w", err)
	}
	for _, cipher := range spec.Ciphers {
		suites := crypto.OpenSSLToIANACipherSuites([]string{cipher})
		if len(suites) == 0 {
			observation.Unknown = append(observation.Unknown, cipher)
		}
		observation.CipherSuites = append(observation.CipherSuites, suites...)
	}
	if len(observation.CipherSuites) == 0 && len(spec.Ciphers) > 0 {
		return observation, fmt.Errorf("spec.tlsSecurityProfile.custom.ciphers: none of them is known: %s", strings.Join(observation.Unknown, ", "))
	}
	return observation, nil
}

func specOf(profile *configv1.TLSSecurityProfile) *configv1.TLSProfileSpec {
	standard := configv1.TLSProfiles[crypto.DefaultTLSProfileType]
	if profile == nil {
		return standard
	}
	if profile.Type == configv1.TLSProfileCustomType {
		if profile.Custom == nil || profile.Custom.MinTLSVersion == "" && len(profile.Custom.Ciphers) == 0 {
			return standard
		}
		return &profile.Custom.TLSProfileSpec
	}
	if named := configv1.TLSProfiles[profile.Type]; named != nil {
		return named
	}
	return standard
}

// observed is spec.observedConfig.
type observed struct {
	ServingInfo Settings `json:"servingInfo"`
}

// Encode makes the content of spec.observedConfig.
func (s Settings) Encode() ([]byte, error) {
	encoded, err := json.Marshal(observed{s})
	if err != nil {
		return nil, fmt.Errorf("encoding observed TLS settings: %w", err)
	}
	return encoded, nil
}

// Decode reads spec.observedConfig as far as it is about TLS.
func Decode(raw []byte) (Settings, error) {
	var content observed
	if len(raw) == 0 {
		return content.ServingInfo, nil
	}
	if err := json.Unmarshal(raw, &content); err != nil {
		return Settings{}, fmt.Errorf("decoding spec.observedConfig: %w", err)
	}
	return content.ServingInfo, nil
}
