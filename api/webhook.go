package api

import "time"

// Event types that a webhook can subscribe to, EventTest aside: it always
// reaches the webhook that is tested. SecretOld and SecretNew are the values of
// Webhook.SecretInUse. APIVersion is the api_version of every
// event body, AcceptedMessage the message of every Accepted.
const (
	EventCompleted = "transcription.completed"
	EventFailed    = "transcription.failed"
	EventTest      = "webhook.test"

	SecretOld = "old"
	SecretNew = "new"

	APIVersion      = "2026-05-01"
	AcceptedMessage = "Job accepted. Results will be delivered via webhook."
)

// Webhook is a receiver of events, as the API shows it.
type Webhook struct {
	ID                  string    `json:"id"`
	URL                 string    `json:"url"`
	Events              []string  `json:"events"`
	Description         string    `json:"description"`
	Active              bool      `json:"active"`
	SecretLast4         string    `json:"secret_last4"` // "...6f8a"
	CreatedAt           time.Time `json:"created_at"`
	DisabledAt          time.Time `json:"disabled_at,omitzero"`
	DisabledReason      string    `json:"disabled_reason,omitempty"`
	ConsecutiveFailures int       `json:"consecutive_failures"`
	TimeoutSeconds      int       `json:"timeout_seconds"`                     // 1-60, of a whole attempt
	Ordered             bool      `json:"ordered"`                             // one at a time, in sequence
	RateLimit           float64   `json:"rate_limit"`                          // deliveries a second, 0 for none
	AllowPrivate        bool      `json:"allow_private"`                       // may reach loopback and private addresses
	Temporary           bool      `json:"temporary,omitempty"`                 // removed once nobody holds it
	Secret              string    `json:"secret,omitempty"`                    // only on create and rotate
	PreviousUntil       time.Time `json:"previous_secret_expires_at,omitzero"` // during a rotation
	SecretInUse         string    `json:"secret_in_use,omitempty"`             // during a rotation: old or new, what the receiver accepted last
	SecretSince         time.Time `json:"secret_in_use_since,omitzero"`
}

// WebhookPatch is the body of POST /v1/webhooks (URL required) and of PATCH.
// A nil field is left as it is.
type WebhookPatch struct {
	URL            *string   `json:"url,omitempty"`
	Events         *[]string `json:"events,omitempty"` // empty: every type
	Description    *string   `json:"description,omitempty"`
	Active         *bool     `json:"active,omitempty"`
	TimeoutSeconds *int      `json:"timeout_seconds,omitempty"`
	Ordered        *bool     `json:"ordered,omitempty"`
	RateLimit      *float64  `json:"rate_limit,omitempty"`
	AllowPrivate   *bool     `json:"allow_private,omitempty"`
	Temporary      bool      `json:"temporary,omitempty"` // only on create: see GET /v1/webhooks/{id}/hold
}

// RotateRequest is the body of POST /v1/webhooks/{id}/rotate-secret.
type RotateRequest struct {
	OverlapSeconds *int `json:"overlap_seconds,omitempty"` // 0 to 604,800; 86,400 when nil
	Force          bool `json:"force,omitempty"`           // also during the overlap of another rotation, whose new secret ends unless it is in use
	Finish         bool `json:"finish,omitempty"`          // end the overlap now; no new secret
}

// ReplayRequest is the body of POST /v1/webhooks/{id}/replay, and of enable.
type ReplayRequest struct {
	Since    time.Time `json:"since,omitzero"`
	Until    time.Time `json:"until,omitzero"`
	Statuses []string  `json:"statuses,omitempty"` // empty: failed_permanent
}

// ReplayAnswer says how many deliveries a replay will send again.
type ReplayAnswer struct {
	Deliveries int  `json:"deliveries"`
	More       bool `json:"more,omitempty"` // it goes on in the background, and there will be more
}

// DeliveryStatus is where a delivery stands.
type DeliveryStatus string

// Delivery is one event on its way to one webhook.
type Delivery struct {
	ID           string         `json:"id"`
	Status       DeliveryStatus `json:"status"`
	EventID      string         `json:"event_id"`
	EventType    string         `json:"event_type"`
	WebhookID    string         `json:"webhook_id"`
	JobID        string         `json:"job_id,omitempty"`
	CreatedAt    time.Time      `json:"created_at"`
	FinishedAt   time.Time      `json:"finished_at,omitzero"`
	NextDueAt    time.Time      `json:"next_due_at,omitzero"`
	Manual       bool           `json:"manual,omitempty"` // a test, redelivery or replay
	RedeliveryOf string         `json:"redelivery_of,omitempty"`
	AttemptCount int            `json:"attempt_count"`
	Attempts     []Attempt      `json:"attempts,omitempty"`     // oldest first
	RequestBody  string         `json:"request_body,omitempty"` // of every attempt, as it is sent; where one delivery is asked for
}

// Attempt is one POST of a delivery.
type Attempt struct {
	ID              string            `json:"id"` // X-VoxParse-Delivery-Id of this POST
	Number          int               `json:"number"`
	StartedAt       time.Time         `json:"started_at"`
	DurationMS      float64           `json:"duration_ms"`
	Status          int               `json:"status,omitempty"`           // 0 where there was no answer
	Error           string            `json:"error,omitempty"`            // a sentence
	ErrorKind       string            `json:"error_kind,omitempty"`       // dns, connect, tls, timeout, …
	RequestHeaders  map[string]string `json:"request_headers,omitempty"`  // as they were sent
	ResponseHeaders map[string]string `json:"response_headers,omitempty"` // Set-Cookie redacted
	ResponseBody    string            `json:"response_body,omitempty"`    // at most 16 KiB
	Truncated       bool              `json:"response_truncated,omitempty"`
}
