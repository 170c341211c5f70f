package pruner

import (
	"strings"
	"testing"
	"time"
)

// rendered are the arguments that the operator's CronJob has for a registry that is managed.
func rendered(extra ...string) []string {
	return append([]string{
		"adm", "prune", "images", "--confirm=true", "--certificate-authority=/ca.crt", "--keep-tag-revisions=0",
		"--keep-younger-than=1h0m0s", "--ignore-invalid-refs=true", "--loglevel=4",
	}, extra...)
}

func TestParseTheOperatorsArguments(t *testing.T) {
	got, err := Parse(rendered("--prune-registry=true", "--registry-url=https://registry.test:5000"))
	want := Options{
		Confirm: true, CertificateAuthority: "/ca.crt", KeepYoungerThan: time.Hour, IgnoreInvalidRefs: true, LogLevel: 4,
		PruneRegistry: true, RegistryURL: "https://registry.test:5000", All: true,
	}
	if err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	got, err = Parse(rendered("--prune-registry=false"))
	if err != nil || got.PruneRegistry {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name, want string
		args       []string
	}{
		{"another command", "knows only", []string{"get", "pods"}},
		{"half the command", "knows only", []string{"adm", "prune"}},
		{"an unknown flag", "unknown flag: --num-workers", rendered("--num-workers=3")},
		{"what is not implemented", "not implemented", rendered("--prune-registry=false", "--prune-over-size-limit=true")},
		{"an argument that is no flag", "unexpected", rendered("--prune-registry=false", "everything")},
		{"no duration", "keep-younger-than", rendered("--prune-registry=false", "--keep-younger-than=5")},
		{"a negative duration", "negative", rendered("--prune-registry=false", "--keep-younger-than=-5m")},
		{"a negative number", "negative", rendered("--prune-registry=false", "--keep-tag-revisions=-1")},
		{"a verbosity that does not exist", "loglevel", rendered("--prune-registry=false", "--loglevel=11")},
		{"a registry without an address", "registry-url", rendered("--prune-registry=true")},
		{"a registry without TLS", "registry-url", rendered("--registry-url=http://registry.test")},
		{"an address without a registry to prune", "no effect", rendered("--prune-registry=false", "--registry-url=https://registry.test")},
		{"no authority to trust", "certificate-authority", rendered("--registry-url=https://registry.test", "--certificate-authority=")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Parse(test.args); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want an error with %q", err, test.want)
			}
		})
	}
}
