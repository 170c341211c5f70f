package swift

import (
	"strings"
	"testing"
)

func TestNormalAuthURL(t *testing.T) {
	for given, want := range map[string]string{
		"http://h:5000/v3":              "http://h:5000/v3",
		"http://h:5000":                 "http://h:5000/v3",
		"http://h:5000/":                "http://h:5000/v3",
		"http://h:5000/./././":          "http://h:5000/v3",
		"http://h:5000/./././v3//":      "http://h:5000/v3/",
		"http://h:5000/v3/":             "http://h:5000/v3/",
		"http://h:5000/v2.0":            "http://h:5000/v2.0",
		"h:5000/v3":                     "http://h:5000/v3",
		"h":                             "http://h/v3",
		"HTTPS://Keystone.Example.COM/": "https://keystone.example.com/v3",
		"https://h:443/v3":              "https://h/v3",
		"http://h:80/v3":                "http://h/v3",
		"https://h:80/v3":               "https://h:80/v3",
		"https://10.0.0.1:13000/v3":     "https://10.0.0.1:13000/v3",
		"https://[FD00::9]:5000/v3":     "https://[fd00::9]:5000/v3",
		" https://h/v3\n":               "https://h/v3",
		// Keystone below a prefix: with its version anywhere, without only where it is commonly mounted.
		"https://h/identity/v3":    "https://h/identity/v3",
		"https://h/some/where/v3/": "https://h/some/where/v3/",
		"https://h/identity":       "https://h/identity/v3",
		"https://h/a/../identity/": "https://h/identity/v3",
		"https://h/keystone":       "https://h/keystone/v3",
	} {
		if got, err := normalAuthURL(given, 3); err != nil || got != want {
			t.Errorf("%q became %q, %v; want %q", given, got, err, want)
		}
	}
	if got, err := normalAuthURL("http://h:5000", 2); err != nil || got != "http://h:5000/v2" {
		t.Errorf("without a path and with version 2: %q, %v", got, err)
	}
}

func TestRefusedAuthURL(t *testing.T) {
	for given, want := range map[string]string{
		"http://h:5000/./././v/3//":      "does not name the version",
		"INVALID_URL":                    "no valid host",
		"http://h:5000/abracadabra":      "does not name the version",
		"/v3":                            "no valid host",
		"":                               "no valid host",
		"ftp://h/v3":                     "neither http nor https",
		"https://user:hunter2@h/v3":      "more than",
		"https://h/v3?a=b":               "more than",
		"https://fd00::9/v3":             "not a URL",
		"https://h:port/v3":              "not a URL",
		"https://user:hunter2@h:port/v3": "not a URL",
	} {
		got, err := normalAuthURL(given, 3)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q became %q, %v; want an error with %q", given, got, err, want)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error for %q says too much: %v", given, err)
		}
	}
}
