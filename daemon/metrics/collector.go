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
	OldestQueued(ctx context.Context) (since time.Time, err error)
	OldestPending(ctx context.Context) (since time.Time, err error)
	Unreadable() int
}

// countLimit is how long the store may take to count.
const countLimit = 5 * time.Second

// storeCollector reads the store's counters when it is asked.
type storeCollector struct{ cfg Config }

var (
	jobsDesc       = prometheus.NewDesc("voxparse_jobs", "Jobs in the store, by status.", []string{"status"}, nil)
	deliveriesDesc = prometheus.NewDesc("voxparse_deliveries", "Deliveries in the store, by status.", []string{"status"}, nil)
	unreadableDesc = prometheus.NewDesc("voxparse_store_unreadable_records", "Records that could not be read, and that lists leave out.", nil, nil)
	runningDesc    = prometheus.NewDesc("voxparse_jobs_running", "Jobs that this daemon works on.", nil, nil)
	queuedAgeDesc  = prometheus.NewDesc("voxparse_oldest_queued_job_age_seconds", "Time since the oldest queued job was submitted, 0 without one.", nil, nil)
	pendingAgeDesc = prometheus.NewDesc("voxparse_oldest_pending_delivery_age_seconds", "Time since the oldest pending delivery was made, 0 without one.", nil, nil)
	restartsDesc   = prometheus.NewDesc("voxparse_worker_restarts_total", "Worker processes that ended without being asked to and were replaced.", nil, nil)
	diskDesc       = prometheus.NewDesc("voxparse_disk_free_bytes", "Bytes that may still be written to the disk of the data folder.", nil, nil)
	foldersDesc    = prometheus.NewDesc("voxparse_folders", "Drop folders, by status.", []string{"status"}, nil)
)

// folderStatuses are shown also where no drop folder has them.
var folderStatuses = []string{"watching", "polling", "scanning", "paused", "offline", "blocked"}

// Describe names what Collect gives.
func (c *storeCollector) Describe(out chan<- *prometheus.Desc) {
	out <- jobsDesc
	out <- deliveriesDesc
	out <- runningDesc
	out <- queuedAgeDesc
	out <- pendingAgeDesc
	out <- restartsDesc
	out <- diskDesc
	out <- foldersDesc
	out <- unreadableDesc
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
	out <- prometheus.MustNewConstMetric(unreadableDesc, prometheus.GaugeValue, float64(c.cfg.Store.Unreadable()))
	out <- prometheus.MustNewConstMetric(runningDesc, prometheus.GaugeValue, float64(c.cfg.Running()))
	collectAge(ctx, out, queuedAgeDesc, c.cfg.Store.OldestQueued)
	collectAge(ctx, out, pendingAgeDesc, c.cfg.Store.OldestPending)
	restarts := 0
	for _, w := range c.cfg.Workers() {
		restarts += w.Restarts
	}
	out <- prometheus.MustNewConstMetric(restartsDesc, prometheus.CounterValue, float64(restarts))
	if free, known := c.cfg.FreeDisk(); known {
		out <- prometheus.MustNewConstMetric(diskDesc, prometheus.GaugeValue, float64(free))
	}
	c.collectFolders(ctx, out)
}

// collectAge tells how long ago something was, 0 for never.
func collectAge(ctx context.Context, out chan<- prometheus.Metric, desc *prometheus.Desc, oldest func(context.Context) (time.Time, error)) {
	since, err := oldest(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(desc, err)
		return
	}
	age := 0.0
	if !since.IsZero() {
		age = max(time.Since(since).Seconds(), 0) // the clock may have been set back
	}
	out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, age)
}

// collectFolders counts the drop folders in each status.
func (c *storeCollector) collectFolders(ctx context.Context, out chan<- prometheus.Metric) {
	folders, err := c.cfg.Folders(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(foldersDesc, err)
		return
	}
	n := map[string]int{}
	for _, s := range folderStatuses {
		n[s] = 0
	}
	for _, f := range folders {
		n[f.Status]++
	}
	for s, n := range n {
		out <- prometheus.MustNewConstMetric(foldersDesc, prometheus.GaugeValue, float64(n), s)
	}
}
