package doctor

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/models"
	"github.com/voxparse/voxparse/store"
)

// Config is what a Doctor of a running daemon needs. All of it is required but
// for what says otherwise.
type Config struct {
	Settings *config.Config
	Version  string
	Engine   string // path of the worker program; "" to look for it
	NoEngine bool   // no worker processes are used, and their checks are left out
	Models   *models.Store
	Started  time.Time
	Keyring  bool // the master key is in the desktop's keyring

	Webhooks Webhooks
	Folders  Folders
	Probe    func(ctx context.Context, h store.Webhook, limit time.Duration) Probe // asks a receiver
	Alive    func(ctx context.Context, within time.Duration) error                 // nil while the store and the loops answer
	Missing  func() []api.Problem                                                  // models that cannot be had
}

// Webhooks is the register of receivers.
type Webhooks interface {
	Webhooks(ctx context.Context) ([]store.Webhook, error)
}

// Folders are the drop folders that are watched.
type Folders interface {
	Watched() []config.Folder
	Views(ctx context.Context) ([]api.Folder, error) // as the API shows them
	Unwatched() []api.Problem                        // why folders that should be watched are not
	Troubles() []api.Problem                         // what keeps files of the watched ones from going on
}

// Probe is what a receiver answered to a request that carries nothing.
type Probe struct {
	Error  string // why it cannot be reached; ""
	Status int
	Took   time.Duration
	Date   time.Time // by its own clock; zero where it does not say
}

// Doctor makes the checks of a running daemon.
type Doctor struct {
	cfg   Config
	began clockMark
}

// New returns a doctor that compares later clocks with that of now.
func New(cfg Config) *Doctor { return &Doctor{cfg: cfg, began: markClock()} }

// Examine makes every check at once and returns what they found, in the order
// of the checks. probe asks the webhooks' receivers whether they can be
// reached.
func (d *Doctor) Examine(ctx context.Context, probe bool) []api.Finding {
	m := &machine{cfg: d.cfg.Settings, version: d.cfg.Version, engine: d.cfg.Engine, models: d.cfg.Models,
		folders: d.cfg.Folders.Watched(), service: underSystemd(), now: time.Now()}
	checks := []check{d.checkSettings, d.checkStore}
	if d.cfg.NoEngine {
		checks = append(checks, m.withoutEngine()...)
	} else {
		checks = append(checks, m.checks()...)
	}
	checks = append(checks, d.checkClock, d.checkKeyring, d.checkFolders, func(ctx context.Context) []api.Finding { return d.checkWebhooks(ctx, probe) })
	return runChecks(ctx, checks)
}

// check looks at one thing and says what it found.
type check func(ctx context.Context) []api.Finding

// runChecks makes all checks at once, and returns what they found in their order.
func runChecks(ctx context.Context, checks []check) []api.Finding {
	found := make([][]api.Finding, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() { found[i] = c(ctx) })
	}
	wg.Wait()
	return slices.Concat(found...)
}

func ok(id, format string, args ...any) api.Finding {
	return api.Finding{ID: id, Level: api.LevelOK, Message: fmt.Sprintf(format, args...)}
}

func warn(id, fix, format string, args ...any) api.Finding {
	return api.Finding{ID: id, Level: api.LevelWarn, Message: fmt.Sprintf(format, args...), Fix: fix}
}

func fail(id, fix, format string, args ...any) api.Finding {
	return api.Finding{ID: id, Level: api.LevelError, Message: fmt.Sprintf(format, args...), Fix: fix}
}
