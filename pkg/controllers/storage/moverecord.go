package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/openshift/cluster-image-registry-operator/pkg/move"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// recordCreated is the key of the record that keeps, until the pair Secret can, that the operator made the target.
const recordCreated = "created"

// record is what Secret Move says: between which places images are moved, and how to reach them. The source in it is as
// it was when the move began, because an administrator may need the Secret with the credentials for the target; other
// credentials are put into it when they have been seen to serve there.
type record struct {
	data map[string][]byte
	// from and to are nil while they are not known.
	from, to *storage.Snapshot
}

func (p *pass) record() (record, error) {
	secret, err := p.Secret(names.Move)
	if err != nil || secret == nil {
		return record{}, err
	}
	return record{data: secret.Data, from: snapshotOf(secret.Data[move.SourceFile]), to: snapshotOf(secret.Data[move.TargetFile])}, nil
}

// snapshotOf reads a snapshot; one that does not parse is written anew.
func snapshotOf(text []byte) *storage.Snapshot {
	snapshot := &storage.Snapshot{}
	if json.Unmarshal(text, snapshot) != nil || len(storage.Configured(&snapshot.Coordinates)) != 1 {
		return nil
	}
	return snapshot
}

func locationOf(snapshot *storage.Snapshot) string {
	if snapshot == nil {
		return ""
	}
	return storage.LocationHash(snapshot.Coordinates)
}

// input identifies the content.
func (r record) input() string {
	sum := sha256.Sum256(encode(r.data))
	return hex.EncodeToString(sum[:])
}

// created tells whether the operator made the target.
func (r record) created() string { return string(r.data[recordCreated]) }

// movingOn tells that images are to go elsewhere than where spec.storage is now: the place that is left has to be written
// down while its credentials are known.
func (p *pass) movingOn(t target) bool {
	used := p.config.Status.Storage
	return asked(p.config) && len(storage.Configured(&used)) > 0 && !storage.Agree(t.in.Coordinates, used) &&
		!storage.SameMedium(t.in.Coordinates, used)
}

// recordSource writes the source down, before anything is done about the target.
func (p *pass) recordSource(ctx context.Context, t target) error {
	if !p.movingOn(t) {
		return nil
	}
	have, err := p.record()
	if err != nil {
		return err
	}
	s := situation{asked: true, used: storage.LocationHash(p.config.Status.Storage), from: locationOf(have.from), to: locationOf(have.to)}
	if s.second() || s.from == s.used {
		return nil
	}
	in := t.in
	in.Coordinates = *p.config.Status.Storage.DeepCopy()
	driver, err := p.Drivers.Select(&in.Coordinates)
	if err != nil {
		return err
	}
	source, err := snapshot(driver, in)
	if err != nil {
		return err
	}
	return p.keepSecret(ctx, names.Move, map[string][]byte{move.SourceFile: encode(source)})
}

// followPair keeps the source of a move within reach while the registry is on it: credentials that are in the pair serve there.
func (p *pass) followPair(ctx context.Context, used storage.Coordinates) error {
	have, err := p.record()
	if err != nil || locationOf(have.from) != storage.LocationHash(used) {
		return err
	}
	pair, err := p.Secret(names.StoragePair)
	driver, known := p.driverOf(used)
	if err != nil || !known || pair == nil || !paired(pair.Data, used) {
		return err
	}
	by := storage.CredentialsRecorded(pair.Data)
	if by == "" || by == credentialsOf(have.from.Inputs(), driver.Kind).record() {
		return nil
	}
	in, err := p.inputs()
	if err != nil {
		return err
	}
	in.Coordinates = *used.DeepCopy()
	for _, way := range everyWay(in) {
		if credentialsOf(way, driver.Kind).record() == by {
			return p.rewriteSource(ctx, have, driver, way)
		}
	}
	return nil
}

// renewSource tries changed credentials at a source that the registry has left: nothing else tells whether they serve there.
func (p *pass) renewSource(ctx context.Context, m moving) (renewed bool, err error) {
	driver, known := p.driverOf(m.source)
	if !m.second() || !known {
		return false, nil
	}
	in, err := p.inputs()
	if err != nil {
		return false, err
	}
	in.Coordinates, in.Managed = *m.source.DeepCopy(), false
	changed := changedCredentials(in, driver.Kind, credentialsOf(m.record.from.Inputs(), driver.Kind).record())
	if len(changed) == 0 {
		p.source = standing{}
		return false, nil
	}
	way, result, err := p.serving(ctx, driver, changed, false, &p.source)
	if err != nil || result == nil {
		return false, err
	}
	return true, p.rewriteSource(ctx, m.record, driver, way)
}

// rewriteSource writes down that the source is reached in another way. A Job that fails with the former one is replaced.
func (p *pass) rewriteSource(ctx context.Context, have record, driver storage.Driver, way storage.Inputs) error {
	source, err := snapshot(driver, way)
	if err != nil {
		return err
	}
	data := maps.Clone(have.data)
	data[move.SourceFile] = encode(source)
	return p.keepSecret(ctx, names.Move, data)
}

// recordWith is the record with the target as it is now.
func (p *pass) recordWith(have record, t target, result *storage.Result) (map[string][]byte, error) {
	in := t.in
	in.Coordinates = *result.Coordinates.DeepCopy()
	to, err := snapshot(t.driver, in)
	if err != nil {
		return nil, err
	}
	data := map[string][]byte{}
	maps.Copy(data, have.data)
	data[move.TargetFile] = encode(to)
	if p.created(result.Coordinates) {
		data[recordCreated] = []byte(storage.LocationHash(result.Coordinates))
	}
	return data, nil
}

// snapshot takes what the Job needs to open the content of a place. Opening it here as well shows what is missing.
func snapshot(driver storage.Driver, in storage.Inputs) (storage.Snapshot, error) {
	if driver.Content == nil {
		return storage.TakeSnapshot(in, func(storage.Inputs) error { return nil })
	}
	s, err := storage.TakeSnapshot(in, func(in storage.Inputs) error {
		_, err := driver.Content(in)
		return err
	})
	s.Observed = observed(driver, in)
	return s, err
}

// movable refuses to move from or to a place whose content nobody but the registry can reach.
func (p *pass) movable(t target) error {
	if !p.movingOn(t) {
		return nil
	}
	used := p.config.Status.Storage
	source, err := p.Drivers.Select(&used)
	if err != nil {
		return err
	}
	for _, driver := range []storage.Driver{source, t.driver} {
		if driver.Content != nil || driver.Kind == storage.PVC {
			continue
		}
		why := "images cannot be copied from or to storage of type " + string(driver.Kind) + " by this release of the operator"
		if driver.Kind == storage.EmptyDir {
			why = "images cannot be copied from or to an emptyDir, which lives and dies with a pod of the registry"
		}
		return &storage.Error{Reason: names.ReasonStorageMoveFailed, Permanent: true, Message: fmt.Sprintf(
			"%s; the registry stays on %s; to switch without them, remove annotation %s from config %s",
			why, storage.Describe(used), names.MoveAnnotation, names.Cluster)}
	}
	return nil
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain data always encodes
	}
	return text
}
