package proxy

import (
	"strings"
	"testing"

	configv1 "github.com/openshift/api/config/v1"
)

func TestStatus(t *testing.T) {
	networks := Networks{Cluster: []string{"10.1.0.0/16"}, Service: []string{"10.2.0.0/16"}, Machine: []string{"10.3.0.0/16"}, APIServer: "api-int.x"}
	aws := func(region string) *configv1.PlatformStatus {
		return &configv1.PlatformStatus{Type: configv1.AWSPlatformType, AWS: &configv1.AWSPlatformStatus{Region: region}}
	}
	const always = ".cluster.local,.svc,10.1.0.0/16,10.2.0.0/16,10.3.0.0/16,127.0.0.1"
	for name, c := range map[string]struct {
		spec     configv1.ProxySpec
		platform *configv1.PlatformStatus
		want     configv1.ProxyStatus
	}{
		"no proxy, no status, whatever noProxy says": {
			configv1.ProxySpec{NoProxy: "a"}, aws("eu"), configv1.ProxyStatus{},
		},
		"the cluster's own networks are added and all is sorted": {
			configv1.ProxySpec{HTTPProxy: "http://p:3128", NoProxy: " b , a,,b"},
			nil,
			configv1.ProxyStatus{HTTPProxy: "http://p:3128", NoProxy: always + ",a,api-int.x,b,localhost"},
		},
		"AWS adds its metadata service and its region's names": {
			configv1.ProxySpec{HTTPSProxy: "https://p"},
			aws("eu-north-1"),
			configv1.ProxyStatus{HTTPSProxy: "https://p", NoProxy: ".cluster.local,.eu-north-1.compute.internal,.svc,10.1.0.0/16,10.2.0.0/16,10.3.0.0/16,127.0.0.1,169.254.169.254,api-int.x,localhost"},
		},
		"us-east-1 has a name of its own": {
			configv1.ProxySpec{HTTPSProxy: "https://p"},
			aws("us-east-1"),
			configv1.ProxyStatus{HTTPSProxy: "https://p", NoProxy: ".cluster.local,.ec2.internal,.svc,10.1.0.0/16,10.2.0.0/16,10.3.0.0/16,127.0.0.1,169.254.169.254,api-int.x,localhost"},
		},
		"a star means everything": {
			configv1.ProxySpec{HTTPProxy: "http://p", NoProxy: "*"}, aws("eu"), configv1.ProxyStatus{HTTPProxy: "http://p", NoProxy: "*"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Status(c.spec, c.platform, networks)
			if err != nil || got != c.want {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, c.want)
			}
		})
	}
}

func TestStatusRefuses(t *testing.T) {
	for name, spec := range map[string]configv1.ProxySpec{
		"spec.httpProxy: must be an http":  {HTTPProxy: "socks://p"},
		"spec.httpsProxy: must be an http": {HTTPSProxy: "https://"},
		"spec.httpProxy: not a URL":        {HTTPProxy: "http://user:secret@%zz"},
		"spec.readinessEndpoints":          {ReadinessEndpoints: []string{"http://x"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Status(spec, nil, Networks{})
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows a password: %v", err)
			}
		})
	}
}
