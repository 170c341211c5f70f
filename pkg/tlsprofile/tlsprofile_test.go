package tlsprofile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	configv1 "github.com/openshift/api/config/v1"
	"github.com/openshift/library-go/pkg/crypto"
)

// The registry refuses to start on a name it does not know.
func TestEveryProfileConsistsOfNamesThatTheRegistryAccepts(t *testing.T) {
	for profile := range configv1.TLSProfiles {
		got, err := Observe(&configv1.TLSSecurityProfile{Type: profile})
		if err != nil || len(got.CipherSuites) == 0 {
			t.Errorf("%s: %+v, error %v", profile, got, err)
		}
		if _, err := crypto.TLSVersion(got.MinTLSVersion); err != nil || got.MinTLSVersion == "" {
			t.Errorf("%s: version %q: %v", profile, got.MinTLSVersion, err)
		}
		for _, suite := range got.CipherSuites {
			if _, err := crypto.CipherSuite(suite); err != nil {
				t.Errorf("%s: %v", profile, err)
			}
		}
	}
}

func TestObserve(t *testing.T) {
	thirteen := []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
	intermediate := Settings{"VersionTLS12", append(append([]string{}, thirteen...),
		"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
		"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
		"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256")}
	custom := func(version configv1.TLSProtocolVersion, ciphers ...string) *configv1.TLSSecurityProfile {
		return &configv1.TLSSecurityProfile{Type: configv1.TLSProfileCustomType, Custom: &configv1.CustomTLSProfile{
			TLSProfileSpec: configv1.TLSProfileSpec{MinTLSVersion: version, Ciphers: ciphers},
		}}
	}
	for _, tc := range []struct {
		name    string
		profile *configv1.TLSSecurityProfile
		want    Settings
		unknown string
		err     string
	}{
		{name: "no profile is Intermediate", want: intermediate},
		{name: "Intermediate by name", profile: &configv1.TLSSecurityProfile{Type: configv1.TLSProfileIntermediateType}, want: intermediate},
		{name: "Modern", profile: &configv1.TLSSecurityProfile{Type: configv1.TLSProfileModernType}, want: Settings{"VersionTLS13", thirteen}},
		{name: "an empty type is Intermediate", profile: &configv1.TLSSecurityProfile{}, want: intermediate},
		{name: "an unknown type is Intermediate", profile: &configv1.TLSSecurityProfile{Type: "Future"}, want: intermediate},
		{name: "Custom without content is Intermediate", profile: &configv1.TLSSecurityProfile{Type: configv1.TLSProfileCustomType}, want: intermediate},
		{name: "Custom with empty content is Intermediate", profile: custom(""), want: intermediate},
		{
			name:    "content without the type Custom does not count",
			profile: &configv1.TLSSecurityProfile{Type: configv1.TLSProfileIntermediateType, Custom: custom("VersionTLS11").Custom}, want: intermediate,
		},
		{
			name: "Custom keeps its order", profile: custom("VersionTLS11", "ECDHE-RSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"),
			want: Settings{"VersionTLS11", []string{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"}},
		},
		{
			name: "a cipher that Go does not have is left out", profile: custom("VersionTLS12", "DHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256"),
			want: Settings{"VersionTLS12", []string{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}}, unknown: "DHE-RSA-CHACHA20-POLY1305",
		},
		{name: "a version alone has no suites", profile: custom("VersionTLS13"), want: Settings{"VersionTLS13", []string{}}},
		{name: "ciphers of which none is known are refused, not ignored", profile: custom("VersionTLS12", "NONE", "SUCH"), err: "NONE, SUCH"},
		{name: "an unknown version is refused", profile: custom("VersionTLS99", "ECDHE-RSA-AES128-GCM-SHA256"), err: "VersionTLS99"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Observe(tc.profile)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("error %v, want one about %s", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got.Settings); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
			if unknown := strings.Join(got.Unknown, ","); unknown != tc.unknown {
				t.Errorf("unknown %q, want %q", unknown, tc.unknown)
			}
		})
	}
}

func TestOldHasAllItsSuites(t *testing.T) {
	if old, err := Observe(&configv1.TLSSecurityProfile{Type: configv1.TLSProfileOldType}); err != nil || old.MinTLSVersion != "VersionTLS10" || len(old.CipherSuites) != 21 {
		t.Errorf("Old is %s with %d suites, error %v", old.MinTLSVersion, len(old.CipherSuites), err)
	}
}

func TestWhatIsEncodedIsDecoded(t *testing.T) {
	want := Settings{"VersionTLS13", []string{"TLS_AES_128_GCM_SHA256"}}
	raw, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if text := `{"servingInfo":{"minTLSVersion":"VersionTLS13","cipherSuites":["TLS_AES_128_GCM_SHA256"]}}`; string(raw) != text {
		t.Errorf("encoded %s, want %s", raw, text)
	}
	got, err := Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := Decode([]byte(`{"servingInfo":1}`)); err == nil {
		t.Error("servingInfo of the wrong type was decoded")
	}
	if got, err := Decode(nil); err != nil || got.MinTLSVersion != "" {
		t.Errorf("nothing decodes to %+v, error %v", got, err)
	}
}
