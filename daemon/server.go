package daemon

import (
	"context"
	"io"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/datadir"
	"github.com/voxparse/voxparse/daemon/httpapi"
	"github.com/voxparse/voxparse/daemon/problem"
)

// openServer has the server serve the API: until then it says that the daemon
// starts.
func openServer(d *Daemon) {
	d.server.Open(httpapi.Config{
		Settings: httpapi.Settings{
			Socket: d.cfg.Socket, DataDir: d.cfg.DataDir, ConfigFile: d.cfg.ConfigFile, Plan: d.cfg.Plan, WebhookCap: d.cfg.WebhookCap(),
			MaxUpload: d.cfg.MaxUpload, Hosts: d.cfg.KnownHosts(), AllowPrivate: d.cfg.AllowPrivate,
		},
		Version: d.opts.Version, Started: d.start, Logger: d.log,
		Health: d.health, Accepting: d.accepting, Addr: d.Addr, BaseURL: d.baseURL, Stop: d.Stop, Halted: d.halted, Model: d.defaultModel,
		Problems: func() []api.Problem { return d.problems(problem.TryWrite) }, Blocked: d.blocked, Keys: d.keys, Secrets: d.vault,
		Jobs: d.db, Webhooks: d.db, Deliveries: d.db, Events: d.db, Audio: d.blobs,
		Backup: func(ctx context.Context, w io.Writer, passphrase string) error {
			return datadir.WriteBackup(ctx, w, d.opts.Version, d.db, d.blobs, d.vault, passphrase)
		},
		Runner: d.jobs, Catalog: d.catalog, Copies: d.copies, Folders: d.folders, Dispatcher: d.dispatcher, Leases: d.leases, Replays: d.replays,
		Attempted: d.attempted.Wait, Feed: d.feed, Search: d.search, Doctor: d.doctor, Metrics: d.metrics,
	})
}

// defaultModel is the model of jobs that name none, and whether it is here.
func (d *Daemon) defaultModel() (name string, ready bool) {
	name = d.catalog.Model(api.Options{})
	_, configured := d.cfg.Engines[name]
	return name, configured || d.opts.Transcriber != nil || d.models.Ready(name)
}
