package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/voxparse/voxparse/api"
)

// Counts are the store's counters.
type Counts interface {
	CountJobs(ctx context.Context) (map[api.JobStatus]int, error)
	CountDeliveries(ctx context.Context) (map[api.DeliveryStatus]int, error)
}

// countLimit is how long the store may take to count.
const countLimit = 5 * time.Second

// storeCollector reads the store's counters when it is asked.
type storeCollector struct{ cfg Config }

var (
	jobsDesc       = prometheus.NewDesc("voxparse_jobs", "Jobs in the store, by status.", []string{"status"}, nil)
	deliveriesDesc = prometheus.NewDesc("voxparse_deliveries", "Deliveries in the store, by status.", []string{"status"}, nil)
	runningDesc    = prometheus.NewDesc("voxparse_jobs_running", "Jobs that this daemon works on.", nil, nil)
)

// Describe names what Collect gives.
func (c *storeCollector) Describe(out chan<- *prometheus.Desc) {
	out <- jobsDesc
	out <- deliveriesDesc
	out <- runningDesc
}

// Collect reads the counters.
func (c *storeCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), countLimit)
	defer cancel()
	jobs, err := c.cfg.Store.CountJobs(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(jobsDesc, err)
	}
	for s, n := range jobs {
		out <- prometheus.MustNewConstMetric(jobsDesc, prometheus.GaugeValue, float64(n), string(s))
	}
	deliveries, err := c.cfg.Store.CountDeliveries(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(deliveriesDesc, err)
	}
	for s, n := range deliveries {
		out <- prometheus.MustNewConstMetric(deliveriesDesc, prometheus.GaugeValue, float64(n), string(s))
	}
	out <- prometheus.MustNewConstMetric(runningDesc, prometheus.GaugeValue, float64(c.cfg.Running()))
}
