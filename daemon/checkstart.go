package daemon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/listener"
	"github.com/voxparse/voxparse/daemon/systemd"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/fsx"
	"github.com/voxparse/voxparse/internal/vault"
)

// CheckStart returns why New would refuse these settings, as far as that can be
// told while another daemon uses the data folder: so that a restart stops none
// that could not be started again. serves is the TCP address of that daemon,
// which will be free; "" for none. The error is api.Invalid where a setting has
// to change.
func CheckStart(ctx context.Context, cfg *config.Config, serves string) error {
	for _, dir := range []string{cfg.DataDir, filepath.Join(cfg.CacheDir, "scratch")} {
		if err := fsx.PrivateDir(dir); err != nil {
			return err
		}
	}
	if err := fsx.TrustedDir(filepath.Dir(cfg.Socket)); err != nil {
		return fmt.Errorf("prepare the folder of the socket: %w", err)
	}
	if len(cfg.Socket) > listener.MaxSocketPath {
		return api.Errorf(api.Invalid, "the socket path %s has %d bytes, and at most %d can be bound", cfg.Socket, len(cfg.Socket), listener.MaxSocketPath)
	}
	if err := checkEngine(cfg.Engine); err != nil {
		return err
	}
	return checkListen(ctx, cfg, serves)
}

// checkEngine looks for the worker program.
func checkEngine(path string) error {
	if path == "" {
		_, err := engine.Find()
		return err
	}
	if _, err := os.Stat(path); err != nil {
		return api.Errorf(api.Invalid, "engine: %v", err)
	}
	return nil
}

// checkListen binds the TCP address for a moment, unless it is the one that is
// served already.
func checkListen(ctx context.Context, cfg *config.Config, serves string) error {
	if cfg.Listen == "" {
		return nil
	}
	keys, err := vault.OpenKeys(cfg.DataDir)
	if err != nil {
		return err
	}
	list, err := keys.List()
	if err != nil {
		return err
	}
	tcp := tcpConfig(cfg, len(list), nil)
	if err := tcp.Check(); err != nil || serves == cfg.Listen {
		return err
	}
	l, err := listener.TCP(ctx, tcp)
	if err != nil {
		return err
	}
	return l.Close()
}

// checkTold is how often the service manager hears of a check that goes on.
const checkTold = 10 * time.Second

// checkUnclean returns what the store calls for a database that was not closed
// properly, nil where nobody can check it. The service manager is told to wait.
func (d *Daemon) checkUnclean() func(context.Context, string) error {
	if d.opts.Check == nil {
		return nil
	}
	return func(ctx context.Context, path string) error {
		d.log.Info("the database was not closed properly, or has changed since; checking it", "path", path)
		began := time.Now()
		checked := make(chan error, 1)
		go func() { checked <- d.opts.Check(ctx, path) }()
		tick := time.NewTicker(checkTold)
		defer tick.Stop()
		for {
			systemd.Busy("checking the database", 3*checkTold)
			select {
			case err := <-checked:
				if err == nil {
					d.log.Info("the database is valid", "took", time.Since(began).Round(time.Millisecond))
				}
				return err
			case <-tick.C:
			}
		}
	}
}
