package storage

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	configv1 "github.com/openshift/api/config/v1"
	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
)

func TestAdvice(t *testing.T) {
	many := make([]Class, 8)
	for i := range many {
		many[i] = Class{Name: fmt.Sprintf("c%d", i), Provisioner: "p"}
	}
	many[7].Default = true
	for name, tc := range map[string]struct {
		platform configv1.PlatformType
		classes  []Class
		has, not []string
	}{
		"no class: a trial and a claim of one's own": {
			configv1.BareMetalPlatformType, nil,
			[]string{"Platform BareMetal has no storage", "no storage class", "S3-compatible", `-p '{"spec":{"managementState":"Managed","storage":{"emptyDir":{}}}}'`, `"claim":"NAME"`},
			[]string{`"claim":""`},
		},
		"classes without a default are named with their provisioners": {
			configv1.NonePlatformType,
			[]Class{{Name: "b", Provisioner: "nfs.example.com"}, {Name: "a", Provisioner: "ceph.example.com"}},
			[]string{"storage class a (ceph.example.com), b (nfs.example.com)", "emptyDir"},
			[]string{`"claim":""`},
		},
		"a default class comes first and into the command": {
			configv1.VSpherePlatformType,
			[]Class{{Name: "a", Provisioner: "p"}, {Name: "z", Provisioner: "csi.vsphere.vmware.com", Default: true}},
			[]string{"storage class z (csi.vsphere.vmware.com, the default), a (p)", "ReadWriteMany", `-p '{"spec":{"managementState":"Managed","storage":{"pvc":{"claim":""}}}}'`},
			nil,
		},
		"many classes are counted":  {configv1.ExternalPlatformType, many, []string{"c7 (p, the default), c0 (p)", "and 3 more"}, []string{"c6"}},
		"a platform without a name": {"", nil, []string{"Platform unknown"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := Advice(tc.platform, tc.classes)
			for _, part := range tc.has {
				if !strings.Contains(got, part) {
					t.Errorf("lacks %q: %s", part, got)
				}
			}
			for _, part := range tc.not {
				if strings.Contains(got, part) {
					t.Errorf("has %q: %s", part, got)
				}
			}
			requireCommands(t, got)
		})
	}
}

// requireCommands checks that each command in the text is one that Config takes and that gives it one storage.
func requireCommands(t *testing.T, text string) {
	t.Helper()
	commands := regexp.MustCompile(`oc patch configs\.imageregistry\.operator\.openshift\.io/cluster --type merge -p '([^']*)'`).FindAllStringSubmatch(text, -1)
	if len(commands) == 0 || len(commands) != strings.Count(text, "oc patch") {
		t.Fatalf("%d commands in %s", len(commands), text)
	}
	for _, command := range commands {
		decoder := json.NewDecoder(strings.NewReader(command[1]))
		decoder.DisallowUnknownFields()
		var config imageregistryv1.Config
		if err := decoder.Decode(&config); err != nil {
			t.Errorf("%s: %v", command[1], err)
		}
		if len(Configured(&config.Spec.Storage)) != 1 {
			t.Errorf("%s does not name one storage", command[1])
		}
	}
}
