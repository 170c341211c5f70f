package library

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// auditLine is an entry as the API server writes it.
func auditLine(uri, verb, stage, agent, user, code, at string) string {
	return `{"kind":"Event","stage":"` + stage + `","requestURI":"` + uri + `","verb":"` + verb + `","user":{"username":"` + user + `"},"userAgent":"` + agent +
		`","responseStatus":{"code":` + code + `},"requestReceivedTimestamp":"2026-11-28T` + at + `.000000Z"}`
}

func TestStrangersAreRequestsOfTheOperatorsProgramAsNoneOfItsUsers(t *testing.T) {
	const operator, late, early = operatorAgent + "4.22.0", "12:00:00", "10:00:00"
	log := filepath.Join(t.TempDir(), "audit.log")
	lines := []string{
		auditLine("/a-token-that-expired", "get", "ResponseStarted", operator, "", "401", late),
		auditLine("/before-the-test", "get", "ResponseStarted", operator, "", "401", early),
		auditLine("/a-stale-token-of-its-own", "list", "ResponseStarted", operator, OperatorUser, "401", late),
		auditLine("/as-an-administrator", "list", "ResponseComplete", operator, "system:admin", "200", late),
		auditLine("/as-nobody", "list", "ResponseComplete", operator, "system:anonymous", "403", late),
		auditLine("/as-what-runs-on-nodes", "get", "ResponseComplete", operator, "system:serviceaccount:openshift-image-registry:node-ca", "200", late),
		auditLine("/a-namesake-elsewhere", "get", "ResponseComplete", operator, "system:serviceaccount:default:registry", "200", late),
		auditLine("/as-itself", "get", "ResponseComplete", operator, OperatorUser, "200", late),
		auditLine("/denied-as-itself", "get", "ResponseComplete", operator, OperatorUser, "403", late),
		auditLine("/the-job-that-moves", "patch", "ResponseComplete", operator, registryUser, "200", late),
		auditLine("/somebody-else", "get", "ResponseStarted", "kubelet/1.35 beside cluster-image-registry-operator/4", "", "401", late),
		`{"half":"` + operator,
	}
	if err := os.WriteFile(log, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	since, err := time.Parse(time.RFC3339, "2026-11-28T11:00:00Z")
	if err != nil {
		t.Fatal(err)
	}
	found, err := strangers(log, since)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, event := range found {
		got = append(got, event.RequestURI)
	}
	want := []string{"/a-token-that-expired", "/a-stale-token-of-its-own", "/as-an-administrator", "/as-nobody", "/as-what-runs-on-nodes", "/a-namesake-elsewhere"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	cluster := &Cluster{}
	cluster.AuditLog = log
	own, err := cluster.Audit(OperatorUser, since)
	if err != nil || len(own) != 2 {
		t.Errorf("the operator's own requests are %v (%v), want the two that were answered", own, err)
	}
}
