package integration

import (
	"context"
	"fmt"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// check says what is wrong with a Deployment, nil if nothing.
type check func(*appsv1.Deployment) error

// TestConfigFieldsReachTheDeployment edits one field at a time, looks for its effect in the Deployment, takes the edit
// back and looks for the default.
func TestConfigFieldsReachTheDeployment(t *testing.T) {
	onEmptyDir(t)
	tests := map[string]struct {
		edit, undo string
		want, then check
	}{
		"replicas": {
			`{"spec":{"replicas":3}}`, `{"spec":{"replicas":1}}`, replicas(3), replicas(1),
		},
		"replicas 0": {
			`{"spec":{"replicas":0}}`, `{"spec":{"replicas":1}}`, replicas(0), replicas(1),
		},
		"two replicas keep apart": {
			`{"spec":{"replicas":2}}`, `{"spec":{"replicas":1}}`,
			all(replicas(2), antiAffinity(true)), all(replicas(1), antiAffinity(false)),
		},
		"rolloutStrategy": {
			`{"spec":{"rolloutStrategy":"Recreate"}}`, `{"spec":{"rolloutStrategy":"RollingUpdate"}}`,
			strategy(appsv1.RecreateDeploymentStrategyType), strategy(appsv1.RollingUpdateDeploymentStrategyType),
		},
		"logLevel": {
			`{"spec":{"logLevel":"Debug"}}`, `{"spec":{"logLevel":"Normal"}}`, env("REGISTRY_LOG_LEVEL", "debug"), env("REGISTRY_LOG_LEVEL", "info"),
		},
		"logLevel TraceAll": {
			`{"spec":{"logLevel":"TraceAll"}}`, `{"spec":{"logLevel":"Normal"}}`, env("REGISTRY_LOG_LEVEL", "debug"), env("REGISTRY_LOG_LEVEL", "info"),
		},
		"the deprecated logging": {
			`{"spec":{"logging":1}}`, `{"spec":{"logging":0}}`, env("REGISTRY_LOG_LEVEL", "warn"), env("REGISTRY_LOG_LEVEL", "info"),
		},
		"readOnly": {
			`{"spec":{"readOnly":true}}`, `{"spec":{"readOnly":false}}`,
			env("REGISTRY_STORAGE_MAINTENANCE_READONLY", "{enabled: true}"), noEnv("REGISTRY_STORAGE_MAINTENANCE_READONLY"),
		},
		"disableRedirect": {
			`{"spec":{"disableRedirect":true}}`, `{"spec":{"disableRedirect":false}}`,
			env("REGISTRY_STORAGE_REDIRECT_DISABLE", "true"), noEnv("REGISTRY_STORAGE_REDIRECT_DISABLE"),
		},
		"proxy": {
			`{"spec":{"proxy":{"http":"http://p:1","https":"http://p:2","noProxy":"a,b"}}}`, `{"spec":{"proxy":null}}`,
			all(env("HTTP_PROXY", "http://p:1"), env("HTTPS_PROXY", "http://p:2"), env("NO_PROXY", "a,b")),
			all(noEnv("HTTP_PROXY"), noEnv("HTTPS_PROXY")),
		},
		"requests": {
			`{"spec":{"requests":{"read":{"maxRunning":1,"maxInQueue":2,"maxWaitInQueue":"3s"},"write":{"maxRunning":4,"maxInQueue":5,"maxWaitInQueue":"6h"}}}}`,
			`{"spec":{"requests":null}}`,
			all(
				env("REGISTRY_OPENSHIFT_REQUESTS_READ_MAXRUNNING", "1"), env("REGISTRY_OPENSHIFT_REQUESTS_READ_MAXINQUEUE", "2"),
				env("REGISTRY_OPENSHIFT_REQUESTS_READ_MAXWAITINQUEUE", "3s"), env("REGISTRY_OPENSHIFT_REQUESTS_WRITE_MAXRUNNING", "4"),
				env("REGISTRY_OPENSHIFT_REQUESTS_WRITE_MAXINQUEUE", "5"), env("REGISTRY_OPENSHIFT_REQUESTS_WRITE_MAXWAITINQUEUE", "6h0m0s"),
			),
			all(noEnv("REGISTRY_OPENSHIFT_REQUESTS_READ_MAXRUNNING"), noEnv("REGISTRY_OPENSHIFT_REQUESTS_WRITE_MAXRUNNING")),
		},
		"resources": {
			`{"spec":{"resources":{"limits":{"memory":"1Gi"}}}}`, `{"spec":{"resources":null}}`,
			container(func(c corev1.Container) error {
				if c.Resources.Limits.Memory().String() != "1Gi" || len(c.Resources.Requests) != 0 && c.Resources.Requests.Cpu().String() == "100m" {
					return fmt.Errorf("resources %+v", c.Resources)
				}
				return nil
			}),
			container(func(c corev1.Container) error {
				if c.Resources.Requests.Memory().String() != "256Mi" || c.Resources.Requests.Cpu().String() != "100m" || len(c.Resources.Limits) != 0 {
					return fmt.Errorf("resources %+v", c.Resources)
				}
				return nil
			}),
		},
		"nodeSelector": {
			`{"spec":{"nodeSelector":{"kubernetes.io/os":"linux","disk":"fast"}}}`, `{"spec":{"nodeSelector":null}}`,
			all(nodeSelector("disk", "fast"), spread(0)), all(nodeSelector("kubernetes.io/os", "linux"), spread(3)),
		},
		"topologySpreadConstraints replace the default": {
			`{"spec":{"topologySpreadConstraints":[{"maxSkew":2,"topologyKey":"rack","whenUnsatisfiable":"ScheduleAnyway"}]}}`,
			`{"spec":{"topologySpreadConstraints":null}}`, spread(1), spread(3),
		},
		"an explicit empty list of topologySpreadConstraints": {
			`{"spec":{"topologySpreadConstraints":[]}}`, `{"spec":{"topologySpreadConstraints":null}}`, spread(0), spread(3),
		},
		"tolerations": {
			`{"spec":{"tolerations":[{"key":"k","operator":"Exists"}]}}`, `{"spec":{"tolerations":null}}`, tolerations(1), tolerations(0),
		},
		"affinity": {
			`{"spec":{"affinity":{"nodeAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[{"weight":1,"preference":{"matchExpressions":[{"key":"k","operator":"Exists"}]}}]}}}}`,
			`{"spec":{"affinity":null}}`,
			pod(func(s corev1.PodSpec) error {
				if s.Affinity == nil || s.Affinity.NodeAffinity == nil {
					return fmt.Errorf("affinity %+v", s.Affinity)
				}
				return nil
			}),
			antiAffinity(false),
		},
		"unsupportedConfigOverrides": {
			`{"spec":{"unsupportedConfigOverrides":{"deployment":{"annotations":{"a":"b"},"runtimeClassName":"crun"}}}}`,
			`{"spec":{"unsupportedConfigOverrides":null}}`,
			func(d *appsv1.Deployment) error {
				if d.Annotations["a"] != "b" || d.Spec.Template.Annotations["a"] != "b" || d.Spec.Template.Spec.RuntimeClassName == nil {
					return fmt.Errorf("annotations %v and %v, runtime class %v", d.Annotations, d.Spec.Template.Annotations, d.Spec.Template.Spec.RuntimeClassName)
				}
				return nil
			},
			func(d *appsv1.Deployment) error {
				if _, left := d.Spec.Template.Annotations["a"]; left || d.Spec.Template.Spec.RuntimeClassName != nil {
					return fmt.Errorf("the override lingers: %v, runtime class %v", d.Spec.Template.Annotations, d.Spec.Template.Spec.RuntimeClassName)
				}
				return nil
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			operator.PrintOnFailure(t)
			cluster.Patch(t, test.edit)
			untilDeployment(t, test.edit, test.want)
			cluster.Patch(t, test.undo)
			untilDeployment(t, test.undo, test.then)
		})
	}
}

func TestHTTPSecretIsGeneratedAndNeverALiteral(t *testing.T) {
	config := onEmptyDir(t)
	first := config.Spec.HTTPSecret
	if len(first) != 128 {
		t.Errorf("httpSecret has %d characters, want 128", len(first))
	}
	untilDeployment(t, "the HTTP secret by reference", container(func(c corev1.Container) error {
		for _, e := range c.Env {
			if e.Name == names.RegistryHTTPSecretKey && (e.Value != "" || e.ValueFrom == nil || e.ValueFrom.SecretKeyRef == nil) {
				return fmt.Errorf("%s is not a reference to a secret", e.Name)
			}
		}
		return nil
	}))
	cluster.Patch(t, `{"spec":{"httpSecret":""}}`)
	cluster.Until(t, settle, "a new HTTP secret", func(ctx context.Context) error {
		config, err := cluster.GetConfig(ctx)
		if err != nil {
			return err
		}
		secret, err := cluster.Kube.CoreV1().Secrets(names.OperatorNamespace).Get(ctx, names.RegistryHTTPSecret, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if config.Spec.HTTPSecret == "" || config.Spec.HTTPSecret == first || string(secret.Data[names.RegistryHTTPSecretKey]) != config.Spec.HTTPSecret {
			return fmt.Errorf("httpSecret empty: %v, old: %v, in the secret: %v", config.Spec.HTTPSecret == "", config.Spec.HTTPSecret == first,
				string(secret.Data[names.RegistryHTTPSecretKey]) == config.Spec.HTTPSecret)
		}
		return nil
	})
}

func untilDeployment(t *testing.T, what string, want check) {
	t.Helper()
	cluster.Until(t, settle, "the deployment to follow "+what, func(ctx context.Context) error {
		deployment, err := cluster.Kube.AppsV1().Deployments(names.OperatorNamespace).Get(ctx, names.Registry, metav1.GetOptions{})
		if err != nil {
			return err
		}
		return want(deployment)
	})
}

func all(checks ...check) check {
	return func(d *appsv1.Deployment) error {
		for _, c := range checks {
			if err := c(d); err != nil {
				return err
			}
		}
		return nil
	}
}

func pod(look func(corev1.PodSpec) error) check {
	return func(d *appsv1.Deployment) error { return look(d.Spec.Template.Spec) }
}

func container(look func(corev1.Container) error) check {
	return pod(func(s corev1.PodSpec) error { return look(s.Containers[0]) })
}

func replicas(want int32) check {
	return func(d *appsv1.Deployment) error {
		if *d.Spec.Replicas != want {
			return fmt.Errorf("replicas %d, want %d", *d.Spec.Replicas, want)
		}
		return nil
	}
}

func strategy(want appsv1.DeploymentStrategyType) check {
	return func(d *appsv1.Deployment) error {
		if d.Spec.Strategy.Type != want {
			return fmt.Errorf("strategy %s, want %s", d.Spec.Strategy.Type, want)
		}
		return nil
	}
}

func env(name, want string) check {
	return container(func(c corev1.Container) error {
		i := slices.IndexFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == name })
		if i < 0 || c.Env[i].Value != want {
			return fmt.Errorf("want %s=%s in %v", name, want, c.Env)
		}
		return nil
	})
}

func noEnv(name string) check {
	return container(func(c corev1.Container) error {
		if slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == name }) {
			return fmt.Errorf("%s is set", name)
		}
		return nil
	})
}

func antiAffinity(want bool) check {
	return pod(func(s corev1.PodSpec) error {
		if got := s.Affinity != nil && s.Affinity.PodAntiAffinity != nil; got != want {
			return fmt.Errorf("pod anti-affinity: %v, want %v", got, want)
		}
		return nil
	})
}

func nodeSelector(key, want string) check {
	return pod(func(s corev1.PodSpec) error {
		if s.NodeSelector[key] != want {
			return fmt.Errorf("node selector %v, want %s=%s", s.NodeSelector, key, want)
		}
		return nil
	})
}

func spread(want int) check {
	return pod(func(s corev1.PodSpec) error {
		if len(s.TopologySpreadConstraints) != want {
			return fmt.Errorf("%d spread constraints, want %d: %+v", len(s.TopologySpreadConstraints), want, s.TopologySpreadConstraints)
		}
		return nil
	})
}

func tolerations(want int) check {
	return pod(func(s corev1.PodSpec) error {
		if len(s.Tolerations) != want {
			return fmt.Errorf("%d tolerations, want %d", len(s.Tolerations), want)
		}
		return nil
	})
}
