package daemon

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/config"
	"github.com/voxparse/voxparse/models"
)

// doctor looks at what the daemon stands on: the machine, the folders, the
// engine, the models. It changes nothing but for a file of a moment in the data
// folder.
type doctor struct {
	cfg     *config.Config
	version string
	engine  string // path of the worker program; "" to look for it
	models  *models.Store
	folders []patient
	service bool // the daemon is, or is to be, a user's service of systemd
	now     time.Time
}

// patient is a drop folder under examination.
type patient struct {
	dir   string
	out   string
	after string
	model string
	deep  bool // its subfolders are watched too
}

// Examine makes the checks that need no running daemon: those of the machine
// and of the settings. service is whether the daemon is installed as a service.
func Examine(ctx context.Context, cfg *config.Config, version string, service bool) []api.Finding {
	x := &doctor{cfg: cfg, version: version, engine: cfg.Engine, service: service, now: time.Now(),
		models: models.Open(cfg.ModelsDir, models.Options{Mirror: cfg.ModelMirror})}
	for _, f := range cfg.Folders {
		x.folders = append(x.folders, patient{f.Dir, f.Out, f.After, f.Model, f.Recursive})
	}
	return runChecks(ctx, x.checks())
}

// check looks at one thing and says what it found.
type check func(ctx context.Context) []api.Finding

func (x *doctor) checks() []check {
	return []check{x.dataFolder, x.socketFolder, x.privateFiles, x.diskSpace, x.engineRuns, x.decoderCache, x.modelFiles,
		x.folderAccess, x.watches, x.clockSanity, x.lingering}
}

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

func fine(id, format string, args ...any) api.Finding {
	return api.Finding{ID: id, Level: api.LevelOK, Message: fmt.Sprintf(format, args...)}
}

func doubt(id, cure, format string, args ...any) api.Finding {
	return api.Finding{ID: id, Level: api.LevelWarn, Message: fmt.Sprintf(format, args...), Cure: cure}
}

func wrong(id, cure, format string, args ...any) api.Finding {
	return api.Finding{ID: id, Level: api.LevelError, Message: fmt.Sprintf(format, args...), Cure: cure}
}

// quoted is a path as a shell reads it.
func quoted(path string) string {
	if path != "" && strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@%") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// examine makes every check, those of the running daemon among them. probe
// asks the webhooks' receivers whether they can be reached.
func (d *Daemon) examine(ctx context.Context, probe bool) []api.Finding {
	x := &doctor{cfg: d.cfg, version: d.opts.Version, engine: d.enginePath(), models: d.models, service: underSystemd(), now: time.Now()}
	for _, f := range d.folders.list() {
		o := f.record().Options
		x.folders = append(x.folders, patient{f.dir(), o.Out, o.After, o.Model, o.Recursive})
	}
	checks := append([]check{d.checkSettings, d.checkStore}, x.checks()...)
	if d.opts.Transcriber != nil { // no worker processes are used
		checks = append([]check{d.checkSettings, d.checkStore}, x.dataFolder, x.socketFolder, x.privateFiles, x.diskSpace, x.folderAccess, x.watches, x.clockSanity)
	}
	checks = append(checks, d.checkClock, d.checkKeyring, d.checkFolders, func(ctx context.Context) []api.Finding { return d.checkWebhooks(ctx, probe) })
	return runChecks(ctx, checks)
}

func (d *Daemon) enginePath() string {
	if d.opts.EnginePath != "" {
		return d.opts.EnginePath
	}
	return d.cfg.Engine
}

// showDoctor serves GET and POST /v1/doctor. Only a POST may ask for probes:
// they make others hear from us.
func (d *Daemon) showDoctor(w http.ResponseWriter, r *http.Request) error {
	probe := r.URL.Query().Get("probe") == "1"
	if probe && r.Method != http.MethodPost {
		return api.Errorf(api.Invalid, "probe=1 is for POST: it makes requests to the webhooks' receivers")
	}
	writeJSON(w, http.StatusOK, api.Checkup{Version: d.opts.Version, Daemon: true, At: time.Now().UTC(), Findings: d.examine(r.Context(), probe)})
	return nil
}
