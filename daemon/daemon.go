package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/config"
	"github.com/voxparse/voxparse/engine"
	"github.com/voxparse/voxparse/models"
	"github.com/voxparse/voxparse/store"
	"github.com/voxparse/voxparse/vault"
	"github.com/voxparse/voxparse/webhook"
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
	Schedule webhook.Schedule
	// DisableAfter is for how long a webhook must have failed before it is
	// disabled; 0: as documented.
	DisableAfter time.Duration
	// Sender makes the attempts; nil: one that follows the rules of webhooks.
	Sender *webhook.Sender
	// Check looks at a database that was not closed properly, before it is
	// opened. It should run CheckDatabase in a process of its own, which a
	// damaged file can end. nil: such a database is opened as it is.
	Check func(ctx context.Context, path string) error
}

// Daemon is one running daemon. New makes it, Run runs it.
type Daemon struct {
	opts   Options
	cfg    *config.Config
	log    *slog.Logger
	owner  string // of leases: this process and no other
	start  time.Time
	began  clockMark // of start
	db     *store.DB
	blobs  *store.Blobs
	vault  *vault.Vault
	keys   *vault.Keys
	models *models.Store
	socket net.Listener
	tcp    net.Listener // nil unless configured

	hub       *hub
	holds     *holds
	work      *work
	deliver   *deliver
	folders   *folders
	search    *searcher
	metrics   *metrics
	lastEvent atomic.Uint64 // sequence number of the newest that was told
	committed *bell         // rung after events were committed
	attempted *bell         // rung after attempts were recorded
	replays   sync.WaitGroup

	state    atomic.Pointer[string] // what /health says
	stopOnce sync.Once
	stop     chan struct{} // closed: stop gracefully
	nowOnce  sync.Once
	now      chan struct{} // closed: stop at once
	haltOnce sync.Once
	halted   chan struct{} // closed: waiting requests are to end
	closed   sync.Once
}

// What /health says.
const (
	stateStarting = "starting"
	stateOK       = "ok"
	stateStopping = "stopping"
)

// New prepares a daemon and binds its addresses: it locks the database, which
// proves that it is alone, and only then removes a stale socket. The error is
// api.Conflict when another daemon uses the same data. Whoever does not call
// Run calls Close.
func New(ctx context.Context, opts Options) (_ *Daemon, err error) {
	d := &Daemon{
		opts: opts, cfg: opts.Config, log: opts.Logger, owner: store.NewID("run_"), start: time.Now().UTC(), began: markClock(),
		hub: newHub(), holds: newHolds(), committed: newBell(), attempted: newBell(),
		stop: make(chan struct{}), now: make(chan struct{}), halted: make(chan struct{}),
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.setState(stateStarting)
	d.metrics = newMetrics(d)
	d.deliver = newDeliver(d)
	d.folders = newFolders(d)
	d.search = newSearcher(d)
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	if err := d.openData(ctx); err != nil {
		return nil, err
	}
	if d.work, err = newWork(d); err != nil {
		return nil, err
	}
	d.work.heart = newHeart("claim jobs")
	return d, d.bind(ctx)
}

// openData opens what lies in the data folder.
func (d *Daemon) openData(ctx context.Context) (err error) {
	if err := privateDir(d.cfg.DataDir, true); err != nil {
		return fmt.Errorf("prepare the data folder: %w", err)
	}
	d.db, err = store.Open(ctx, d.cfg.DataDir, store.Options{Logger: d.log, FailBody: d.exhausted, Admit: d.deliver.admit, DisableAfter: d.opts.DisableAfter, Check: d.checkUnclean()})
	if err != nil {
		return err
	}
	if d.blobs, err = store.OpenBlobs(filepath.Join(d.cfg.DataDir, "spool")); err != nil {
		return err
	}
	if d.vault, err = vault.Open(d.cfg.DataDir, vault.Options{Logger: d.log}); err != nil {
		return err
	}
	if d.keys, err = vault.OpenKeys(d.cfg.DataDir); err != nil {
		return err
	}
	d.models = models.Open(d.cfg.ModelsDir, models.Options{Mirror: d.cfg.ModelMirror, Logger: d.log})
	newest, err := d.db.LastEvent(ctx)
	d.lastEvent.Store(newest)
	return err
}

// bind binds the socket and, where one is configured, the TCP address.
func (d *Daemon) bind(ctx context.Context) (err error) {
	if d.socket, err = inheritedSocket(d.cfg.Socket, d.log); err != nil {
		return err
	}
	if d.socket == nil {
		d.socket, err = listenUnix(ctx, d.cfg.Socket, d.log)
	}
	if err != nil {
		return err
	}
	if d.cfg.Listen == "" {
		return nil
	}
	keys, err := d.countKeys()
	if err != nil {
		return err
	}
	d.tcp, err = listenTCP(ctx, d.cfg.Listen, keys)
	return err
}

// Close gives back what New took. After Run it does nothing.
func (d *Daemon) Close() (err error) {
	d.closed.Do(func() {
		d.search.close()
		for _, l := range []net.Listener{d.socket, d.tcp} {
			if l == nil {
				continue
			}
			if cerr := l.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) {
				err = errors.Join(err, cerr)
			}
		}
		if d.db != nil {
			err = errors.Join(err, d.db.Close())
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

// Stop begins a graceful stop, as the end of Run's context does.
func (d *Daemon) Stop() { d.stopOnce.Do(func() { close(d.stop) }) }

// StopNow ends the grace period of a stop: what still runs is handed back.
func (d *Daemon) StopNow() {
	d.Stop()
	d.nowOnce.Do(func() { close(d.now) })
}

func (d *Daemon) halt() { d.haltOnce.Do(func() { close(d.halted) }) }

func (d *Daemon) setState(s string) { d.state.Store(&s) }

// accepting is an error while the daemon does not take new work.
func (d *Daemon) accepting() error {
	if *d.state.Load() == stateStopping {
		return &api.Error{Code: api.Unavailable, Message: "the daemon is stopping; try again in a few seconds", RetryAfter: 5 * time.Second}
	}
	return nil
}

func (d *Daemon) stopByRequest(w http.ResponseWriter, _ *http.Request) error {
	d.log.Info("asked to stop")
	writeJSON(w, http.StatusAccepted, api.Health{Status: stateStopping, Version: d.opts.Version})
	d.Stop()
	return nil
}

// failed reports whether the store has stopped.
func (d *Daemon) failed() bool {
	select {
	case <-d.db.Failed():
		return true
	default:
		return false
	}
}
