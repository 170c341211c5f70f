package storage

import (
	"context"
	"slices"
	"strings"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// abandon deals with a place that was being made ready when the registry was removed, and then with the one that the
// registry was on until then, which stays with its content: spec.storage no longer names it.
func (p *pass) abandon(ctx context.Context, place storage.Coordinates, ours bool) outcome {
	why, conditions := p.doubt(place, ours), p.leftConditions()
	if why == "" {
		progress, o := p.demolish(ctx, place)
		switch {
		case o.reason == names.ReasonStorageNotOwned:
			why = "nothing proves that the operator made it"
		case !progress.Done:
			return o
		default:
			conditions = progress.Conditions
			p.recorder.Eventf(names.EventStorageRemoved, "nothing is left of storage %s, which was being made ready", storage.Describe(place))
		}
	}
	behind := p.forsake(place, why)
	if used := p.config.Status.Storage; len(storage.Configured(&used)) > 0 {
		conditions = nil
		behind = append(p.part(), behind...)
		// Ahead of spec, in which a name without its generated part agrees with every place.
		if err := p.empty(ctx); err != nil {
			return unwritten(p.config, err)
		}
	}
	if err := p.forget(ctx, place, why == ""); err != nil {
		return unwritten(p.config, err)
	}
	return p.removed(conditions, behind...)
}

// doubt says why a place that the registry has not been on must stay; empty where its removal may be tried.
func (p *pass) doubt(place storage.Coordinates, ours bool) string {
	where := storage.Describe(place)
	for _, other := range []string{storage.Describe(p.config.Status.Storage), p.config.Annotations[names.StorageLeftAnnotation]} {
		if together(where, other) {
			return "it may be one with storage " + other
		}
	}
	if !ours {
		return "something was there before"
	}
	return ""
}

// together tells, of two places as they are described, that removing one may remove the other: they are in one account, or
// of one name behind two endpoints.
func together(a, b string) bool {
	outer := func(place string) []string {
		words := strings.Fields(place)
		return words[:min(2, len(words))]
	}
	return slices.Equal(outer(a), outer(b))
}

// forsake says, of a place that was being made ready, why it stays, and names it if nobody else is known to care for it.
func (p *pass) forsake(place storage.Coordinates, why string) (behind []string) {
	where := storage.Describe(place)
	switch {
	case why == "":
		return nil
	case p.config.Spec.Storage.ManagementState != imageregistryv1.StorageManagementStateManaged:
		p.recorder.Eventf(names.EventStorageKept, "storage %s, which was being made ready, is kept: its management state is not Managed", where)
		return nil
	}
	p.recorder.Warningf(names.EventStorageOrphaned, "storage %s, which was being made ready, is left behind: %s", where, why)
	return []string{where}
}

// part says what becomes of the place that the registry was on and that stays, and names it if it was the operator's.
func (p *pass) part() (behind []string) {
	used, spec := p.config.Status.Storage, p.config.Spec.Storage
	where := storage.Describe(used)
	managed := func(c storage.Coordinates) bool {
		return c.ManagementState == imageregistryv1.StorageManagementStateManaged
	}
	if managed(used) && (managed(spec) || !storage.Agree(spec, used)) {
		p.recorder.Warningf(names.EventStorageOrphaned, "storage %s is left behind with its content: spec.storage no longer names it", where)
		return []string{where}
	}
	p.recorder.Eventf(names.EventStorageKept, "storage %s is kept with its content: its management state is not Managed", where)
	return nil
}

const (
	saysRemoved = "storage is removed"
	saysBehind  = "storage is left behind with its content: "
)

// lastWords are what StorageReady says at the end of a removal, and what it goes on to say then.
func lastWords(config *imageregistryv1.Config, behind []string) string {
	if len(behind) > 0 {
		return saysBehind + strings.Join(behind, ", ")
	}
	for _, said := range config.Status.Conditions {
		if said.Type == names.StorageReady && said.Status == operatorv1.ConditionTrue && strings.HasPrefix(said.Message, saysBehind) {
			return said.Message
		}
	}
	return saysRemoved
}
