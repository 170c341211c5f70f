package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/openshift/cluster-image-registry-operator/pkg/operator"
)

func TestCommandLine(t *testing.T) {
	environment := map[string]string{"RELEASE_VERSION": "4.22.0", "OPERATOR_IMAGE_VERSION": "4.22.0", "IMAGE": "registry", "OPERATOR_IMAGE": "operator", "IMAGE_PRUNER": "pruner"}
	env := operator.Environment{ReleaseVersion: "4.22.0", ImageVersion: "4.22.0", RegistryImage: "registry", OperatorImage: "operator", PrunerImage: "pruner"}
	for _, tc := range []struct {
		name    string
		args    []string
		without string
		runErr  error
		want    operator.Options
		wantErr string
	}{
		{name: "no flag means defaults", want: operator.Options{Environment: env}},
		{
			name: "every flag is taken and --files may be repeated",
			args: []string{"--kubeconfig=/k", "--config", "/c", "--files=/a", "--files", "/b,c"},
			want: operator.Options{Kubeconfig: "/k", ConfigFile: "/c", Files: []string{"/a", "/b,c"}, Environment: env},
		},
		{name: "an argument is an error", args: []string{"start"}, wantErr: "unknown command"},
		{name: "an unknown flag is an error", args: []string{"--verbosity=2"}, wantErr: "unknown flag"},
		{name: "a missing variable is an error", without: "IMAGE", wantErr: "IMAGE is not set"},
		{name: "an error of the operator is passed on", runErr: errors.New("broken"), wantErr: "broken"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got operator.Options
			command := newCommand(func(_ context.Context, options operator.Options) error {
				got = options
				return tc.runErr
			}, func(name string) string {
				if name == tc.without {
					return ""
				}
				return environment[name]
			})
			command.SetArgs(append([]string{}, tc.args...))
			command.SetOut(io.Discard)
			err := command.ExecuteContext(t.Context())
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Errorf("got error %v, want one with %q", err, tc.wantErr)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("got error %v and difference\n%s", err, diff)
			}
		})
	}
}

// runSubcommand executes the program with sub in the place of its own subcommand of that name. The operator must not run.
func runSubcommand(t *testing.T, sub *cobra.Command, args []string) error {
	t.Helper()
	command := newCommand(func(context.Context, operator.Options) error {
		t.Error("the operator ran")
		return nil
	}, func(string) string { return "" })
	for _, own := range command.Commands() {
		if own.Name() == sub.Name() {
			command.RemoveCommand(own)
		}
	}
	command.AddCommand(sub)
	command.SetArgs(args)
	command.SetOut(io.Discard)
	command.SetErr(io.Discard)
	return command.ExecuteContext(t.Context())
}
