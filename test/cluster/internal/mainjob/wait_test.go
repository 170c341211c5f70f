package mainjob

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// watched is a job that keeps what it prints.
func watched(running error) (Job, *[]string) {
	job, lines := theJob, &[]string{}
	job.Step = func(format string, args ...any) { *lines = append(*lines, fmt.Sprintf(format, args...)) }
	job.Running = func() error { return running }
	return job, lines
}

func withBucket(s *sight) *sight {
	_ = unstructured.SetNestedField(s.config.Object, "the-bucket", "status", "storage", "s3", "bucket")
	return s
}

func TestOneFailedLookIsNoVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, lines := watched(nil)
		looks := 0
		bucket, err := job.untilAvailable(t.Context(), func(context.Context) (*sight, error) {
			if looks++; looks < 4 {
				return nil, errors.New("reading lease: connection refused")
			}
			return withBucket(wellSight()), nil
		})
		if err != nil || bucket != "the-bucket" || looks != 4 {
			t.Errorf("after %d looks bucket %q, error %v", looks, bucket, err)
		}
		if count := strings.Count(strings.Join(*lines, "\n"), "connection refused"); count != 1 {
			t.Errorf("the failure is shown %d times:\n%s", count, strings.Join(*lines, "\n"))
		}
	})
}

func TestPatienceEndsWithWhatIsInTheWay(t *testing.T) {
	for _, c := range []struct {
		name string
		look func() (*sight, error)
		want string
	}{
		{"an API server that does not answer", func() (*sight, error) { return nil, errors.New("reading lease: connection refused") }, "connection refused"},
		{"an operator that does not start", func() (*sight, error) {
			s := wellSight()
			s.operator.Status.AvailableReplicas = 0
			return s, nil
		}, "the operator's Deployment is rolling out"},
		{"a registry that is not there", func() (*sight, error) {
			s := wellSight()
			s.registry = nil
			return s, nil
		}, "no pod that is available"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				job, _ := watched(nil)
				begin := time.Now()
				_, err := job.untilAvailable(t.Context(), func(context.Context) (*sight, error) { return c.look() })
				if err == nil || !strings.Contains(err.Error(), "not available after 10m0s") || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %q", err, c.want)
				}
				if took := time.Since(begin); took != patience {
					t.Errorf("it gave up after %s", took)
				}
			})
		})
	}
}

func TestWaitEndsWithTheCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := errors.New("cluster dev is not running")
		job, _ := watched(ended)
		begin := time.Now()
		_, err := job.untilAvailable(t.Context(), func(context.Context) (*sight, error) { return nil, errors.New("connection refused") })
		if !errors.Is(err, ended) || !strings.Contains(err.Error(), "connection refused") || time.Since(begin) != 0 {
			t.Errorf("error %v after %s", err, time.Since(begin))
		}
	})
}

func TestInterruptIsNoTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, _ := watched(nil)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := job.untilAvailable(ctx, func(context.Context) (*sight, error) { return &sight{}, nil })
		if !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), patience.String()) {
			t.Errorf("error %v", err)
		}
	})
}

// TestOldConditionsAreNoNews: an operator that is about to be replaced reports that all is well.
func TestOldConditionsAreNoNews(t *testing.T) {
	job, lines := watched(nil)
	shown := map[string]string{}
	s := wellSight()
	s.operator.Spec.Template.Spec.Containers[0].Image, s.lease = "operator:1", leaseOf("old_1", at(-300))
	if obstacle, err := job.judge(s, shown); err != nil || obstacle == "" {
		t.Errorf("the former operator passes for that of the release: %v", err)
	}
	if strings.Contains(strings.Join(*lines, "\n"), "Available=True") {
		t.Errorf("its conditions are shown:\n%s", strings.Join(*lines, "\n"))
	}
	if obstacle, err := job.judge(wellSight(), shown); err != nil || obstacle != "" {
		t.Errorf("the operator of the release: %q, %v", obstacle, err)
	}
	if !strings.Contains(strings.Join(*lines, "\n"), "the operator of this release is at work\nthe operator has created "+configObject+"\n  Available=True Ready: words about Available\n") {
		t.Errorf("shown:\n%s", strings.Join(*lines, "\n"))
	}
}

func TestLook(t *testing.T) {
	failing := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case failing != "" && strings.Contains(r.URL.Path, failing):
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"no"}`)
		case strings.HasSuffix(r.URL.Path, "/pods"):
			fmt.Fprint(w, `{"kind":"PodList","apiVersion":"v1","items":[]}`)
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404,"message":"no"}`)
		}
	}))
	defer server.Close()
	config := &rest.Config{Host: server.URL}
	cluster := clients{objects: dynamic.NewForConfigOrDie(config), kube: kubernetes.NewForConfigOrDie(config)}
	s, err := cluster.look(t.Context())
	if err != nil || s.version != nil || s.operator != nil || s.lease != nil || s.config != nil || s.registry != nil {
		t.Errorf("of an empty cluster: %+v, %v", s, err)
	}
	for _, failing = range []string{"clusterversions", "deployments/" + operatorName, "pods", "leases", "configs", "deployments/" + registryName} {
		if _, err := cluster.look(t.Context()); err == nil {
			t.Errorf("nothing is said about %s that may not be read", failing)
		}
	}
}
