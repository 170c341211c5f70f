package metrics

import "github.com/prometheus/client_golang/prometheus"

// newAzureKeyCache makes the counter of look-ups of Azure account keys. Both results are exported from the start, so that
// a rate over them has no gap.
func newAzureKeyCache() *prometheus.CounterVec {
	counter := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "image_registry_operator_azure_key_cache_requests_total",
		Help: "Total look-ups of an Azure account key, by whether the operator still had it.",
	}, []string{"result"})
	for _, hit := range []bool{true, false} {
		counter.WithLabelValues(cacheResult(hit))
	}
	return counter
}

func cacheResult(hit bool) string {
	if hit {
		return "hit"
	}
	return "miss"
}

// AzureKeyCache counts a look-up of an Azure account key.
func (m *Metrics) AzureKeyCache(hit bool) { m.azureKeyCache.WithLabelValues(cacheResult(hit)).Inc() }
