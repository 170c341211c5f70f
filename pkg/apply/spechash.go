package apply

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// specHashAnnotation is the hash of the spec that was asked for. The reference decides by it whether to write; ours
// keeps it for the way back.
const specHashAnnotation = "operator.openshift.io/spec-hash"

// setSpecHash annotates the object with the SHA-256 of its spec's JSON. The library's function of that purpose would link
// the clientset of every kind the library knows, thirty megabytes of it.
func setSpecHash(meta *metav1.ObjectMeta, spec any) error {
	body, err := json.Marshal(spec)
	if err != nil {
		return fmt.Errorf("encoding the spec of %s/%s: %w", meta.Namespace, meta.Name, err)
	}
	metav1.SetMetaDataAnnotation(meta, specHashAnnotation, fmt.Sprintf("%x", sha256.Sum256(body)))
	return nil
}
