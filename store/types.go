package store

import (
	"time"

	"github.com/voxparse/voxparse/api"
)

// Token is the right to change a claimed job or delivery: its id and the
// revision that the claim wrote. A transition with a token whose revision is
// no longer the record's is refused with api.LeaseLost.
type Token struct {
	ID       string
	Revision uint64
}

// Job is the record of one file on its way from audio to transcript.
type Job struct {
	ID          string
	Revision    uint64 // grows with every change; set by the store
	Status      api.JobStatus
	Queue       string // which queue it is claimed from: QueueCommands or a folder's id
	Dedupe      string // "" for none; a second Submit with the same key makes no job
	Due         time.Time
	Attempts    int    // charged so far
	MaxAttempts int    // 3 where it is 0
	Generation  int    // grows with every retry by hand; the event's id follows from it
	Owner       string // see Owner
	LeaseUntil  time.Time
	CreatedAt   time.Time
	StartedAt   time.Time
	FinishedAt  time.Time
	Source      api.Source
	Options     api.Options
	Metadata    []byte   // canonical JSON object, or nil
	Webhooks    []string // only these receive it; empty: every subscribed one
	Blob        string   // name of the spooled audio; "" once it is gone, or for a folder's file
	Progress    api.Progress
	Error       JobError
	Waiting     string // why a released job does not run yet, for people
}

// QueueCommands is the queue of jobs submitted by command or HTTP. It is
// served before the folders' queues.
const QueueCommands = "commands"

// JobError is why a job failed: a sentence and one of api's Job… codes.
type JobError struct {
	Code    string
	Message string
}

// Hopeless reports whether another try with the same audio fails as well: there
// is no audio in it. The audio of such a job goes with its failure.
func (e JobError) Hopeless() bool { return e.Code == api.JobNotAudio || e.Code == api.JobEmpty }

// Token returns the fencing token of a job as Claim returned it.
func (j Job) Token() Token { return Token{ID: j.ID, Revision: j.Revision} }

// Event is what a transition tells the webhooks. Its body is made once by the
// caller and stored as it is.
type Event struct {
	ID        string
	Seq       uint64 // order of all events; set by the store
	Type      string
	JobID     string
	CreatedAt time.Time
	Body      []byte
}

// Webhook is the record of a receiver.
type Webhook struct {
	ID             string
	Revision       uint64
	URL            string
	Events         []string // empty: every type
	Description    string
	Active         bool
	DisabledAt     time.Time
	DisabledReason string
	CreatedAt      time.Time
	Timeout        time.Duration // of a whole attempt
	Ordered        bool
	RateLimit      float64 // deliveries a second; 0 for none
	AllowPrivate   bool
	Temporary      bool   // exists for as long as somebody holds it; set when it is made
	Secret         []byte // sealed by the caller; the store cannot read it
	PreviousSecret []byte // sealed; valid until PreviousUntil
	PreviousUntil  time.Time
	NewSecretInUse bool      // during a rotation: the receiver accepted Secret; before, PreviousSecret signs
	SecretSince    time.Time // from when on the secret in use is in use; zero: since CreatedAt
	SecretLast4    string    // of Secret

	// NextArrival is when, at the pace of the rate limit, the next delivery
	// would be claimed: see ClaimableAt. Kept by ClaimDeliveries, and not part
	// of the revision.
	NextArrival time.Time

	// Health, kept by RecordAttempt.
	ConsecutiveFailures int
	FirstFailureAt      time.Time
	LastFailureAt       time.Time
}

// Delivery is the record of one event on its way to one webhook.
type Delivery struct {
	ID           string
	Revision     uint64
	Status       api.DeliveryStatus
	EventID      string
	EventType    string
	WebhookID    string
	JobID        string
	Seq          uint64 // the event's, for ordered webhooks
	CreatedAt    time.Time
	FinishedAt   time.Time
	Due          time.Time
	Attempts     int  // charged so far
	Manual       bool // a test, redelivery or replay: does not count for auto-disable
	RedeliveryOf string
	Owner        string
	LeaseUntil   time.Time
}

// Token returns the fencing token of a delivery as ClaimDeliveries returned it.
func (d Delivery) Token() Token { return Token{ID: d.ID, Revision: d.Revision} }

// ClaimedDelivery is a delivery that the caller may now attempt once, with all
// that the attempt needs.
type ClaimedDelivery struct {
	Delivery  Delivery
	AttemptID string // fresh: the X-VoxParse-Delivery-Id of this attempt
	Webhook   Webhook
	Event     Event
}

// Outcome is what an attempt decided about its delivery.
type Outcome struct {
	Status  api.DeliveryStatus // delivered, pending (again at RetryAt) or failed_permanent
	RetryAt time.Time
	Gone    bool // the receiver answered 410: disable the webhook

	// Soon lets the record wait a moment, to share the commit of something else.
	Soon bool

	// Accepted is, of a success during a rotation, the sealed secret that the
	// receiver accepted after it had refused the one in use. It is in use from
	// then on.
	Accepted []byte
}

// JobFilter selects jobs. Zero fields select all.
type JobFilter struct {
	Status   api.JobStatus
	Queue    string
	Since    time.Time
	Until    time.Time // not this time itself
	Before   string    // only jobs that come after this id in a list, newest first
	Name     string    // in the name of the file, in upper or lower case
	Metadata [2]string // a key and its value, as text
}

// DeliveryFilter selects deliveries. Zero fields select all.
type DeliveryFilter struct {
	Webhook string
	Job     string
	Status  api.DeliveryStatus
	Since   time.Time
	Until   time.Time
}
