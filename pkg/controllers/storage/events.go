package storage

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	corev1 "k8s.io/api/core/v1"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/conditions"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// tell raises the event for the step from the conditions before to what o says. Messages may change at every attempt:
// only another status or reason is news.
func tell(recorder events.Recorder, before []operatorv1.OperatorCondition, o outcome, removing bool) {
	was, ready := operatorv1.OperatorCondition{}, o.ready()
	if known := conditions.Find(before, names.StorageReady); known != nil {
		was = *known
	}
	if was.Status == ready.Status && was.Reason == ready.Reason && reasonOf(before) == reasonOf(o.conditions) {
		return
	}
	if ready.Status == operatorv1.ConditionTrue {
		if !removing && failed(was) {
			recorder.Event(names.EventStorageRecovered, ready.Message)
		}
		return
	}
	switch ready.Reason {
	case names.ReasonStorageChanging, names.ReasonStorageMoving:
	case names.ReasonStorageRemoving:
		if was.Reason != ready.Reason {
			recorder.Event(names.EventStorageRemoving, ready.Message)
		}
	case names.ReasonWaitingForCredentials:
		recorder.Warning(names.EventWaitingForCredentials, ready.Message)
	default:
		recorder.Warningf(names.EventStorageFailed, "%s: %s", ready.Reason, ready.Message)
	}
}

// failed tells that the condition was a complaint.
func failed(was operatorv1.OperatorCondition) bool {
	return was.Status == operatorv1.ConditionFalse && !atWork(was.Reason)
}

// atWork tells that the reason is no complaint.
func atWork(reason string) bool {
	return reason == names.ReasonStorageChanging || reason == names.ReasonStorageMoving || reason == names.ReasonStorageRemoving
}

// reasonOf is the cloud's code for what is wrong with the medium.
func reasonOf(list []operatorv1.OperatorCondition) string {
	if exists := conditions.Find(list, names.StorageExists); exists != nil && exists.Status != operatorv1.ConditionTrue {
		return exists.Reason
	}
	return ""
}

// credentials are those that were used last: where they are, and what identifies them without being them.
type credentials struct {
	secret string
	digest [sha256.Size]byte
}

// record is what the pair Secret keeps of them: the Secret and its digest.
func (c credentials) record() string { return c.secret + " " + hex.EncodeToString(c.digest[:]) }

func credentialsOf(in storage.Inputs, kind storage.Kind) credentials {
	var secret *corev1.Secret
	switch {
	case kind == storage.EmptyDir, kind == storage.PVC:
		return credentials{}
	case in.UserSecret != nil:
		secret = in.UserSecret
	case in.MintedSecret != nil:
		secret = in.MintedSecret
	default:
		return credentials{}
	}
	encoded, err := json.Marshal(secret.Data)
	if err != nil {
		panic(err) // plain data always encodes
	}
	return credentials{secret: secret.Namespace + "/" + secret.Name, digest: sha256.Sum256(encoded)}
}

// followCredentials raises an event when others are used than before. The first ones of a process are news only when
// somebody was waiting for them.
func (p *pass) followCredentials(now credentials) {
	before := p.used
	p.used = now
	waited := false
	if was := conditions.Find(p.config.Status.Conditions, names.StorageReady); was != nil {
		waited = was.Reason == names.ReasonWaitingForCredentials
	}
	switch {
	case now.secret == "", now == before:
	case waited:
		p.recorder.Eventf(names.EventCredentialsFound, "using the cloud credentials in secret %s", now.secret)
	case before.secret == "":
	case now.secret != before.secret:
		p.recorder.Eventf(names.EventCredentialsChanged, "using the cloud credentials in secret %s instead of those in secret %s", now.secret, before.secret)
	default:
		p.recorder.Eventf(names.EventCredentialsChanged, "the cloud credentials in secret %s have changed", now.secret)
	}
}

// announce raises the events of a switch and counts it. A place that is left behind keeps its content: its name must not be
// lost with it.
func (p *pass) announce(driver storage.Driver, before, after storage.Coordinates) {
	kinds := storage.Configured(&before)
	moved := storage.LocationHash(before) != storage.LocationHash(after)
	switch {
	case len(kinds) == 0:
		if !p.created(after) {
			p.recorder.Eventf(names.EventStorageAdopted, "the registry uses storage %s (management state %s)", storage.Describe(after), after.ManagementState)
		}
		return
	case !moved && before.ManagementState != "" && before.ManagementState != after.ManagementState:
		p.recorder.Eventf(names.EventStorageManagementStateChanged, "spec.storage.managementState of storage %s changed from %s to %s: %s",
			storage.Describe(after), before.ManagementState, after.ManagementState, consequence(after.ManagementState))
		return
	case !moved:
		return
	}
	p.recorder.Eventf(names.EventStorageChanged, "the registry now uses %s (management state %s); %s",
		storage.Describe(after), after.ManagementState, fate(before, after))
	if kinds[0] != driver.Kind || driver.Identity(&before) != driver.Identity(&after) {
		p.Metrics.StorageReconfigured()
	}
}

func consequence(state string) string {
	if state == imageregistryv1.StorageManagementStateManaged {
		return "the operator configures it, and deletes it when the registry is removed"
	}
	return "the operator neither configures nor deletes it"
}
