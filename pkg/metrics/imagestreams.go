package metrics

import "github.com/prometheus/client_golang/prometheus"

// Tags is a number of image stream tags by what is said of them.
type Tags struct {
	// Source is imported or pushed, Location openshift or other.
	Source, Location string
	Number           int
}

// imageStreams counts when it is scraped: that is as fresh as can be, and what nobody scrapes costs nothing.
type imageStreams struct {
	tags *prometheus.Desc
	// count returns false while the number is not known.
	count func() ([]Tags, bool)
}

// ImageStreams exports the number of tags that count returns. While it is not known there is no series: a zero would say
// that the cluster has no image.
func (m *Metrics) ImageStreams(count func() ([]Tags, bool)) {
	m.registry.MustRegister(imageStreams{
		tags: prometheus.NewDesc("image_registry_image_stream_tags_total",
			"Number of image stream tags by where they come from and whether their namespace belongs to the platform.",
			[]string{"source", "location"}, nil),
		count: count,
	})
}

// Describe implements prometheus.Collector.
func (i imageStreams) Describe(into chan<- *prometheus.Desc) { into <- i.tags }

// Collect implements prometheus.Collector.
func (i imageStreams) Collect(into chan<- prometheus.Metric) {
	all, known := i.count()
	if !known {
		return
	}
	for _, tags := range all {
		into <- prometheus.MustNewConstMetric(i.tags, prometheus.GaugeValue, float64(tags.Number), tags.Source, tags.Location)
	}
}
