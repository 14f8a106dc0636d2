package api

import "time"

// Health is the answer of GET /health.
type Health struct {
	Status  string `json:"status"` // HealthOK, or another with 503
	Version string `json:"version"`

	// Problems are the codes of what keeps the daemon from its work, with
	// HealthBlocked and only of GET /readyz; status and doctor say more.
	Problems []string `json:"problems,omitempty"`
}

// The statuses of jobs, of deliveries and of the daemon, and the levels of a
// Finding.
const (
	Queued     JobStatus = "queued"
	Processing JobStatus = "processing"
	Completed  JobStatus = "completed"
	Failed     JobStatus = "failed"
	Cancelled  JobStatus = "cancelled"
	// Interrupted: it had not ended in the backup that was restored, and may have
	// ended since. It runs again when somebody says so.
	Interrupted JobStatus = "interrupted"

	DeliveryPending   DeliveryStatus = "pending"
	DeliveryInFlight  DeliveryStatus = "delivering"
	DeliveryDelivered DeliveryStatus = "delivered"
	DeliveryFailed    DeliveryStatus = "failed_permanent"
	DeliveryHeld      DeliveryStatus = "held" // its webhook is disabled
	DeliveryCancelled DeliveryStatus = "cancelled"

	HealthStarting = "starting"
	HealthOK       = "ok"
	HealthStopping = "stopping"
	HealthBlocked  = "blocked" // it answers, and no work goes on

	LevelOK    = "ok"
	LevelWarn  = "warn"  // it works, but not as well or not for long
	LevelError = "error" // something does not work
)

// Status is the answer of GET /v1/status: the daemon's own state.
type Status struct {
	Version    string                 `json:"version"`
	PID        int                    `json:"pid"`
	StartedAt  time.Time              `json:"started_at"`
	Socket     string                 `json:"socket"`
	Listen     string                 `json:"listen,omitempty"`
	DataDir    string                 `json:"data_dir"`
	Config     string                 `json:"config"`
	Plan       string                 `json:"plan"`
	Model      string                 `json:"model"`
	ModelReady bool                   `json:"model_ready"`
	Jobs       map[JobStatus]int      `json:"jobs"`
	Running    []Job                  `json:"running"`
	Deliveries map[DeliveryStatus]int `json:"deliveries"`
	Webhooks   []WebhookHealth        `json:"webhooks"`
	Workers    []Worker               `json:"workers"`
	Folders    []Folder               `json:"folders,omitempty"`

	// Audio that no job was known to need, set aside in the data folder.
	QuarantinedFiles int   `json:"quarantined_files"`
	QuarantinedBytes int64 `json:"quarantined_bytes"`

	Problems []Problem `json:"problems"`
}

// WebhookHealth is what status tells of a webhook.
type WebhookHealth struct {
	ID             string `json:"id"`
	URL            string `json:"url"`
	Active         bool   `json:"active"`
	DisabledReason string `json:"disabled_reason,omitempty"`
	Pending        int    `json:"pending"`
	Held           int    `json:"held"`
	Failures       int    `json:"consecutive_failures"`
}

// Worker is one engine process.
type Worker struct {
	PID      int    `json:"pid"`
	Status   string `json:"status"` // "starting", "idle", "busy", "backing off"
	JobID    string `json:"job_id,omitempty"`
	Restarts int    `json:"restarts"`
	RSSBytes int64  `json:"rss_bytes,omitempty"`
}

// Problem is something that keeps work from going on, with its fix.
type Problem struct {
	Code    string `json:"code"`          // "no_space", "model_missing", "webhook_disabled", …
	Message string `json:"message"`       // a sentence
	Fix     string `json:"fix,omitempty"` // a command or an act
}
