package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Condition is one of a configuration object of the operator.
type Condition struct {
	// Resource is configs or imagepruners.
	Resource, Type, Reason string
	True                   bool
}

// Certificate is one that the operator is responsible for, or serves on the administrator's behalf.
type Certificate struct {
	// Secret is its name in the operator's namespace.
	Secret string
	// NotAfter is the end of its validity.
	NotAfter time.Time
}

// state exports what the operator's caches show at the time of a scrape.
type state struct {
	condition, expiry *prometheus.Desc
	conditions        func() []Condition
	certificates      func() []Certificate
}

// State exports conditions, so that alerts need not wait for what the cluster's own aggregation says, and the ends of
// certificates.
func (m *Metrics) State(conditions func() []Condition, certificates func() []Certificate) {
	m.registry.MustRegister(state{
		condition: prometheus.NewDesc("image_registry_operator_condition",
			"1 for a condition that is True, 0 for one that is not, by the resource that has it.",
			[]string{"resource", "condition", "reason"}, nil),
		expiry: prometheus.NewDesc("image_registry_operator_certificate_expiry_timestamp_seconds",
			"When a certificate that the registry or its operator serves with becomes invalid, by the Secret that holds it.",
			[]string{"secret"}, nil),
		conditions: conditions, certificates: certificates,
	})
}

// Describe implements prometheus.Collector.
func (s state) Describe(into chan<- *prometheus.Desc) {
	into <- s.condition
	into <- s.expiry
}

// Collect implements prometheus.Collector.
func (s state) Collect(into chan<- prometheus.Metric) {
	for _, c := range s.conditions() {
		value := 0.0
		if c.True {
			value = 1
		}
		into <- prometheus.MustNewConstMetric(s.condition, prometheus.GaugeValue, value, c.Resource, c.Type, c.Reason)
	}
	for _, c := range s.certificates() {
		into <- prometheus.MustNewConstMetric(s.expiry, prometheus.GaugeValue, float64(c.NotAfter.Unix()), c.Secret)
	}
}
