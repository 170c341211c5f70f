package storage

import (
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// Who was told that credentials are missing is told when they are there.
func TestCredentialsThatWereWaitedForAreAnEvent(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		want   string
	}{
		"somebody waits for them": {names.ReasonWaitingForCredentials, "CredentialsFound: using the cloud credentials in secret namespace/name"},
		"nobody does":             {names.ReasonAsExpected, ""},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := events.NewInMemoryRecorder("test", clocktesting.NewFakePassiveClock(time.Now()))
			config := &imageregistryv1.Config{}
			config.Status.Conditions = []operatorv1.OperatorCondition{{Type: names.StorageReady, Reason: tc.reason}}
			p := &pass{controller: &controller{}, config: config, recorder: recorder}
			for range 2 {
				p.followCredentials(credentials{secret: "namespace/name"})
			}
			if got := texts(recorder); got != tc.want {
				t.Errorf("events %q, want %q", got, tc.want)
			}
		})
	}
}
