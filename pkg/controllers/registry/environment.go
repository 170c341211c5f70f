package registry

import (
	"strconv"
	"strings"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// setLogLevel maps spec.logLevel; below Debug the deprecated number in spec.logging decides.
func setLogLevel(d *appsv1.Deployment, r rendering) error {
	return setEnv(d, "REGISTRY_LOG_LEVEL", logLevel(r.Config.Spec.LogLevel, r.Config.Spec.Logging))
}

func logLevel(level operatorv1.LogLevel, deprecated int64) string {
	if level == operatorv1.Debug || level == operatorv1.Trace || level == operatorv1.TraceAll {
		return "debug"
	}
	switch deprecated {
	case 1:
		return "warn"
	case 0, 2, 3:
		return "info"
	}
	return "debug"
}

func setFeatures(d *appsv1.Deployment, r rendering) error {
	var variables []corev1.EnvVar
	if r.Config.Spec.ReadOnly {
		variables = append(variables, corev1.EnvVar{Name: "REGISTRY_STORAGE_MAINTENANCE_READONLY", Value: "{enabled: true}"})
	}
	if r.Config.Spec.DisableRedirect {
		variables = append(variables, corev1.EnvVar{Name: "REGISTRY_STORAGE_REDIRECT_DISABLE", Value: "true"})
	}
	return insertEnv(d, variables...)
}

// setProxy lets each field of spec.proxy win over the same field of the cluster's proxy.
func setProxy(d *appsv1.Deployment, r rendering) error {
	proxy := r.Config.Spec.Proxy
	if r.Proxy != nil {
		proxy.HTTP = firstOf(proxy.HTTP, r.Proxy.Status.HTTPProxy)
		proxy.HTTPS = firstOf(proxy.HTTPS, r.Proxy.Status.HTTPSProxy)
		proxy.NoProxy = firstOf(proxy.NoProxy, r.Proxy.Status.NoProxy)
	}
	var variables []corev1.EnvVar
	for _, variable := range []corev1.EnvVar{
		{Name: "HTTP_PROXY", Value: proxy.HTTP},
		{Name: "HTTPS_PROXY", Value: proxy.HTTPS},
		{Name: "NO_PROXY", Value: proxy.NoProxy},
	} {
		if variable.Value != "" {
			variables = append(variables, variable)
		}
	}
	return insertEnv(d, variables...)
}

func setRequestLimits(d *appsv1.Deployment, r rendering) error {
	requests := r.Config.Spec.Requests
	return insertEnv(d, append(limits("READ", requests.Read), limits("WRITE", requests.Write)...)...)
}

// limits has an effect only with a number: a waiting time alone limits nothing.
func limits(direction string, limit imageregistryv1.ImageRegistryConfigRequestsLimits) []corev1.EnvVar {
	if limit.MaxRunning == 0 && limit.MaxInQueue == 0 {
		return nil
	}
	prefix := "REGISTRY_OPENSHIFT_REQUESTS_" + direction + "_"
	return []corev1.EnvVar{
		{Name: prefix + "MAXRUNNING", Value: strconv.Itoa(limit.MaxRunning)},
		{Name: prefix + "MAXINQUEUE", Value: strconv.Itoa(limit.MaxInQueue)},
		{Name: prefix + "MAXWAITINQUEUE", Value: limit.MaxWaitInQueue.Duration.String()},
	}
}

func setTLS(d *appsv1.Deployment, r rendering) error {
	settings, err := tlsSettings(&r.Config.Spec)
	if err != nil {
		return err
	}
	container := registry(d)
	if settings.MinTLSVersion != "" {
		container.Env = append(container.Env, corev1.EnvVar{Name: "REGISTRY_HTTP_TLS_MINVERSION", Value: settings.MinTLSVersion})
	}
	if len(settings.CipherSuites) > 0 {
		container.Env = append(container.Env, corev1.EnvVar{
			Name: "OPENSHIFT_REGISTRY_HTTP_TLS_CIPHERSUITES", Value: strings.Join(settings.CipherSuites, ","),
		})
	}
	return nil
}

func firstOf(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}
