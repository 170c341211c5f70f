package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/openshift/cluster-image-registry-operator/pkg/nodeca"
)

func TestNodeCASync(t *testing.T) {
	for _, tc := range []struct {
		name    string
		args    []string
		wantErr string
	}{
		{name: "it needs no environment and no flags", args: []string{"node-ca-sync"}},
		{name: "the operator's flags are not its own", args: []string{"node-ca-sync", "--kubeconfig=/k"}, wantErr: "unknown flag"},
		{name: "it takes no argument", args: []string{"node-ca-sync", "x"}, wantErr: "unknown command"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got nodeca.Folders
			err := runSubcommand(t, newNodeCACommand(func(_ context.Context, folders nodeca.Folders, _ clock.WithTicker) { got = folders }), tc.args)
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Errorf("got error %v, want one with %q", err, tc.wantErr)
				}
				return
			}
			if want := (nodeca.Folders{Source: "/tmp/serviceca", Destination: "/etc/docker/certs.d"}); err != nil || got != want {
				t.Errorf("ran with %v, error %v", got, err)
			}
		})
	}
}

// asProgram makes the test binary the program: see TestMain.
const asProgram = "RUN_AS_NODE_CA"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		onNode = nodeca.Folders{Source: os.Getenv(asProgram), Destination: os.Getenv(asProgram) + "/to"}
		os.Args = []string{os.Args[0], "node-ca-sync"}
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestNodeCASyncEndsInOrder(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(signal.String(), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			process := exec.CommandContext(ctx, program)
			process.Env = append(os.Environ(), asProgram+"="+t.TempDir())
			stderr, err := process.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := process.Start(); err != nil {
				t.Fatal(err)
			}
			log, buffer := "", make([]byte, 4096)
			for !strings.Contains(log, "certificates are in place") {
				n, err := stderr.Read(buffer)
				if log += string(buffer[:n]); err != nil {
					t.Fatalf("it ended with %v:\n%s", process.Wait(), log)
				}
			}
			if err := process.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			rest, _ := io.ReadAll(stderr)
			log += string(rest)
			if err := process.Wait(); err != nil || !strings.Contains(log, "shutting down node-ca") {
				t.Errorf("it ended with %v:\n%s", err, log)
			}
		})
	}
}
