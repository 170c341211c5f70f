package storage

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/apply"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/operatorclient"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// jobKind is for deleting; a Job is never changed.
var jobKind = apply.Kind[*batchv1.Job]{Name: "Job"}

// asked tells that the administrator wants the images moved to where spec.storage says.
func asked(config *imageregistryv1.Config) bool {
	return config.Annotations[names.MoveAnnotation] == "true"
}

// moving is a move as it is now.
type moving struct {
	situation
	record record
	// data is what the record should be.
	data map[string][]byte
	// source and target are the places of the pass.
	source, target storage.Coordinates
}

// move does the next step of moving images to the storage that is ready now. While it has the say, status.storage is not
// published: the registry goes on where it is.
func (p *pass) move(ctx context.Context, t target, result *storage.Result) (o outcome, busy bool, err error) {
	m, err := p.moving(t, result)
	if err != nil {
		return outcome{}, true, err
	}
	switch next := m.next(); next {
	case stepNone:
		return outcome{}, false, p.endMove(ctx)
	case stepRecord:
		return p.still(m, "both places are written down"), true, p.keepSecret(ctx, names.Move, m.data)
	case stepDiscard:
		_, err := apply.Delete(ctx, p.JobClient, jobKind, m.job)
		return p.still(m, "a former job is ended"), true, err
	case stepStart:
		err := p.startMove(ctx, m)
		return p.still(m, "the job begins"), true, err
	case stepFailed:
		o, err := p.failedMove(ctx, m)
		return o, true, err
	case stepSwitch:
		if err := p.publish(ctx, t, result); err != nil {
			return outcome{}, true, err
		}
		return p.still(m, "the registry is being switched"), true, nil
	case stepRollout:
		return p.still(m, "waiting for all pods of the registry to be on the new storage"), true, nil
	case stepFinish:
		// Another place may be wanted by now: that is a move of its own.
		return p.still(m, "done"), m.wanted != m.used, p.finishMove(ctx, m)
	default:
		return p.still(m, progressOf(m.job).Count()), true, nil
	}
}

// moving gathers.
func (p *pass) moving(t target, result *storage.Result) (moving, error) {
	job, err := p.presentJob()
	if err != nil {
		return moving{}, err
	}
	m := moving{situation: situation{asked: asked(p.config), job: job, now: p.Clock.Now(), wanted: storage.LocationHash(result.Coordinates)}}
	if m.record, err = p.record(); err != nil {
		return moving{}, err
	}
	used := p.config.Status.Storage
	if len(storage.Configured(&used)) > 0 {
		m.used, m.same = storage.LocationHash(used), storage.SameMedium(used, result.Coordinates)
	}
	m.from, m.to, m.input, m.data = locationOf(m.record.from), locationOf(m.record.to), m.record.input(), m.record.data
	switch {
	case m.second():
		m.source, m.target = m.record.from.Coordinates, used
		if m.switched, err = p.switched(); err != nil {
			return moving{}, err
		}
	case m.first():
		m.source, m.target = used, result.Coordinates
		if m.from != m.used {
			// It is written down before the target is looked at: the cache is behind.
			return moving{}, apierrors.NewConflict(corev1.Resource("secrets"), names.Move, fmt.Errorf("the record of %s is not there yet", storage.Describe(used)))
		}
	default:
		return m, nil
	}
	if m.to == m.wanted || m.first() {
		if m.data, err = p.recordWith(m.record, t, result); err != nil {
			return moving{}, err
		}
	}
	m.recorded = maps.EqualFunc(m.data, m.record.data, bytes.Equal)
	return m, nil
}

// switched tells that all pods of the registry are on status.storage.
func (p *pass) switched() (bool, error) {
	deployment, err := p.deployment()
	if err != nil || deployment == nil {
		return false, err
	}
	return p.Settled(p.config)
}

// startMove makes the Job, as the registry's own pods are made.
func (p *pass) startMove(ctx context.Context, m moving) error {
	deployment, err := p.deployment()
	if err != nil || deployment == nil {
		return err // without one: it comes back, and with it the next sync
	}
	job := moveJob{
		image: p.Image, source: m.source, target: m.target, second: m.second(), pass: m.pass(), input: m.input, registry: deployment,
	}.render()
	_, err = p.JobClient.Create(ctx, job, metav1.CreateOptions{FieldManager: names.StorageController})
	if apierrors.IsAlreadyExists(err) {
		return nil // the cache is behind
	}
	if err != nil {
		return fmt.Errorf("creating job %s/%s: %w", names.OperatorNamespace, names.Move, err)
	}
	klog.InfoS("object created", "kind", "Job", "object", klog.KObj(job), "pass", m.pass())
	if m.first() {
		p.recorder.Eventf(names.EventImagesMoving, "copying the images from %s to %s; the registry stays where it is until that is done",
			storage.Describe(m.source), storage.Describe(m.target))
	}
	return nil
}

// still is the outcome while the move goes on.
func (p *pass) still(m moving, detail string) outcome {
	o := p.memory.last
	o.reason = names.ReasonStorageMoving
	what := "copying images from %s to %s"
	if m.second() {
		what = "copying what was pushed while the registry switched from %s to %s"
	}
	o.message = fmt.Sprintf(what, storage.Describe(m.source), storage.Describe(m.target))
	if detail != "" {
		o.message += ": " + detail
	}
	return o
}

// failedMove deals with a Job that has failed. With new credentials for the source there is another one at once.
func (p *pass) failedMove(ctx context.Context, m moving) (outcome, error) {
	renewed, err := p.renewSource(ctx, m)
	if err != nil {
		return outcome{}, err
	}
	if renewed {
		return p.still(m, "the source is reached with other credentials now"), nil
	}
	o := p.moveFailed(m)
	if !p.source.next.IsZero() {
		o.next = earliest(o.next, p.source.next)
	}
	return o, nil
}

// moveFailed is the outcome of a Job that has failed.
func (p *pass) moveFailed(m moving) outcome {
	what := "copying images from %[1]s to %[2]s has failed: %[3]s; the registry stays on %[1]s"
	if m.second() {
		what = "copying what was pushed while the registry switched from %[1]s to %[2]s has failed: %[3]s; the registry is on %[2]s, and %[1]s still has everything"
	}
	complaint := progressOf(m.job).Complaint()
	again := "it is tried again every 15 minutes, and when job %[4]s/%[5]s is deleted"
	if corrupt(m.job) {
		again = "everything else is copied; once the files are mended or removed, delete job %[4]s/%[5]s to have it tried again"
	}
	if complaint == "" {
		complaint = fmt.Sprintf("see the log of job %s/%s", names.OperatorNamespace, names.Move)
	}
	message := fmt.Sprintf(what+"; "+again+"; to go on without the rest, remove annotation %[6]s from config %[7]s",
		storage.Describe(m.source), storage.Describe(m.target), complaint, names.OperatorNamespace, names.Move, names.MoveAnnotation, names.Cluster)
	o := failure(p.config, &storage.Error{Reason: names.ReasonStorageMoveFailed, Permanent: true, Message: message})
	o.conditions, o.next = p.memory.last.conditions, p.memory.last.next
	if _, at := ending(m.job); !corrupt(m.job) {
		o.next = earliest(o.next, at.Add(moveRetry))
	}
	return o
}

// finishMove says what was moved, and that this is no longer asked for.
func (p *pass) finishMove(ctx context.Context, m moving) error {
	report := fmt.Sprintf("%s were copied from %s to %s; the source is left as it was",
		progressOf(m.job).Amount(), storage.Describe(m.source), storage.Describe(m.target))
	changes := []operatorclient.Change{
		operatorclient.Set("/metadata/annotations/"+pointer(names.MovedAnnotation), p.Clock.Now().UTC().Format(time.RFC3339)+": "+report),
	}
	if m.wanted == m.used || m.same {
		changes = append(changes, operatorclient.Remove("/metadata/annotations/"+pointer(names.MoveAnnotation)))
	}
	if err := p.patch(ctx, changes...); err != nil {
		return err
	}
	p.recorder.Event(names.EventImagesMoved, report)
	if err := p.dropSecret(ctx, names.Move); err != nil {
		return err
	}
	return p.endMove(ctx)
}

// endMove deletes what a move has left or is at work with, the Job first.
func (p *pass) endMove(ctx context.Context) error {
	if left, err := p.endJob(ctx); left || err != nil {
		return err
	}
	return p.dropSecret(ctx, names.Move)
}

// endJob deletes the Job, and tells whether it is there still.
func (p *pass) endJob(ctx context.Context) (left bool, err error) {
	job, err := p.presentJob()
	if err != nil || job == nil {
		return err != nil, err
	}
	_, err = apply.Delete(ctx, p.JobClient, jobKind, job)
	return true, err
}

// presentJob is Job Move, nil when there is none.
func (p *pass) presentJob() (*batchv1.Job, error) {
	job, err := p.Jobs.Get(names.Move)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading job %s/%s: %w", names.OperatorNamespace, names.Move, err)
	}
	return job, nil
}

// moved is what the last move did, if it led to where the registry is now.
func moved(config *imageregistryv1.Config) string {
	_, report, found := strings.Cut(config.Annotations[names.MovedAnnotation], ": ")
	if !found || !strings.Contains(report, " to "+storage.Describe(config.Status.Storage)+"; ") {
		return ""
	}
	return "; " + report
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}
