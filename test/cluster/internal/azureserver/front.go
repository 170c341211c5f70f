package azureserver

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/faults"
	"github.com/openshift/cluster-image-registry-operator/test/cluster/internal/records"
	"k8s.io/klog/v2"
)

// Names of the hosts in faults and records.
const (
	hostLogin      = "login"
	hostManagement = "management"
	hostBlob       = "blob"
)

// Record is one request as the server saw it. It holds no header that carries a secret.
type Record struct {
	Seq    int64  `json:"seq"`
	Host   string `json:"host"`
	Method string `json:"method"`
	Path   string `json:"path"`
	// Query holds the names of the parameters, sorted; APIVersion is the version asked for.
	Query      []string `json:"query,omitempty"`
	APIVersion string   `json:"apiVersion,omitempty"`
	Status     int      `json:"status"`
	// Actions are the rights that the request needs, by the names that roles use; a shared key needs none.
	Actions   []string `json:"actions,omitempty"`
	UserAgent string   `json:"userAgent,omitempty"`
	// Scheme is that of the Authorization header.
	Scheme string `json:"scheme,omitempty"`
	Body   string `json:"body,omitempty"`
}

// Requests is the answer to GET /requests.
type Requests = records.Requests[Record]

// front records, injects faults, and leads to the hosts.
type front struct {
	options Options
	issuer  *issuer
	model   *model
	blobs   *azurite
	faults  *faults.Set[Match]
	records *records.Log[Record]
}

func newFront(o Options, blobs *azurite) *front {
	return &front{options: o, issuer: newIssuer(o.Identity), model: newModel(o, blobs), blobs: blobs, faults: faults.NewSet[Match](), records: records.New(func(r *Record) *int64 { return &r.Seq })}
}

// The names of the public cloud, and which host of the domain each of them is.
const (
	publicLogin      = "login.microsoftonline.com"
	publicManagement = "management.azure.com"
	publicBlobs      = ".blob.core.windows.net"
)

var inDomain = map[string]string{publicLogin: hostLogin, publicManagement: hostManagement}

// place tells which host a request is for, and the account.
func (f *front) place(host string) (kind, account string) {
	if name, found := inDomain[host]; found && f.options.PublicCloud {
		return name, ""
	}
	if account, found := strings.CutSuffix(host, publicBlobs); found && f.options.PublicCloud {
		return hostBlob, account
	}
	rest, found := strings.CutSuffix(host, "."+f.options.Domain)
	if !found {
		return "", ""
	}
	if account, found := strings.CutSuffix(rest, ".blob"); found {
		return hostBlob, account
	}
	if rest == hostLogin || rest == hostManagement {
		return rest, ""
	}
	return "", ""
}

// hostName is the host that was asked for, without a port.
func hostName(r *http.Request) string {
	if name, _, err := net.SplitHostPort(r.Host); err == nil {
		return name
	}
	return r.Host
}

// leadsHere tells why a tunnel may not be had to an address.
func (f *front) leadsHere(address string) error {
	if host, _, err := net.SplitHostPort(address); err != nil || !strings.HasSuffix(host, "."+f.options.Domain) {
		return fmt.Errorf("%s is no host name of this server", address)
	}
	return nil
}

// ServeHTTP handles one request.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, account := f.place(hostName(r))
	record := &Record{
		Host: kind, Method: r.Method, Path: r.URL.Path, Query: slices.Sorted(maps.Keys(r.URL.Query())), APIVersion: r.URL.Query().Get("api-version"), UserAgent: r.UserAgent(),
	}
	if record.APIVersion == "" {
		record.APIVersion = r.Header.Get("X-Ms-Version")
	}
	record.Scheme, _, _ = strings.Cut(r.Header.Get("Authorization"), " ")
	answer := records.NewAnswer(w, func(status int, _ []byte) {
		record.Status = status
		f.records.Add(*record)
	})
	defer answer.End()
	if kind == hostManagement {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil {
			return
		}
		record.Body = string(body)
	}
	fault := f.faults.Take(func(m Match) bool { return m.matches(r, kind) })
	if fault.Blackhole {
		// A test wants to see the request while it hangs.
		answer.Tell()
	}
	refusal := func(status int, code, message string) { refuse(answer, kind, status, code, message) }
	fault.Apply(answer, r, refusal, func(w http.ResponseWriter) { f.serve(w, r, account, record) })
}

func (f *front) serve(w http.ResponseWriter, r *http.Request, account string, record *Record) {
	switch record.Host {
	case hostLogin:
		f.issuer.ServeHTTP(w, r)
	case hostManagement:
		f.manage(w, r, record)
	case hostBlob:
		f.serveBlob(w, r, account, record)
	default:
		http.Error(w, fmt.Sprintf("%s is no host name of this server", r.Host), http.StatusMisdirectedRequest)
	}
}

// refuse answers with the error document of a host. The message ends as Azure's do, in what differs each time.
func refuse(w http.ResponseWriter, host string, status int, code, message string) {
	if message == "" {
		message = "The request was refused."
	}
	switch host {
	case hostBlob:
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("X-Ms-Error-Code", code)
		w.WriteHeader(status)
		_ = xml.NewEncoder(w).Encode(struct {
			XMLName xml.Name `xml:"Error"`
			Code    string
			Message string
		}{Code: code, Message: message + "\nRequestId:" + random(8) + "\nTime:2026-01-01T00:00:00Z"})
	case hostLogin:
		writeJSON(w, status, map[string]any{"error": code, "error_description": message + " Trace ID: " + random(8) + " Timestamp: 2026-01-01 00:00:00Z"})
	default:
		writeJSON(w, status, map[string]any{"error": map[string]string{"code": code, "message": message}})
	}
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		klog.V(4).InfoS("answering", "error", err)
	}
}
