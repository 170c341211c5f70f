package storage

import (
	"context"
	"errors"
	"strings"
	"time"

	"k8s.io/klog/v2"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// standing is how changed credentials fare at the place that the registry is on while spec.storage names another.
type standing struct {
	// tried are those that do not serve there, and secret is where they are; empty when there are none.
	tried, secret string
	// lost tells that the registry has no others.
	lost bool
	// failures counts how often they were tried, next is when they are tried again.
	failures int
	next     time.Time
}

// refused notes that credentials did not serve. They may yet: clouds take their time to spread a new key.
func (s *standing) refused(tried, secret string, lost bool, now time.Time) {
	if s.tried != tried || s.lost != lost {
		*s = standing{tried: tried, secret: secret, lost: lost}
	}
	s.failures++
	wait := backoff(s.failures)
	if wait >= lastRetry {
		wait = checkInterval
	}
	s.next = now.Add(wait)
}

// stay looks after a registry that stays where it is, because the place that spec.storage names cannot be had, or images
// are being moved there first: o says so, and changed credentials reach the registry if they serve at its place.
func (p *pass) stay(ctx context.Context, o outcome) outcome {
	used := p.config.Status.Storage
	if len(storage.Configured(&used)) == 0 || o.reason == "" || storage.Agree(p.config.Spec.Storage, used) {
		p.standing = standing{}
		return o
	}
	err := p.refresh(ctx, used, o.reason)
	if err == nil {
		err = p.followPair(ctx, used)
	}
	if ended(ctx) {
		return outcome{err: ctx.Err()}
	} else if err != nil {
		return unwritten(p.config, err)
	}
	if !p.standing.next.IsZero() {
		o.next = earliest(o.next, p.standing.next)
	}
	o.message += staying(used, o.reason, p.standing)
	return o
}

// staying says where the registry stays, where that has not been said, and what it needs there.
func staying(used storage.Coordinates, reason string, s standing) string {
	text := "; the registry stays on " + storage.Describe(used)
	switch {
	case s.lost && s.secret == "":
		return text + " as it runs now: that storage cannot be reached to learn anew how the registry gets there"
	case s.lost:
		return text + " as it runs now: the credentials that it was rolled out with are no longer known, and those in secret " +
			s.secret + " do not serve there"
	case s.secret != "":
		return text + " with its former credentials, which have to remain valid: those in secret " + s.secret + " do not serve there"
	case reason == names.ReasonStorageMoving, reason == names.ReasonStorageMoveFailed:
		return ""
	}
	return text
}

// refresh takes changed credentials over into the pair of the place that the registry is on. Those that do not serve
// there are meant for the place that spec.storage names, and change nothing. A pair that has been deleted, or that is of another
// place since a switch was broken off, is learned anew: without it nothing of the registry is rolled out.
func (p *pass) refresh(ctx context.Context, used storage.Coordinates, reason string) error {
	driver, known := p.driverOf(used)
	if !known {
		return nil
	}
	pair, err := p.Secret(names.StoragePair)
	if err != nil {
		return err
	}
	in, err := p.inputs()
	if err != nil {
		return err
	}
	in.Coordinates, in.Managed, in.Created = *used.DeepCopy(), false, p.created(used)
	ways, lost := everyWay(in), pair == nil || !paired(pair.Data, used)
	switch {
	case lost:
	case reason == names.ReasonStorageChanging:
		// While the new place is being made ready nothing is wrong: the registry is about to leave.
		return nil
	default:
		ways = changedCredentials(in, driver.Kind, storage.CredentialsRecorded(pair.Data))
	}
	if len(ways) == 0 {
		p.standing = standing{}
		return nil
	}
	return p.takeOver(ctx, driver, ways, lost)
}

// paired tells that a pair is of the place.
func paired(pair map[string][]byte, place storage.Coordinates) bool {
	location, _ := storage.DecodePair(pair)
	return location == storage.LocationHash(place)
}

// everyWay are the inputs with which a place may be reached when nothing is known of how it was reached before.
func everyWay(in storage.Inputs) []storage.Inputs {
	ways := []storage.Inputs{in}
	if in.UserSecret != nil && in.MintedSecret != nil {
		minted := in
		minted.UserSecret = nil
		ways = append(ways, minted)
	}
	return ways
}

// driverOf is the driver of storage that is in use, if this release has one.
func (p *pass) driverOf(used storage.Coordinates) (storage.Driver, bool) {
	driver, err := p.Drivers.Select(&used)
	return driver, err == nil
}

// takeOver puts what the first of the ways that serves shows into the pair.
func (p *pass) takeOver(ctx context.Context, driver storage.Driver, ways []storage.Inputs, lost bool) error {
	way, result, err := p.serving(ctx, driver, ways, lost, &p.standing)
	if err != nil || result == nil {
		return err
	}
	return p.applyPair(ctx, result, credentialsOf(way, driver.Kind))
}

// serving tries credentials in turn, unless they have been refused a moment ago, and returns the first that serve with what
// they show; nothing when none do.
func (p *pass) serving(ctx context.Context, driver storage.Driver, ways []storage.Inputs, lost bool, s *standing) (storage.Inputs, *storage.Result, error) {
	tried := ""
	for _, way := range ways {
		tried += credentialsOf(way, driver.Kind).record() + " "
	}
	now := p.Clock.Now()
	if s.tried == tried && s.lost == lost && now.Before(s.next) {
		return storage.Inputs{}, nil, nil
	}
	var refused string
	for _, way := range ways {
		by := credentialsOf(way, driver.Kind)
		result, err := reach(ctx, driver, way)
		if err == nil {
			*s = standing{}
			return way, result, nil
		}
		if ended(ctx) {
			return storage.Inputs{}, nil, ctx.Err()
		}
		klog.ErrorS(err, "credentials do not serve at the storage", "storage", storage.Describe(way.Coordinates), "secret", by.secret)
		refused = by.secret
	}
	s.refused(tried, refused, lost, now)
	return storage.Inputs{}, nil, nil
}

// changedCredentials are the inputs with which the place of a pair may be reached better than by the credentials that
// were recorded in it, in the order in which to try them; none when those have not changed. A registry that has its
// credentials from the cloud credential operator keeps to them: a Secret of the administrator that has come since is
// most likely meant for the new place.
func changedCredentials(in storage.Inputs, kind storage.Kind, recorded string) []storage.Inputs {
	ways := []storage.Inputs{in}
	if from, _, _ := strings.Cut(recorded, " "); strings.HasSuffix(from, "/"+names.CloudCredentials) && in.UserSecret != nil {
		minted := in
		minted.UserSecret = nil
		ways = []storage.Inputs{minted, in}
	}
	var changed []storage.Inputs
	for _, way := range ways {
		switch by := credentialsOf(way, kind); {
		case by.secret == "":
		case by.record() == recorded:
			return nil
		default:
			changed = append(changed, way)
		}
	}
	return changed
}

// reach learns anew how to reach a medium that is there. It makes none and changes none.
func reach(ctx context.Context, driver storage.Driver, in storage.Inputs) (*storage.Result, error) {
	backend, err := driver.New(in)
	if err != nil {
		return nil, err
	}
	plan, err := backend.Plan(ctx)
	if err != nil {
		return nil, err
	}
	seen := plan.Exists || plan.Condition != nil && plan.Condition.Status == operatorv1.ConditionTrue
	if !seen || storage.LocationHash(plan.Coordinates) != storage.LocationHash(in.Coordinates) {
		return nil, errors.New("it is not there")
	}
	in.Coordinates = plan.Coordinates
	if backend, err = driver.New(in); err != nil {
		return nil, err
	}
	result, err := backend.Ensure(ctx)
	if err == nil && result.RetryAfter > 0 {
		err = errors.New("it is not ready")
	}
	return &result, err
}
