package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// commands times `make run` when everything has been built, and the start of a cluster with a real node in it.
func (b *bench) commands(ctx context.Context) ([]string, error) {
	b.end(ctx)
	dir := b.dir
	// The first run builds what is missing.
	if _, err := timedRun(ctx, dir, nil); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("bench-real-%d", os.Getpid())
	up, err := timed(ctx, dir, "cluster-up", nil, os.Getenv("CLUSTER_BINARY"), "up", "--name", name, "--detach", "--nodes", "1")
	downErr := down(ctx, dir, nil, name)
	if err != nil || downErr != nil {
		return nil, fmt.Errorf("a cluster with a real node: %w, %w", err, downErr)
	}
	found := []string{seconds(up)}
	warm, err := timedRun(ctx, dir, nil)
	if err != nil {
		return found, err
	}
	return append(found, seconds(warm)), nil
}

// full times what takes long: `make run` and `make test` with no build cache and an empty folder for clusters, and then
// again. The cache of downloaded modules is kept: a bench sends nothing off this machine.
func (b *bench) full(ctx context.Context) ([]string, error) {
	b.end(ctx)
	dir := b.dir
	cold := []string{"GOCACHE=" + filepath.Join(dir, "go-build"), "CLUSTER_HOME=" + filepath.Join(dir, "home")}
	coldRun, err := timedRun(ctx, dir, cold)
	if err != nil {
		return nil, err
	}
	found := []string{seconds(coldRun)}
	coldTest, err := timed(ctx, dir, "cold-test", append(cold, "GOCACHE="+filepath.Join(dir, "go-build-2"), "CLUSTER_HOME="+filepath.Join(dir, "home-2")), "make", "test")
	if err != nil {
		return found, err
	}
	found = append(found, seconds(coldTest))
	warmTest, err := timed(ctx, dir, "warm-test", nil, "make", "test")
	if err != nil {
		return found, err
	}
	return append(found, seconds(warmTest)), nil
}

// timedRun times `make run` from the command to the image that was pulled back, and takes its cluster down.
func timedRun(ctx context.Context, dir string, env []string) (time.Duration, error) {
	name := fmt.Sprintf("bench-run-%d", os.Getpid())
	took, err := timed(ctx, dir, "make-run", env, "make", "run", "DETACH=1", "NAME="+name)
	downErr := down(ctx, dir, env, name)
	if err == nil {
		err = downErr
	}
	return took, err
}

func down(ctx context.Context, dir string, env []string, name string) error {
	_, err := timed(context.WithoutCancel(ctx), dir, "down", env, os.Getenv("CLUSTER_BINARY"), "down", "--name", name)
	return err
}

// timed runs a command with its output in a file, and shows the file's place when the command fails.
func timed(ctx context.Context, dir, what string, env []string, name string, args ...string) (time.Duration, error) {
	path := filepath.Join(dir, what+".log")
	log, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	fmt.Fprintf(os.Stderr, "bench: %s %v\n", filepath.Base(name), args)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(path)
		return 0, fmt.Errorf("%s %v: %w\n%s", name, args, err, said[max(0, len(said)-4000):])
	}
	return time.Since(begin), nil
}

func seconds(d time.Duration) string { return d.Round(time.Second).String() }
