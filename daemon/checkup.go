package daemon

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/datadir"
	"github.com/voxparse/voxparse/daemon/doctor"
	"github.com/voxparse/voxparse/daemon/problem"
	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/internal/sender"
	"github.com/voxparse/voxparse/internal/vault"
	"github.com/voxparse/voxparse/store"
)

// newDoctor returns what looks at the daemon and at what it stands on.
func newDoctor(d *Daemon) *doctor.Doctor {
	engine := d.opts.EnginePath
	if engine == "" {
		engine = d.cfg.Engine
	}
	return doctor.New(doctor.Config{
		Settings: d.cfg, Version: d.opts.Version, Engine: engine, NoEngine: d.opts.Transcriber != nil, Models: d.models, Started: d.start,
		Keyring: d.vault.Source() == vault.SourceKeyring, Webhooks: d.db, Folders: d.folders, Alive: d.alive, Missing: func() []api.Problem {
			return slices.Concat(d.jobs.Problems(), d.databaseProblems(), datadir.SecretProblems(context.Background(), d.db, d.vault))
		},
		Probe: func(ctx context.Context, h store.Webhook, limit time.Duration) doctor.Probe {
			p := d.sender.Probe(ctx, sender.Target{URL: h.URL, Timeout: limit, AllowPrivate: h.AllowPrivate})
			return doctor.Probe{Error: p.Error, Status: p.Status, Took: p.Took, Date: p.Date}
		},
	})
}

// problems are what keeps work from going on, webhooks aside. try tells whether
// a folder can be written to.
func (d *Daemon) problems(try func(dir string) error) []api.Problem {
	out := slices.Concat(d.jobs.Problems(), d.databaseProblems(), datadir.SecretProblems(context.Background(), d.db, d.vault))
	out = append(out, problem.Data(d.cfg.DataDir, try)...)
	out = append(out, d.folders.Unwatched()...)
	return append(out, d.folders.Troubles()...)
}

// blocked are the problems that keep all work from going on: what is wrong with
// one folder, webhook or record is not among them.
func (d *Daemon) blocked() []api.Problem {
	out := slices.Concat(d.jobs.Problems(), d.databaseProblems(), problem.Data(d.cfg.DataDir, fsx.MayWrite))
	return slices.DeleteFunc(out, func(p api.Problem) bool { return p.Code == "database_damaged" })
}

// databaseProblems are what is wrong with the database that is open.
func (d *Daemon) databaseProblems() []api.Problem {
	var out []api.Problem
	if err := d.db.Present(); err != nil {
		out = append(out, api.Problem{Code: "database_lost", Message: err.Error(), Fix: "voxparse daemon backup FILE && voxparse daemon stop && voxparse daemon restore --resume FILE"})
	}
	if n := d.db.Unreadable(); n > 0 {
		out = append(out, api.Problem{Code: "database_damaged", Message: fmt.Sprintf("%d records of the database cannot be read, and lists leave them out", n),
			Fix: "voxparse daemon stop && voxparse daemon repair && voxparse daemon start"})
	}
	return out
}
