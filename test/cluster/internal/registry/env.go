package registry

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v2"
)

// Settings are what OpenShift's registry reads from its environment beyond what distribution knows.
type Settings struct {
	// Metrics serves Prometheus metrics at MetricsPath.
	Metrics bool
	// Reads and Writes bound the requests that are handled at the same time.
	Reads, Writes Limit
	// MinVersion and CipherSuites restrict TLS.
	MinVersion   uint16
	CipherSuites []uint16
	// CredentialsFile is an AWS shared credentials file; it replaces every other source of AWS credentials.
	CredentialsFile string
}

// Limit bounds requests of one kind. A zero MaxRunning means no bound.
type Limit struct {
	// MaxRunning is how many are handled at once.
	MaxRunning int
	// MaxInQueue is how many more may wait; those beyond are answered 429 at once.
	MaxInQueue int
	// MaxWaitInQueue is how long one waits before it is answered 429; zero means as long as its client does.
	MaxWaitInQueue time.Duration
}

// variable sets its part of the settings from the text of an environment variable.
type variable func(s *Settings, text string) error

// openshift lists the variables of OpenShift's registry that distribution does not know, and what each becomes
// here. Values are YAML scalars (the operator quotes a string that YAML would read as another type), so each is
// decoded as YAML into the type it must have.
var openshift = map[string]variable{
	// Quota comes from the OpenShift API (ImageStream limits), which these clusters do not have: the value must
	// be a boolean, and nothing is enforced.
	"REGISTRY_OPENSHIFT_QUOTA_ENABLED": func(_ *Settings, text string) error { return decode(text, new(bool)) },
	// Prometheus metrics on the registry's own port, at MetricsPath. The original asks the OpenShift API whether
	// the caller may see them; here everyone may.
	"REGISTRY_OPENSHIFT_METRICS_ENABLED": func(s *Settings, text string) error { return decode(text, &s.Metrics) },
	// The name that image streams use for this registry; it must be host:port and has no other effect. It may
	// not become http.host: that would send a client that came through a route to a name only pods can resolve.
	"REGISTRY_OPENSHIFT_SERVER_ADDR": serverAddress,
	// Limits of GET, HEAD and OPTIONS, and of everything else; see limit.go.
	"REGISTRY_OPENSHIFT_REQUESTS_READ_MAXRUNNING": func(s *Settings, text string) error {
		return decodeCount(text, &s.Reads.MaxRunning)
	},
	"REGISTRY_OPENSHIFT_REQUESTS_READ_MAXINQUEUE": func(s *Settings, text string) error {
		return decodeCount(text, &s.Reads.MaxInQueue)
	},
	"REGISTRY_OPENSHIFT_REQUESTS_READ_MAXWAITINQUEUE": func(s *Settings, text string) error {
		return decodeDuration(text, &s.Reads.MaxWaitInQueue)
	},
	"REGISTRY_OPENSHIFT_REQUESTS_WRITE_MAXRUNNING": func(s *Settings, text string) error {
		return decodeCount(text, &s.Writes.MaxRunning)
	},
	"REGISTRY_OPENSHIFT_REQUESTS_WRITE_MAXINQUEUE": func(s *Settings, text string) error {
		return decodeCount(text, &s.Writes.MaxInQueue)
	},
	"REGISTRY_OPENSHIFT_REQUESTS_WRITE_MAXWAITINQUEUE": func(s *Settings, text string) error {
		return decodeDuration(text, &s.Writes.MaxWaitInQueue)
	},
	// distribution has http.tls.minimumtls with values of its own (tls1.2); this is OpenShift's spelling of
	// tls.Config.MinVersion.
	"REGISTRY_HTTP_TLS_MINVERSION": func(s *Settings, text string) (err error) {
		s.MinVersion, err = tlsVersion(text)
		return err
	},
	// Comma-joined IANA names; becomes tls.Config.CipherSuites. It has no REGISTRY_ prefix of its own, because
	// distribution would want a YAML list there.
	"OPENSHIFT_REGISTRY_HTTP_TLS_CIPHERSUITES": func(s *Settings, text string) (err error) {
		s.CipherSuites, err = cipherSuites(text)
		return err
	},
	// An AWS shared credentials file. distribution has no such parameter: the file reaches its AWS SDK (v1) as
	// AWS_SHARED_CREDENTIALS_FILE, see Environment.
	"REGISTRY_STORAGE_S3_CREDENTIALSCONFIGPATH": func(s *Settings, text string) error {
		return decode(text, &s.CredentialsFile)
	},
}

// s3Parameters are those that the operator renders. distribution's s3 driver ignores a parameter it does not know,
// which would hide a misspelt one, so anything else is refused here. All of these are distribution's own: it takes
// booleans as YAML booleans or as text, numbers as YAML numbers or as text, and prints the rest with %v.
//
// What the driver makes of them (v3.1.2, on AWS SDK v1):
//   - REGIONENDPOINT: used as it is; without it REGION must be one the SDK knows.
//   - USEDUALSTACK: no effect beside an explicit endpoint (AWS SDK v2 would refuse the pair).
//   - FORCEPATHSTYLE: false gives virtual-hosted buckets, on a custom endpoint too.
//   - ENCRYPT, KEYID: request headers of each upload (AES256, or aws:kms with KEYID).
//   - CHUNKSIZE: at least 5 MiB or the driver refuses to start.
//   - Not needed: LOGLEVEL, ACCESSKEY, SECRETKEY (default to off and to the SDK's chain of credentials).
var s3Parameters = []string{
	"BUCKET", "CHUNKSIZE", "ENCRYPT", "FORCEPATHSTYLE", "KEYID", "REGION", "REGIONENDPOINT", "USEDUALSTACK",
}

// azureParameters are those that the operator renders. All are distribution's own, but its driver wants to be told which
// kind of credentials to use, where OpenShift's registry takes the account key when there is one and else what the
// AZURE_ variables say; see withAzureCredentials.
var azureParameters = []string{"ACCOUNTKEY", "ACCOUNTNAME", "CONTAINER", "REALM"}

// gcsParameters are those that the operator renders; distribution understands both. Unlike OpenShift's registry it takes
// no key file of type external_account (workload identity).
var gcsParameters = []string{"BUCKET", "KEYFILE"}

// parameters are what the operator sets of each driver.
var parameters = map[string][]string{"S3": s3Parameters, "AZURE": azureParameters, "GCS": gcsParameters}

// Translate splits an environment into the settings of this package and the environment that distribution and its
// AWS SDK shall see. A variable of OpenShift's that has no meaning here is an error: silence would let a renamed
// variable look as if it worked.
func Translate(environ []string) (Settings, []string, error) {
	settings := Settings{MinVersion: defaultTLSVersion}
	var rest []string
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		if set, ours := openshift[name]; ours {
			if err := set(&settings, text); err != nil {
				return Settings{}, nil, fmt.Errorf("environment variable %s: %w", name, err)
			}
			continue
		}
		if err := refuseUnknown(name); err != nil {
			return Settings{}, nil, err
		}
		rest = append(rest, entry)
	}
	return settings, withAzureCredentials(withCredentials(rest, settings.CredentialsFile)), nil
}

func refuseUnknown(name string) error {
	for _, prefix := range []string{"REGISTRY_OPENSHIFT_", "OPENSHIFT_REGISTRY_"} {
		if strings.HasPrefix(name, prefix) {
			return fmt.Errorf("environment variable %s is unknown to this registry", name)
		}
	}
	for driver, known := range parameters {
		parameter, found := strings.CutPrefix(name, "REGISTRY_STORAGE_"+driver+"_")
		if found && !slices.Contains(known, parameter) {
			return fmt.Errorf("environment variable %s is no parameter of the %s driver that the operator sets", name, strings.ToLower(driver))
		}
	}
	return nil
}

// withAzureCredentials says to distribution's azure driver what OpenShift's finds out by itself.
func withAzureCredentials(environ []string) []string {
	kind := ""
	for _, entry := range environ {
		switch name, _, _ := strings.Cut(entry, "="); {
		case name == "REGISTRY_STORAGE_AZURE_ACCOUNTKEY":
			kind = "shared_key"
		case strings.HasPrefix(name, "REGISTRY_STORAGE_AZURE_") && kind == "":
			// The Azure SDK's chain, which finds the federated token by the AZURE_ variables.
			kind = "default_credentials"
		}
	}
	if kind == "" {
		return environ
	}
	return append(slices.Clone(environ), "REGISTRY_STORAGE_AZURE_CREDENTIALS={type: "+kind+"}")
}

// withCredentials makes file the only source of AWS credentials.
func withCredentials(environ []string, file string) []string {
	if file == "" {
		return environ
	}
	kept := slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return strings.HasPrefix(name, "AWS_")
	})
	return append(kept,
		"AWS_SHARED_CREDENTIALS_FILE="+file,
		// Without it the SDK reads static keys only and overlooks role_arn with web_identity_token_file.
		"AWS_SDK_LOAD_CONFIG=true",
		// Without it a file without keys makes the SDK ask the instance metadata service: minutes of silence
		// where there is none.
		"AWS_EC2_METADATA_DISABLED=true",
	)
}

func decode(text string, into any) error {
	return yaml.UnmarshalStrict([]byte(text), into)
}

func decodeCount(text string, into *int) error {
	if err := decode(text, into); err != nil {
		return err
	}
	if *into < 0 {
		return fmt.Errorf("%d is negative", *into)
	}
	return nil
}

func decodeDuration(text string, into *time.Duration) error {
	var value string
	if err := decode(text, &value); err != nil {
		return err
	}
	wait, err := time.ParseDuration(value)
	if err != nil {
		return err
	}
	if wait < 0 {
		return fmt.Errorf("%s is negative", wait)
	}
	*into = wait
	return nil
}

func serverAddress(_ *Settings, text string) error {
	var address string
	if err := decode(text, &address); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if host == "" || port == "" {
		return fmt.Errorf("%q is not host:port", address)
	}
	return nil
}
