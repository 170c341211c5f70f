package operator

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	batchinformers "k8s.io/client-go/informers/batch/v1"
	coreinformers "k8s.io/client-go/informers/core/v1"
	networkinginformers "k8s.io/client-go/informers/networking/v1"
	rbacinformers "k8s.io/client-go/informers/rbac/v1"

	imageregistryv1 "github.com/openshift/api/imageregistry/v1"
	"github.com/openshift/library-go/pkg/controller/factory"

	"github.com/openshift/cluster-image-registry-operator/pkg/controllers/pruner"
	"github.com/openshift/cluster-image-registry-operator/pkg/lenient"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// prunerInformers are of the objects that only the pruner controller knows.
type prunerInformers struct {
	clusterRole        rbacinformers.ClusterRoleInformer
	clusterRoleBinding rbacinformers.ClusterRoleBindingInformer
	serviceAccount     coreinformers.ServiceAccountInformer
	networkPolicy      networkinginformers.NetworkPolicyInformer
	cronJob            batchinformers.CronJobInformer
	jobs               batchinformers.JobInformer
}

// watchPruner: the pruner and what it consists of.
func (i *informerSet) watchPruner(c clients) {
	start, informer := lenient.Informer[imageregistryv1.ImagePruner](c.dynamic, imageregistryv1.GroupVersion.WithResource("imagepruners"), names.Cluster)
	i.pruner = prunerInformer{informer}
	i.add(start, informer, watch{kind: "imagepruners.imageregistry.operator.openshift.io", selector: byName(names.Cluster), users: "pruner, clusteroperator"})

	p := &i.ofPruner
	role := oneApplied(c.kube, metav1.NamespaceAll, names.PrunerClusterRole)
	p.clusterRole = role.Rbac().V1().ClusterRoles()
	i.add(role, p.clusterRole.Informer(), watch{kind: "clusterroles", selector: byName(names.PrunerClusterRole), users: "pruner"})
	binding := oneApplied(c.kube, metav1.NamespaceAll, names.PrunerClusterRoleBinding)
	p.clusterRoleBinding = binding.Rbac().V1().ClusterRoleBindings()
	i.add(binding, p.clusterRoleBinding.Informer(), watch{kind: "clusterrolebindings", selector: byName(names.PrunerClusterRoleBinding), users: "pruner"})
	account := oneApplied(c.kube, names.OperatorNamespace, names.PrunerServiceAccount)
	p.serviceAccount = account.Core().V1().ServiceAccounts()
	i.add(account, p.serviceAccount.Informer(), watch{kind: "serviceaccounts", scope: names.OperatorNamespace, selector: byName(names.PrunerServiceAccount), users: "pruner"})
	policy := oneApplied(c.kube, names.OperatorNamespace, names.PrunerNetworkPolicy)
	p.networkPolicy = policy.Networking().V1().NetworkPolicies()
	i.add(policy, p.networkPolicy.Informer(), watch{kind: "networkpolicies", scope: names.OperatorNamespace, selector: byName(names.PrunerNetworkPolicy), users: "pruner"})
	cronJob := oneApplied(c.kube, names.OperatorNamespace, names.Pruner)
	p.cronJob = cronJob.Batch().V1().CronJobs()
	i.add(cronJob, p.cronJob.Informer(), watch{kind: "cronjobs", scope: names.OperatorNamespace, selector: byName(names.Pruner), users: "pruner"})

	label := names.PrunerJobLabel + "=" + names.Pruner
	jobs := selected(c.kube, names.OperatorNamespace, labelled(label), stripManagedFields)
	p.jobs = jobs.Batch().V1().Jobs()
	i.add(jobs, p.jobs.Informer(), watch{
		kind: "jobs", scope: names.OperatorNamespace, selector: label, users: "pruner",
		wide: "their names are generated",
	})
}

func (w wiring) pruner() factory.Controller {
	own := w.i.ofPruner
	return pruner.New(pruner.Deps{
		Client:              w.config,
		ImagePruners:        w.i.pruner.Lister(),
		ImagePrunerClient:   w.clients.registry.ImageregistryV1().ImagePruners(),
		Images:              w.i.image.Lister(),
		ClusterRoles:        own.clusterRole.Lister(),
		ClusterRoleBindings: own.clusterRoleBinding.Lister(),
		ServiceAccounts:     own.serviceAccount.Lister().ServiceAccounts(names.OperatorNamespace),
		NetworkPolicies:     own.networkPolicy.Lister().NetworkPolicies(names.OperatorNamespace),
		CronJobs:            own.cronJob.Lister().CronJobs(names.OperatorNamespace),
		Jobs:                own.jobs.Lister().Jobs(names.OperatorNamespace),
		Informers: []factory.Informer{
			w.i.config.Informer(), w.i.pruner.Informer(), w.i.image.Informer(), own.clusterRole.Informer(), own.clusterRoleBinding.Informer(),
			own.serviceAccount.Informer(), own.networkPolicy.Informer(), own.cronJob.Informer(),
		},
		JobInformer: own.jobs.Informer(),
		Kube:        w.clients.kube,
		PrunerImage: w.Environment.PrunerImage,
		Clock:       w.Clock,
		Recorder:    w.Recorder,
		Metrics:     w.Metrics,
	})
}
