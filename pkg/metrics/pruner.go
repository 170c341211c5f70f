package metrics

import "github.com/prometheus/client_golang/prometheus"

// pruner are the series of the image pruner. The name of the first is a contract with alerts.
type pruner struct {
	installed, failedRuns prometheus.Gauge
}

func newPruner(registry prometheus.Registerer) pruner {
	p := pruner{
		installed: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "image_registry_operator_image_pruner_install_status",
			Help: "Whether the image pruner is installed: 0 without a CronJob, 1 with a suspended one, 2 with one that runs.",
		}),
		failedRuns: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "image_registry_operator_image_pruner_failed_runs",
			Help: "Runs of the image pruner that have failed since the last one that succeeded; counting ends at 3.",
		}),
	}
	registry.MustRegister(p.installed, p.failedRuns)
	return p
}

// PrunerInstalled is 0 without a CronJob, 1 with a suspended one, 2 with one that runs.
func (m *Metrics) PrunerInstalled(status int) { m.pruner.installed.Set(float64(status)) }

// PrunerFailedRuns is the number of runs that have failed since the last success; counting ends at 3.
func (m *Metrics) PrunerFailedRuns(count int) { m.pruner.failedRuns.Set(float64(count)) }
