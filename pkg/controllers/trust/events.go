package trust

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// announce raises an event when there is something new to complain about, or nothing any more.
func announce(recorder events.Recorder, config *imageregistryv1.Config, condition operatorv1.OperatorCondition) {
	before := ""
	for _, stored := range config.Status.Conditions {
		if stored.Type == condition.Type {
			before = stored.Message
		}
	}
	switch {
	case before == condition.Message:
	case condition.Message == "":
		recorder.Event(names.EventCertificateAuthoritiesRecovered, "there is nothing to complain about in the additional trusted CAs any more")
	default:
		recorder.Warning(names.EventCertificateAuthorities, condition.Message)
	}
}

// published raises an event that names the keys in which what pods and nodes trust has changed.
func published(recorder events.Recorder, before *corev1.ConfigMap, after Content) {
	if before == nil {
		before = &corev1.ConfigMap{}
	}
	was, is := contents(before.Data, before.BinaryData), contents(after.Data, after.BinaryData)
	var added, changed, removed []string
	for key, value := range is {
		if old, found := was[key]; !found {
			added = append(added, key)
		} else if !bytes.Equal(old, value) {
			changed = append(changed, key)
		}
	}
	for key := range was {
		if _, found := is[key]; !found {
			removed = append(removed, key)
		}
	}
	texts := slices.Concat(list("added", added), list("changed", changed), list("removed", removed))
	if len(texts) > 0 {
		recorder.Eventf(names.EventCertificateAuthoritiesPublished, "configmap %s/%s: %s", names.OperatorNamespace, names.Certificates, strings.Join(texts, "; "))
	}
}

func contents(data map[string]string, binary map[string][]byte) map[string][]byte {
	all := map[string][]byte{}
	for key, value := range data {
		all[key] = []byte(value)
	}
	for key, value := range binary {
		all[key] = value
	}
	return all
}

// maxKeys bounds an event: people read it in one line.
const maxKeys = 6

func list(verb string, keys []string) []string {
	if len(keys) == 0 {
		return nil
	}
	slices.Sort(keys)
	more := ""
	if len(keys) > maxKeys {
		keys, more = keys[:maxKeys], fmt.Sprintf(" and %d more", len(keys)-maxKeys)
	}
	return []string{verb + " " + strings.Join(keys, ", ") + more}
}
