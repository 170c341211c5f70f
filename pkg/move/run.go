package move

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	batchclient "k8s.io/client-go/kubernetes/typed/batch/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/openshift/cluster-image-registry-operator/pkg/names"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
)

const (
	// reportInterval is how often the operator is told how far the copy has come.
	reportInterval = 5 * time.Second
	// reportTimeout bounds one report; the copy goes on without it.
	reportTimeout = 10 * time.Second
)

// Files of the Secret that says what to copy.
const (
	SourceFile = "source.json"
	TargetFile = "target.json"
)

// Folders are where the Job's pod has what it needs.
type Folders struct {
	// Input has SourceFile and TargetFile.
	Input string
	// Source and Target are where volumes are mounted, if a side is a volume.
	Source, Target string
	// Scratch is for lists.
	Scratch string
}

// Options are what a run works with.
type Options struct {
	Folders Folders
	// Drivers open what is not a volume.
	Drivers storage.Drivers
	// KeepTarget is Copy.KeepTarget.
	KeepTarget bool
	// Jobs are those of the operator's namespace, where the progress goes.
	Jobs  batchclient.JobInterface
	Clock clock.WithTicker
}

// Run copies what the files in the input folder name.
func Run(ctx context.Context, options Options) error {
	folders := options.Folders
	source, from, err := open(options.Drivers, filepath.Join(folders.Input, SourceFile), folders.Source)
	if err != nil {
		return fmt.Errorf("opening the source: %w", err)
	}
	target, to, err := open(options.Drivers, filepath.Join(folders.Input, TargetFile), folders.Target)
	if err != nil {
		return fmt.Errorf("opening the target: %w", err)
	}
	if folder, ok := target.(*Folder); ok {
		if err := folder.Sweep(ctx, root); err != nil {
			return fmt.Errorf("tidying up the target: %w", err)
		}
	}
	klog.InfoS("copying images", "from", from, "to", to, "keepTarget", options.KeepTarget)
	c := &Copy{
		Source: source, Target: target, KeepTarget: options.KeepTarget, Compared: earlier(ctx, options.Jobs).Compared, Scratch: folders.Scratch,
	}
	err = reporting(ctx, options, c.Progress, c.Run)
	if err == nil {
		klog.InfoS("all images are in the target", "from", from, "to", to, "amount", c.Progress().Amount())
	}
	return err
}

// open opens the content that a file describes.
func open(drivers storage.Drivers, file, folder string) (content storage.Content, location string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, "", err
	}
	var snapshot storage.Snapshot
	if err := json.Unmarshal(text, &snapshot); err != nil {
		// The error might quote what is in the file.
		return nil, "", fmt.Errorf("%s does not describe a storage", file)
	}
	location = storage.Describe(snapshot.Coordinates)
	driver, err := drivers.Select(&snapshot.Coordinates)
	switch {
	case err != nil:
	case driver.Content != nil:
		content, err = driver.Content(snapshot.Inputs())
	case driver.Kind == storage.PVC:
		content, err = OpenFolder(folder)
	default:
		err = errors.New("its images cannot be copied")
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", location, err)
	}
	return content, location, nil
}

// reporting runs work and tells the operator how far it has come, the last time when it has ended.
func reporting(ctx context.Context, options Options, progress func() Progress, work func(context.Context) error) error {
	r := reporter{jobs: options.Jobs}
	ended := make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() {
		ticker := options.Clock.NewTicker(reportInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ended:
				return
			case <-ticker.C():
				r.tell(ctx, progress())
			}
		}
	})
	err := work(ctx)
	close(ended)
	telling.Wait()
	last := progress()
	if err != nil && len(last.Corrupt) == 0 {
		last.Error = err.Error()
	}
	// A pod that is asked to leave has a moment for this.
	r.tell(context.WithoutCancel(ctx), last)
	return err
}

// earlier is what the pod before this one has reported of the same Job. The pods' role allows patches only: one that changes
// nothing is answered with the Job.
func earlier(ctx context.Context, jobs batchclient.JobInterface) Progress {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	job, err := jobs.Patch(ctx, names.Move, types.MergePatchType, []byte("{}"), metav1.PatchOptions{})
	if err != nil {
		klog.ErrorS(err, "what an earlier pod did is not known; the target is compared anew", "job", names.Move)
		return Progress{}
	}
	return ParseProgress(job.Annotations[names.MoveProgressAnnotation])
}

// reporter writes the annotation of the Job when there is something new.
type reporter struct {
	jobs batchclient.JobInterface
	told string
}

func (r *reporter) tell(ctx context.Context, progress Progress) {
	text := progress.Encode()
	if text == r.told {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{names.MoveProgressAnnotation: text}}})
	if err != nil {
		panic(err) // plain data always encodes
	}
	if _, err := r.jobs.Patch(ctx, names.Move, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		klog.ErrorS(err, "the progress could not be reported; the copy goes on", "job", names.Move)
		return
	}
	r.told = text
}
