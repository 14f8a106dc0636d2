package httpapi

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/dispatch"
	"github.com/voxparse/voxparse/daemon/feed"
	"github.com/voxparse/voxparse/internal/vault"
	"github.com/voxparse/voxparse/store"
)

// Config is what the API needs. All of it is required.
type Config struct {
	Settings Settings
	Version  string
	Started  time.Time
	Logger   *slog.Logger

	Health    func() string         // api.HealthOK, or why not
	Accepting func() error          // api.Unavailable while no new work is taken
	Addr      func() string         // the TCP address that is served; ""
	BaseURL   func() string         // how its URLs begin; ""
	Stop      func()                // begins a graceful stop
	Halted    <-chan struct{}       // closed: requests that wait are to end
	Model     func() (string, bool) // the model that is used by default, and whether it is here
	Problems  func() []api.Problem  // what keeps work from going on, webhooks aside
	Blocked   func() []api.Problem  // those of them that keep all work from going on
	Keys      interface {           // API keys
		Match(secret string) (vault.Key, bool, error)
	}
	Secrets interface { // of webhooks
		Seal(plain []byte, webhookID string) ([]byte, error)
		Lost(sealed []byte) (bool, error) // true where it can never be opened again
	}

	Jobs       store.Jobs
	Webhooks   store.Webhooks
	Deliveries store.Log
	Events     Events
	// Backup writes a backup, with the master key where a passphrase seals it.
	Backup func(ctx context.Context, w io.Writer, passphrase string) error
	Audio  Audio

	Runner     Runner
	Catalog    Catalog
	Copies     Copies
	Folders    Folders
	Dispatcher Dispatcher
	Leases     Leases
	Replays    Replays
	Attempted  func() <-chan struct{} // closed when the next attempt is recorded
	Feed       *feed.Feed
	Search     Search
	Doctor     Doctor
	Metrics    Metrics
}

// Settings are what the user has set.
type Settings struct {
	Socket     string // path of the Unix socket
	DataDir    string
	ConfigFile string

	Plan         api.Plan
	WebhookCap   int      // how many webhooks the plan allows, 0 for no limit
	MaxUpload    int64    // bytes of audio
	Hosts        []string // names of this daemon besides localhost and its addresses
	AllowPrivate bool     // webhooks that are made over TCP may reach private addresses
}

// Events is the event log.
type Events interface {
	EventsSince(ctx context.Context, seq uint64, limit int) ([]store.Event, error)
}

// Audio keeps what is uploaded.
type Audio interface {
	// Put reads r to its end. The error is api.TooLarge over limit bytes.
	Put(ctx context.Context, r io.Reader, limit int64) (store.Blob, error)
	Quarantined(ctx context.Context) (store.Quarantined, error)
}

// Runner works on jobs.
type Runner interface {
	View(job store.Job) api.Job // with what runs at this moment
	Cancel(jobID string)        // interrupts its run
	Running() []api.Job
	Workers() []api.Worker
	RemoveAudio(blob string) // that no job needs any more; "" names none
}

// Catalog knows what can be recognized.
type Catalog interface {
	Check(o api.Options) error // refuses what can never be recognized
	MaxAttempts(o api.Options) int
	Names() []string // of the models and engines that a job can name, the default one first
}

// Copies are the silenced copies of audio.
type Copies interface {
	Path(jobID string) string
	Remove(jobID string)
}

// Folders are the drop folders. What they return is as the API shows it.
type Folders interface {
	Views(ctx context.Context) ([]api.Folder, error)
	View(ctx context.Context, id string) (api.Folder, error)
	Explain(ctx context.Context, path string) (api.FolderFile, error)
	Add(ctx context.Context, req api.FolderRequest) (api.Folder, error)
	Change(ctx context.Context, id string, change func(api.FolderOptions) (api.FolderOptions, error)) (api.Folder, error)
	TakeExisting(ctx context.Context, id string) (api.Folder, error)
	SetPaused(ctx context.Context, id string, paused bool) (api.Folder, error)
	Rescan(ctx context.Context, id string) (api.Folder, error)
	Remove(ctx context.Context, id string) error
}

// Dispatcher sends events to webhooks.
type Dispatcher interface {
	Drop(webhookID string) // what was claimed for a webhook that has changed
}

// Leases keep temporary webhooks.
type Leases interface {
	Made()
	Take(webhookID string)
	Return(ctx context.Context, webhookID string)
}

// Replays queue deliveries again.
type Replays interface {
	Start(ctx context.Context, r dispatch.Replay) (api.ReplayAnswer, error)
}

// Search finds transcripts.
type Search interface {
	Search(ctx context.Context, r api.SearchRequest) ([]api.SearchHit, error)
	Delete(ctx context.Context, jobID string)
}

// Doctor looks at what the daemon stands on.
type Doctor interface {
	Examine(ctx context.Context, probe bool) []api.Finding
}

// Metrics count requests, and show themselves.
type Metrics interface {
	http.Handler
	Route(route string) // that is served
	Request(route string, status int, took time.Duration)
	Stream(route string, status int) // that has ended
	Panicked()                       // a request
	JobAccepted(took time.Duration)
}
