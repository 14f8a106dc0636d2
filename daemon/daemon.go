package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/datadir"
	"github.com/voxparse/voxparse/daemon/dispatch"
	"github.com/voxparse/voxparse/daemon/doctor"
	"github.com/voxparse/voxparse/daemon/dropfolder"
	"github.com/voxparse/voxparse/daemon/feed"
	"github.com/voxparse/voxparse/daemon/housekeeping"
	"github.com/voxparse/voxparse/daemon/httpapi"
	"github.com/voxparse/voxparse/daemon/indexer"
	"github.com/voxparse/voxparse/daemon/jobs"
	"github.com/voxparse/voxparse/daemon/listener"
	"github.com/voxparse/voxparse/daemon/metrics"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/datalock"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/internal/models"
	"github.com/voxparse/voxparse/internal/sender"
	"github.com/voxparse/voxparse/internal/vault"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/store/boltstore"
)

// Options are what New needs. Config alone is required.
type Options struct {
	Config  *config.Config
	Logger  *slog.Logger // nil: discards
	Version string       // in /health, /v1/status and the User-Agent of webhooks

	// EnginePath is the worker program; "" to use Config.Engine, or to look
	// for it beside the executable.
	EnginePath string
	// Transcriber takes the place of the worker processes. nil: they are used.
	Transcriber engine.Transcriber
	// Schedule is when a failed delivery is tried again; nil: as documented.
	Schedule dispatch.Schedule
	// DisableAfter is for how long a webhook must have failed before it is
	// disabled; 0: as documented.
	DisableAfter time.Duration
	// Sender makes the attempts; nil: one that follows the rules of webhooks.
	Sender *sender.Sender
	// FolderIntervals are how often what cannot be done in a drop folder is tried
	// again; zero: as documented.
	FolderIntervals dropfolder.Intervals
	// FolderStep is called between any two steps of a dropped file's end: see
	// dropfolder.Config. nil: nothing is called.
	FolderStep func(name string) error
	// Check looks at a database that was not closed properly, before it is
	// opened. It should run datadir.Check in a process of its own, which a
	// damaged file can end. nil: such a database is opened as it is.
	Check func(ctx context.Context, path string) error
}

// Daemon is one running daemon. New makes it, Run runs it.
type Daemon struct {
	opts   Options
	cfg    *config.Config
	log    *slog.Logger
	run    string // names this process and no other
	owner  string // of its leases
	start  time.Time
	lock   *datalock.Lock // of the data folder
	db     store.Store
	blobs  store.BlobStore
	vault  *vault.Vault
	keys   *vault.Keys
	models *models.Store
	socket net.Listener
	tcp    net.Listener // nil unless configured

	server  *httpapi.Server
	serving sync.WaitGroup
	served  chan error // why a listener is served no more

	feed       *feed.Feed
	catalog    jobs.Catalog
	jobs       *jobs.Runner
	copies     *jobs.Copies // silenced audio
	sender     *sender.Sender
	dispatcher *dispatch.Dispatcher
	leases     *dispatch.Leases
	folders    *dropfolder.Folders
	search     *indexer.Indexer
	doctor     *doctor.Doctor
	keeper     *housekeeping.Keeper
	metrics    *metrics.Metrics
	attempted  feed.Broadcast // after attempts were recorded
	replays    *dispatch.Replays

	healthWord atomic.Pointer[string] // what /health says
	stopOnce   sync.Once
	stop       chan struct{} // closed: stop gracefully
	nowOnce    sync.Once
	now        chan struct{} // closed: stop at once
	haltOnce   sync.Once
	halted     chan struct{} // closed: waiting requests are to end
	closed     sync.Once
}

// localNode is the name of the only node of a store in one file.
const localNode = "local"

// New prepares a daemon: it locks the data folder, which proves that it is alone,
// and only then removes a stale socket and binds its addresses. There it answers
// 503 until Run is called: to open the database may take long. The error is
// api.Conflict when another daemon uses the same data. Whoever does not call
// Run calls Close.
func New(ctx context.Context, opts Options) (_ *Daemon, err error) {
	d := &Daemon{
		opts: opts, cfg: opts.Config, log: opts.Logger, run: store.NewID("run_"), start: time.Now().UTC(),
		sender: opts.Sender,
		stop:   make(chan struct{}), now: make(chan struct{}), halted: make(chan struct{}), served: make(chan error, 2),
	}
	d.owner = store.Owner(localNode, d.run)
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.setHealth(api.HealthStarting)
	if d.sender == nil {
		d.sender = sender.New(sender.Options{Version: opts.Version})
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if err := d.listen(ctx); err != nil {
		return nil, err
	}
	if err := d.openData(ctx); err != nil {
		return nil, err
	}
	d.metrics = metrics.New(metrics.Config{Version: d.opts.Version, Store: d.db, Running: func() int { return d.jobs.Count() },
		Workers: func() []api.Worker { return d.jobs.Workers() }, Folders: func(ctx context.Context) ([]api.Folder, error) { return d.folders.Views(ctx) },
		FreeDisk: func() (uint64, bool) { return fsx.FreeSpace(d.cfg.DataDir) }})
	d.newDispatcher()
	if err := d.newRunner(); err != nil {
		return nil, err
	}
	d.search = indexer.New(indexer.Config{Dir: filepath.Join(d.cfg.DataDir, datadir.SearchDir), Store: d.db, Logger: d.log,
		Source: func(job store.Job) api.Source { return d.jobs.View(job).Source }})
	d.keeper = housekeeping.New(housekeeping.Config{Store: d.db, Blobs: d.blobs, Keep: d.cfg.KeepFor(), Copies: d.copies, Search: d.search, Logger: d.log})
	d.doctor = newDoctor(d)
	return d, nil
}

// listen takes the lock of the data folder, binds, and answers from then on, that
// the daemon starts: to open the database may take long.
func (d *Daemon) listen(ctx context.Context) (err error) {
	if err := fsx.PrivateDir(d.cfg.DataDir); err != nil {
		return fmt.Errorf("prepare the data folder: %w", err)
	}
	me := datalock.Owner{PID: os.Getpid(), Socket: d.cfg.Socket, Version: d.opts.Version, StartedAt: d.start}
	if d.lock, err = datadir.Lock(ctx, d.cfg.DataDir, me, d.log); err != nil {
		return err
	}
	if d.keys, err = vault.OpenKeys(d.cfg.DataDir); err != nil {
		return err
	}
	if err := d.bind(ctx); err != nil {
		return err
	}
	d.server = httpapi.NewServer(d.opts.Version, d.log)
	for _, l := range []net.Listener{d.socket, d.tcp} {
		if l == nil {
			continue
		}
		d.serving.Go(func() {
			if err := d.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				d.served <- fmt.Errorf("serve %s: %w", l.Addr(), err)
			}
		})
	}
	return nil
}

// openData opens what lies in the data folder.
func (d *Daemon) openData(ctx context.Context) (err error) {
	db, err := datadir.OpenStore(ctx, d.cfg.DataDir, boltstore.Config{
		Options: store.Options{Logger: d.log, FailEvent: func(job store.Job, at time.Time) (store.Event, error) { return jobs.FailedEvent(job, job.Error, at) }, DisableAfter: d.opts.DisableAfter},
		Check:   d.checkUnclean(),
	})
	if err != nil {
		return err
	}
	d.db = db
	if d.blobs, err = datadir.OpenSpool(d.cfg.DataDir); err != nil {
		return err
	}
	if d.vault, err = datadir.OpenVault(ctx, d.cfg.DataDir, d.db, vault.Options{Logger: d.log}); err != nil {
		return err
	}
	d.models = models.Open(d.cfg.ModelsDir, models.Options{Mirror: d.cfg.ModelMirror, Logger: d.log})
	d.feed, err = feed.Open(ctx, feed.Config{Log: d.db, Logger: d.log, Job: func(ctx context.Context, id string) (api.Job, error) {
		job, err := d.db.Job(ctx, id)
		return d.jobs.View(job), err
	}})
	return err
}

// newRunner makes what turns jobs into results.
func (d *Daemon) newRunner() (err error) {
	d.catalog = jobs.Catalog{
		Defaults: jobs.Defaults{Model: d.cfg.Model, SpeakerModel: d.cfg.SpeakerModel, Language: d.cfg.Language, Mode: d.cfg.Mode, Plan: d.cfg.Plan},
		Engines:  d.cfg.Engines, Models: d.models,
	}
	d.copies = &jobs.Copies{Dir: filepath.Join(d.cfg.DataDir, datadir.SilencedDir), Keep: d.cfg.KeepFor(), Jobs: d.db, Logger: d.log}
	d.folders = dropfolder.New(dropfolder.Config{
		Store: d.db, Catalog: d.catalog, DataDir: d.cfg.DataDir, ConfigFile: d.cfg.ConfigFile, Configured: d.cfg.Folders, Accepting: d.accepting, Logger: d.log, Intervals: d.opts.FolderIntervals, Step: d.opts.FolderStep,
		View: func(job store.Job) api.Job { return d.jobs.View(job) }, Wake: func() { d.jobs.Wake() }, Recheck: func(ctx context.Context) { d.jobs.Recheck(ctx) },
	})
	d.jobs, err = jobs.New(jobs.Config{
		Catalog: d.catalog, Analysis: d.cfg.Analysis,
		Workers: jobs.WorkerConfig{Program: cmp.Or(d.opts.EnginePath, d.cfg.Engine), Count: d.cfg.Workers, Pin: d.cfg.Pin == "on", CacheDir: d.cfg.CacheDir, MaxLength: d.cfg.MaxLength},
		Queue:   d.db, Jobs: d.db, Failed: d.db.Failed(), Owner: d.owner, Blobs: d.blobs, Folders: d.folders, Copies: d.copies,
		Feed: d.feed, Metrics: d.metrics, Logger: d.log, ResultURL: func(jobID string) string { return httpapi.ResultURL(d.baseURL(), jobID) },
		Transcriber: d.opts.Transcriber,
	})
	return err
}

// newDispatcher makes what sends events to webhooks.
func (d *Daemon) newDispatcher() {
	schedule := d.opts.Schedule
	if schedule == nil {
		schedule = dispatch.DefaultSchedule
	}
	d.dispatcher = dispatch.New(dispatch.Config{
		Outbox: d.db, Webhooks: d.db, Failed: d.db.Failed(), Owner: d.owner, Secrets: d.vault, Sender: d.sender, Schedule: schedule,
		Metrics: d.metrics, Attempted: d.attempted.Notify, Logger: d.log,
	})
	d.leases = dispatch.NewLeases(dispatch.LeaseConfig{Webhooks: d.db, Drop: d.dispatcher.Drop, Stopping: d.halted, Logger: d.log})
	d.replays = &dispatch.Replays{Log: d.db, Stopping: d.stop, Logger: d.log}
}

// bind binds the socket and, where one is configured, the TCP address.
func (d *Daemon) bind(ctx context.Context) (err error) {
	if d.socket, err = listener.Inherited(d.cfg.Socket, d.log); err != nil {
		return err
	}
	if d.socket == nil {
		d.socket, err = listener.Unix(ctx, d.cfg.Socket, d.log)
	}
	if err != nil {
		return err
	}
	if d.cfg.Listen == "" {
		return nil
	}
	keys, err := d.keys.List()
	if err != nil {
		return err
	}
	d.tcp, err = listener.TCP(ctx, tcpConfig(d.cfg, len(keys), d.log))
	return err
}

// Close gives back what New took. After Run it does nothing.
func (d *Daemon) Close() (err error) {
	d.closed.Do(func() {
		if d.search != nil {
			d.search.Close()
		}
		if d.server != nil {
			err = errors.Join(err, d.server.Close())
			d.serving.Wait()
		}
		for _, l := range []net.Listener{d.socket, d.tcp} {
			if l == nil {
				continue
			}
			if cerr := l.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) {
				err = errors.Join(err, cerr)
			}
		}
		d.sender.Close()
		if d.db != nil {
			err = errors.Join(err, d.db.Close())
		}
		if d.lock != nil {
			err = errors.Join(err, d.lock.Close())
		}
	})
	return err
}

// Addr returns the TCP address that was bound, "" without one.
func (d *Daemon) Addr() string {
	if d.tcp == nil {
		return ""
	}
	return d.tcp.Addr().String()
}

// baseURL is how the URLs of the API begin for others; "" without an address.
func (d *Daemon) baseURL() string {
	switch {
	case d.cfg.PublicURL != "":
		return strings.TrimRight(d.cfg.PublicURL, "/")
	case d.tcp == nil:
		return ""
	case d.cfg.TLSCert != "":
		return "https://" + d.Addr()
	}
	return "http://" + d.Addr()
}

// Stop begins a graceful stop, as the end of Run's context does.
func (d *Daemon) Stop() { d.stopOnce.Do(func() { close(d.stop) }) }

// StopNow ends the grace period of a stop: what still runs is handed back.
func (d *Daemon) StopNow() {
	d.Stop()
	d.nowOnce.Do(func() { close(d.now) })
}

func (d *Daemon) halt() { d.haltOnce.Do(func() { close(d.halted) }) }

func (d *Daemon) setHealth(s string) { d.healthWord.Store(&s) }

// health is what /health says.
func (d *Daemon) health() string { return *d.healthWord.Load() }

// accepting is an error while the daemon does not take new work.
func (d *Daemon) accepting() error {
	if d.health() == api.HealthStopping {
		return &api.Error{Code: api.Unavailable, Message: "the daemon is stopping; try again in a few seconds", RetryAfter: 5 * time.Second}
	}
	return d.db.Present()
}
