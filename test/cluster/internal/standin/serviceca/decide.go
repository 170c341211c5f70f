package serviceca

import (
	"crypto/tls"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Annotations, in both spellings where the real service CA knows two.
const (
	betaGroup  = "service.beta.openshift.io/"
	alphaGroup = "service.alpha.openshift.io/"

	secretName     = "serving-cert-secret-name"
	signedBy       = "serving-cert-signed-by"
	generationErr  = "serving-cert-generation-error"
	generationErrN = "serving-cert-generation-error-num"
	injectBundle   = "inject-cabundle"

	originName = "originating-service-name"
	originUID  = "originating-service-uid"
	expiry     = "expiry"

	bundleKey = "service-ca.crt"
)

// knownOnServices and knownOnConfigMaps are the annotations of the two groups that mean something here. Anything else in
// these groups is a request this stand-in would silently not fulfil, so it is refused.
var (
	knownOnServices   = []string{secretName, signedBy, generationErr, generationErrN}
	knownOnConfigMaps = []string{injectBundle}
)

// unknown lists the annotations of the service CA's groups that are not in the known list.
func unknown(annotations map[string]string, known []string) []string {
	var out []string
	for key := range annotations {
		for _, group := range []string{betaGroup, alphaGroup} {
			if rest, ok := strings.CutPrefix(key, group); ok && !slices.Contains(known, rest) {
				out = append(out, key)
			}
		}
	}
	sort.Strings(out)
	return out
}

// wantedSecret is the Secret a Service asks for, empty if it asks for none.
func wantedSecret(annotations map[string]string) (string, error) {
	beta, alpha := annotations[betaGroup+secretName], annotations[alphaGroup+secretName]
	switch {
	case beta != "" && alpha != "" && beta != alpha:
		return "", fmt.Errorf("annotations %s%s=%s and %s%s=%s disagree", betaGroup, secretName, beta, alphaGroup, secretName, alpha)
	case beta != "":
		return beta, nil
	default:
		return alpha, nil
	}
}

// subjectNames are the DNS names a Service is reached under inside the cluster. A headless Service also answers for its
// pods, one label deeper.
func subjectNames(service *corev1.Service, clusterDomain string) []string {
	host := service.Name + "." + service.Namespace + ".svc"
	names := []string{host, host + "." + clusterDomain}
	if service.Spec.ClusterIP == corev1.ClusterIPNone {
		names = append(names, "*."+host, "*."+host+"."+clusterDomain)
	}
	return names
}

// verdict is what is to be done about a serving Secret.
type verdict struct {
	issue  bool
	refuse string        // why the Secret is left alone though the Service wants it
	reason string        // why a certificate is issued
	again  time.Duration // when to look again, if nothing else happens
}

// judge decides about the Secret that a Service names. A missing Secret is nil.
func judge(service *corev1.Service, secret *corev1.Secret, ca *authority, names []string, now time.Time, margin time.Duration) verdict {
	if secret == nil {
		return verdict{issue: true, reason: "it does not exist"}
	}
	switch owner := annotated(secret.Annotations, originUID); {
	case owner == "":
		return verdict{refuse: fmt.Sprintf("secret %s exists and was not made for a service", secret.Name)}
	case owner != string(service.UID):
		return verdict{refuse: fmt.Sprintf("secret %s was made for another service (uid %s)", secret.Name, owner)}
	case secret.Type != corev1.SecretTypeTLS:
		return verdict{refuse: fmt.Sprintf("secret %s has type %s, not %s", secret.Name, secret.Type, corev1.SecretTypeTLS)}
	}
	pair, err := tls.X509KeyPair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return verdict{issue: true, reason: "its certificate is not usable: " + err.Error()}
	}
	left := pair.Leaf.NotAfter.Sub(now)
	switch {
	case !ca.signed(pair.Leaf):
		return verdict{issue: true, reason: "it was not signed by the current CA"}
	case !slices.Equal(pair.Leaf.DNSNames, names):
		return verdict{issue: true, reason: "its names are not the service's"}
	case left <= margin:
		return verdict{issue: true, reason: "it expires soon"}
	case annotated(secret.Annotations, expiry) != pair.Leaf.NotAfter.UTC().Format(time.RFC3339):
		return verdict{issue: true, reason: "its expiry annotation is wrong"}
	}
	return verdict{again: left - margin}
}

func annotated(annotations map[string]string, name string) string {
	if value := annotations[betaGroup+name]; value != "" {
		return value
	}
	return annotations[alphaGroup+name]
}
