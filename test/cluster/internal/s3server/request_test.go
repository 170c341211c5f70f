package s3server

import (
	"net/http/httptest"
	"testing"
)

func TestTargets(t *testing.T) {
	const domain = "s3.us-east-1.cluster.test"
	for _, tc := range []struct {
		url  string
		want target
		ours bool
	}{
		{"https://" + domain + "/b/k/l", target{"b", "k/l"}, true},
		{"https://" + domain + ":8443/b", target{"b", ""}, true},
		{"https://b." + domain + "/k/l", target{"b", "k/l"}, true},
		{"https://127.0.0.1:9000/b/k", target{"b", "k"}, true},
		{"https://[::1]:9000/b/k", target{"b", "k"}, true},
		{"https://[::1]/", target{}, true},
		{"https://s3.eu-west-1.cluster.test/b", target{"", "b"}, false},
		{"https://cluster.test/b", target{"", "b"}, false},
	} {
		got, ours := parseTarget(httptest.NewRequest("GET", tc.url, nil), domain)
		if ours != tc.ours || ours && got != tc.want {
			t.Errorf("%s: %+v %t, want %+v %t", tc.url, got, ours, tc.want, tc.ours)
		}
	}
}
