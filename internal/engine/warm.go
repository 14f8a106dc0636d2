package engine

import (
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"
	"runtime"
)

// compiledSize is the least that a compiled decoder has, in bytes. What lies
// about from an aborted write is smaller.
const compiledSize = 1 << 20

// Warmed reports whether a compiled decoder lies in the cache folder dir.
// Without one the first file takes about ten seconds longer.
func Warmed(dir string) (bool, error) {
	found := false
	err := filepath.WalkDir(filepath.Join(dir, "decoder"), func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if fi, err := e.Info(); err == nil && fi.Mode().IsRegular() && fi.Size() >= compiledSize {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return found, err
}

// warm has the decoder compiled into the cache, unless it is there, so that no
// file has to wait for that.
func (p *Pool) warm(ctx context.Context) {
	cfg := p.cfg
	if cfg.CacheDir == "" || len(cfg.Command) == 0 {
		return
	}
	if ok, err := Warmed(cfg.CacheDir); ok || err != nil {
		return // an error is for the first decoder to meet, and to say
	}
	args := append(cfg.Command[1:len(cfg.Command):len(cfg.Command)], "-cache", cfg.CacheDir, "warm")
	cmd := exec.CommandContext(ctx, cfg.Command[0], args...)
	cmd.Dir = cfg.Dir
	own(cmd)
	runtime.LockOSThread() // it dies with the thread that starts it
	defer runtime.UnlockOSThread()
	if out, err := cmd.CombinedOutput(); err != nil && ctx.Err() == nil {
		cfg.Logger.Warn("the decoder could not be compiled ahead", "error", err, "output", string(out[:min(len(out), maxNoise)]))
	}
}
