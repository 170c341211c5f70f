package configobserver

import (
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"

	operatorv1 "github.com/openshift/api/operator/v1"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/tlsprofile"
)

// same compares what two JSON documents say. What does not parse is like nothing else.
func same(a, b []byte) bool {
	var left, right any
	return json.Unmarshal(a, &left) == nil && json.Unmarshal(b, &right) == nil && equality.Semantic.DeepEqual(left, right)
}

// announce raises an event for each setting that differs from what was observed before.
func announce(recorder events.Recorder, before []byte, now tlsprofile.Settings) {
	was, err := tlsprofile.Decode(before)
	if err != nil {
		was = tlsprofile.Settings{}
	}
	if was.MinTLSVersion != now.MinTLSVersion {
		recorder.Eventf("ObserveTLSSecurityProfile", "minTLSVersion changed from %q to %q", was.MinTLSVersion, now.MinTLSVersion)
	}
	if !slices.Equal(was.CipherSuites, now.CipherSuites) {
		recorder.Eventf("ObserveTLSSecurityProfile", "cipherSuites changed from %q to %q", was.CipherSuites, now.CipherSuites)
	}
	recorder.Event("ObservedConfigChanged", "Wrote the cluster's TLS security profile to spec.observedConfig")
}

func degraded(failure error) operatorv1.OperatorCondition {
	condition := operatorv1.OperatorCondition{Type: names.ConfigObservationDegraded, Status: operatorv1.ConditionFalse}
	if failure != nil {
		condition.Status, condition.Reason, condition.Message = operatorv1.ConditionTrue, names.ReasonError, failure.Error()
	}
	return condition
}

// shown tells whether the condition with its message is stored already: what has been told once is no news.
func shown(stored []operatorv1.OperatorCondition, condition operatorv1.OperatorCondition) bool {
	return slices.ContainsFunc(stored, func(have operatorv1.OperatorCondition) bool {
		return have.Type == condition.Type && have.Status == condition.Status && have.Message == condition.Message
	})
}

// unusable is the error for a profile that cannot be expressed.
func unusable(err error) error {
	return fmt.Errorf("apiserver %s: %w; the registry keeps the settings it has", names.Cluster, err)
}
