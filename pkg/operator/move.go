package operator

import (
	"context"
	"fmt"

	batchinformers "k8s.io/client-go/informers/batch/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/openshift/cluster-image-registry-operator/pkg/move"
	"github.com/openshift/cluster-image-registry-operator/pkg/names"
)

// watchMove: the Job that copies images.
func (i *informerSet) watchMove(c clients) {
	jobs := one(c.kube, names.OperatorNamespace, names.Move)
	i.move = jobs.Batch().V1().Jobs()
	i.add(jobs, i.move.Informer(), watch{kind: "jobs", scope: names.OperatorNamespace, selector: byName(names.Move), users: "storage"})
}

// moveInformer is of one Job.
type moveInformer = batchinformers.JobInformer

// MoveImages is the program of that Job. It runs as the registry, in a pod.
func MoveImages(ctx context.Context, folders move.Folders, keepTarget bool) error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return fmt.Errorf("finding the API server: %w", err)
	}
	// Drivers take from here what they need for claims, which are mounted. Nothing is sent.
	in, err := NewInputs(config)
	if err != nil {
		return err
	}
	return move.Run(ctx, move.Options{
		Folders: folders, Drivers: newDrivers(in.clients, in.informers, Environment{}, nil), KeepTarget: keepTarget,
		Jobs: in.clients.kube.BatchV1().Jobs(names.OperatorNamespace), Clock: clock.RealClock{},
	})
}
