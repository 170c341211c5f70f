package storage

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

// cloud is where media are, by name.
type cloud struct {
	w     *world
	media map[string]*medium
	calls []string
	// fail makes a call (plan, ensure, remove) return an error.
	fail map[string]error
	// refuses tells which credentials do not serve at which medium; nil for none.
	refuses func(bucket, key string) bool
	// during is done once, in the next ensure.
	during func()
	// half is what ensure says when it has made the medium.
	half error
	// companion is a second condition that ensure reports while the medium is managed.
	companion string
	retry     time.Duration
	// hangs makes calls last until their context ends.
	hangs bool
	// looks are what ensure offers to compare, and looked are those that plan was asked for, one after the other. drifted and
	// unread are by look; ensure mends the former, unless the cloud keeps nothing.
	looks        []storage.Look
	looked       []string
	drifted      map[string]string
	unread       map[string]bool
	keepsNothing bool
	// observed makes the number of replicas count, and sight what is seen beside that.
	observed bool
	sight    string
	// trusts makes ConfigMap trusted count.
	trusts bool
}

type medium struct {
	marked  bool
	objects int
}

func (c *cloud) names() string { return strings.Join(slices.Sorted(maps.Keys(c.media)), " ") }

func (c *cloud) driver() storage.Driver {
	var observed func(storage.Inputs) string
	if c.observed {
		observed = func(in storage.Inputs) string { return fmt.Sprint(in.Replicas) }
	} else if c.sight != "" {
		observed = func(storage.Inputs) string { return c.sight }
	}
	return storage.Driver{
		Observed:   observed,
		Kind:       storage.S3,
		Configured: func(s *storage.Coordinates) bool { return s.S3 != nil },
		New: func(in storage.Inputs) (storage.Backend, error) {
			if err := c.fail["new"]; err != nil {
				return nil, err
			}
			return &fakeBackend{c: c, in: in}, nil
		},
		Settings: func(c storage.Coordinates, _ storage.Facts) (storage.Settings, error) {
			return storage.Settings{Env: []storage.EnvVar{
				{Name: "REGISTRY_STORAGE", Value: "s3"}, {Name: "REGISTRY_STORAGE_S3_BUCKET", Value: c.S3.Bucket},
			}}, nil
		},
		// What the Job does with it is pkg/move's to test.
		Content:  func(storage.Inputs) (storage.Content, error) { return nil, c.fail["content"] },
		CABundle: c.bundle,
		Identity: func(s *storage.Coordinates) string {
			if s.S3 == nil {
				return ""
			}
			return s.S3.Bucket
		},
		Forget: func(s *storage.Coordinates) { s.S3.Bucket = "" },
	}
}

func (c *cloud) bundle(in storage.Inputs) (storage.CABundle, error) {
	if !c.trusts {
		return storage.CABundle{}, nil
	}
	found, err := in.ConfigMap(names.UserConfigNamespace, "trusted")
	if err != nil {
		return storage.CABundle{}, err
	}
	return storage.CABundle{PEM: []byte(found.Data["ca-bundle.crt"])}, nil
}

const generated = "generated"

type fakeBackend struct {
	c  *cloud
	in storage.Inputs
}

func (b *fakeBackend) call(ctx context.Context, name string) error {
	b.c.calls = append(b.c.calls, name)
	if b.c.refuses != nil && b.c.refuses(b.in.Coordinates.S3.Bucket, string(b.key())) {
		return &storage.Error{Status: operatorv1.ConditionFalse, ConditionReason: "AccessDenied", Message: "access denied"}
	}
	if b.c.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return b.c.fail[name]
}

func (b *fakeBackend) coordinates() storage.Coordinates {
	c := *b.in.Coordinates.DeepCopy()
	if c.S3.Bucket == "" {
		c.S3.Bucket = generated
	}
	if c.S3.Region == "" {
		c.S3.Region = "us-east-1"
	}
	return c
}

func exists(reason string) operatorv1.OperatorCondition {
	return operatorv1.OperatorCondition{Type: names.StorageExists, Status: operatorv1.ConditionTrue, Reason: reason}
}

func (b *fakeBackend) Plan(ctx context.Context) (storage.Plan, error) {
	if err := b.call(ctx, "plan"); err != nil {
		return storage.Plan{}, err
	}
	plan := storage.Plan{Coordinates: b.coordinates(), ManagementState: "Managed"}
	given := b.in.Coordinates.S3.Bucket
	if b.c.media[given] != nil {
		condition := exists("Seen")
		plan.Exists, plan.Condition = true, &condition
		if !b.in.Created {
			plan.ManagementState = "Unmanaged"
		}
	}
	look := strings.Join(b.in.Look, " ")
	b.c.looked = append(b.c.looked, look)
	plan.Drifted, plan.Unread = b.c.drifted[look], b.c.unread[look]
	return plan, nil
}

func (b *fakeBackend) Ensure(ctx context.Context) (storage.Result, error) {
	if err := b.call(ctx, "ensure"); err != nil {
		return storage.Result{}, err
	}
	if during := b.c.during; during != nil {
		b.c.during = nil
		during()
	}
	c := b.coordinates()
	result := storage.Result{Coordinates: c, Facts: storage.Facts{"key": b.key()}, Conditions: []operatorv1.OperatorCondition{exists("Seen")}}
	if b.c.media[c.S3.Bucket] == nil {
		if stored, err := b.c.w.client.Config(); err != nil || stored.Spec.Storage.S3.Bucket != c.S3.Bucket ||
			stored.Spec.Storage.ManagementState == "" || !slices.Contains(stored.Finalizers, names.Finalizer) {
			b.c.w.t.Errorf("medium %s is created before Config says so: %+v %v", c.S3.Bucket, stored.Spec.Storage, err)
		}
		if err := b.c.w.mutate(func() error { b.c.media[c.S3.Bucket] = &medium{}; return nil }); err != nil {
			return storage.Result{}, err
		}
		result.Created, result.Conditions = true, []operatorv1.OperatorCondition{exists("Made")}
	}
	if b.in.Managed {
		b.c.media[c.S3.Bucket].marked = true
	}
	if b.c.half != nil {
		return result, b.c.half
	}
	if b.in.Managed {
		result.Coordinates.S3.Encrypt = true
		if b.c.companion != "" {
			result.Conditions = append(result.Conditions, operatorv1.OperatorCondition{Type: b.c.companion, Status: operatorv1.ConditionTrue, Reason: "Done"})
		}
	}
	result.Looks = slices.DeleteFunc(slices.Clone(b.c.looks), func(look storage.Look) bool { return b.c.unread[strings.Join(look, " ")] })
	if !b.c.keepsNothing {
		b.c.drifted = nil
	}
	result.RetryAfter = b.c.retry
	return result, nil
}

// key is what the backend finds in the credentials.
func (b *fakeBackend) key() []byte {
	for _, secret := range []*corev1.Secret{b.in.UserSecret, b.in.MintedSecret} {
		if secret != nil {
			return secret.Data["key"]
		}
	}
	return []byte("secret")
}

func (b *fakeBackend) Remove(ctx context.Context) (storage.Progress, error) {
	if err := b.call(ctx, "remove"); err != nil {
		return storage.Progress{}, err
	}
	name := b.in.Coordinates.S3.Bucket
	gone := storage.Progress{Done: true, Conditions: []operatorv1.OperatorCondition{{Type: names.StorageExists, Status: operatorv1.ConditionFalse, Reason: "Gone"}}}
	m := b.c.media[name]
	switch {
	case m == nil:
		return gone, nil
	case !m.marked && !b.in.Created:
		return storage.Progress{}, storage.NotOwned("not ours")
	case m.objects > 0:
		return storage.Progress{Message: fmt.Sprintf("%d objects left", m.objects)}, b.c.w.mutate(func() error { m.objects--; return nil })
	}
	return gone, b.c.w.mutate(func() error { delete(b.c.media, name); return nil })
}
