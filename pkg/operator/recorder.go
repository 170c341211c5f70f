package operator

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"

	"github.com/openshift/library-go/pkg/operator/events"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// eventComponent is the source of our events; each controller appends its name.
const eventComponent = "image-registry-operator"

// restartEventTime bounds the one event that the process waits for.
const restartEventTime = 2 * time.Second

// saidBeforeTime bounds the list of events at the start.
const saidBeforeTime = 5 * time.Second

// involvedObject is what our events are attached to: our own Deployment. Its name is known, so there is no need to
// climb to it from the pod; where the operator runs outside the cluster it manages there is none, and events go to the
// namespace.
func involvedObject(ctx context.Context, client kubernetes.Interface) *corev1.ObjectReference {
	deployment, err := client.AppsV1().Deployments(names.OperatorNamespace).Get(ctx, names.OperatorDeployment, metav1.GetOptions{})
	if err != nil {
		klog.Warningf("Events go to the namespace %s: %v", names.OperatorNamespace, err)
		return &corev1.ObjectReference{APIVersion: "v1", Kind: "Namespace", Name: names.OperatorNamespace, Namespace: names.OperatorNamespace}
	}
	return &corev1.ObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: deployment.Name, Namespace: deployment.Namespace, UID: deployment.UID}
}

// saidBefore are the events that processes before this one have left. Without them, some texts may be repeated.
func saidBefore(ctx context.Context, client kubernetes.Interface) []corev1.Event {
	ctx, cancel := context.WithTimeout(ctx, saidBeforeTime)
	defer cancel()
	// Most events of the namespace are about pods, and none of those is ours.
	options := metav1.ListOptions{FieldSelector: "involvedObject.kind!=Pod", Limit: maxTexts}
	list, err := client.CoreV1().Events(names.OperatorNamespace).List(ctx, options)
	if err != nil {
		klog.Warningf("Not knowing which events there are: %v", err)
		return nil
	}
	return list.Items
}

// leaseRecorder attaches events to the Lease. It has a broadcaster of its own because that of the components is about one
// object.
func leaseRecorder(client kubernetes.Interface) (resourcelock.EventRecorder, func()) {
	broadcaster := record.NewBroadcaster()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events(names.OperatorNamespace)})
	return broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: eventComponent}), broadcaster.Shutdown
}

// warnRestart says why the process leaves before anybody asked it to. It writes the event at once: the usual recorder
// writes later, and there is no later.
func warnRestart(ctx context.Context, client kubernetes.Interface, object *corev1.ObjectReference, l *ledger, cause error) {
	const reason = "OperatorRestart"
	message := fmt.Sprintf("Restarting: %v", cause)
	if decision, _ := l.ask(text{corev1.EventTypeWarning, reason, message}); decision != pass {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restartEventTime)
	defer cancel()
	events.NewRecorder(client.CoreV1().Events(names.OperatorNamespace), eventComponent, object, l.clock).WithContext(ctx).Warning(reason, message)
}
