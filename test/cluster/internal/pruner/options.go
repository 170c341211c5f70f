package pruner

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// Options are the flags of `oc adm prune images`.
type Options struct {
	Confirm              bool
	CertificateAuthority string
	KeepTagRevisions     int
	KeepYoungerThan      time.Duration
	IgnoreInvalidRefs    bool
	LogLevel             int
	PruneRegistry        bool
	RegistryURL          string
	// All makes images candidates that came from elsewhere and are only recorded here.
	All bool
}

// command is what comes before the flags; the operator calls no other.
var command = []string{"adm", "prune", "images"}

// Parse reads a command line without the program's name.
func Parse(args []string) (Options, error) {
	for i, word := range command {
		if i >= len(args) || args[i] != word {
			return Options{}, fmt.Errorf("this oc knows only `oc %s`, not `oc %s`", strings.Join(command, " "), strings.Join(args, " "))
		}
	}
	o := Options{}
	var overSizeLimit bool
	flags := pflag.NewFlagSet("oc adm prune images", pflag.ContinueOnError)
	flags.BoolVar(&o.Confirm, "confirm", false, "without it nothing is changed")
	flags.StringVar(&o.CertificateAuthority, "certificate-authority", "", "file with the authorities the registry is trusted by")
	flags.IntVar(&o.KeepTagRevisions, "keep-tag-revisions", 3, "images of a tag's history to keep")
	flags.DurationVar(&o.KeepYoungerThan, "keep-younger-than", time.Hour, "age below which images, streams and pods protect what they name")
	flags.BoolVar(&o.IgnoreInvalidRefs, "ignore-invalid-refs", false, "go on where a pod names an image in a way that cannot be read")
	flags.IntVar(&o.LogLevel, "loglevel", 0, "verbosity")
	flags.BoolVar(&o.PruneRegistry, "prune-registry", true, "remove content of the registry, not only API objects")
	flags.StringVar(&o.RegistryURL, "registry-url", "", "the registry's address")
	flags.BoolVar(&o.All, "all", true, "also images that were imported from elsewhere")
	flags.BoolVar(&overSizeLimit, "prune-over-size-limit", false, "not implemented here")
	if err := flags.Parse(args[len(command):]); err != nil {
		return Options{}, err
	}
	if overSizeLimit {
		return Options{}, errors.New("--prune-over-size-limit is not implemented")
	}
	if rest := flags.Args(); len(rest) > 0 {
		return Options{}, fmt.Errorf("unexpected arguments: %s", strings.Join(rest, " "))
	}
	return o, o.validate()
}

func (o Options) validate() error {
	switch {
	case o.KeepTagRevisions < 0:
		return fmt.Errorf("--keep-tag-revisions is %d, it cannot be negative", o.KeepTagRevisions)
	case o.KeepYoungerThan < 0:
		return fmt.Errorf("--keep-younger-than is %s, it cannot be negative", o.KeepYoungerThan)
	case o.LogLevel < 0 || o.LogLevel > 10:
		return fmt.Errorf("--loglevel is %d, it goes from 0 to 10", o.LogLevel)
	case !o.PruneRegistry && o.RegistryURL != "":
		return errors.New("--registry-url without --prune-registry has no effect")
	case !o.PruneRegistry:
		return nil
	}
	return o.validateRegistry()
}

func (o Options) validateRegistry() error {
	// The real program finds the registry out by itself when it must. The operator always names it.
	address, err := url.Parse(o.RegistryURL)
	if err != nil {
		return fmt.Errorf("--registry-url: %w", err)
	}
	if address.Scheme != "https" || address.Host == "" || strings.Trim(address.Path, "/") != "" {
		return fmt.Errorf("--registry-url is %q, it must be https://HOST:PORT", o.RegistryURL)
	}
	if o.CertificateAuthority == "" {
		return errors.New("--certificate-authority is needed to prune the registry")
	}
	return nil
}
