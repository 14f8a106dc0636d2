package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/engine"
	"github.com/voxparse/voxparse/models"
)

// engineLimit is how long the worker program may take to say hello.
const engineLimit = 30 * time.Second

// enginePath returns the worker program.
func (x *doctor) enginePath() (string, error) {
	if x.engine != "" {
		return x.engine, nil
	}
	return engine.Find()
}

// engineRuns starts a worker as the pool does, and ends it.
func (x *doctor) engineRuns(ctx context.Context) []api.Finding {
	const id = "engine"
	const reinstall = "install voxparse again, with voxparse-engine and its lib folder beside it, or: export VOXPARSE_ENGINE=/path/to/voxparse-engine"
	path, err := x.enginePath()
	if err != nil {
		return []api.Finding{wrong(id, reinstall, "%v", err)}
	}
	ctx, cancel := context.WithTimeout(ctx, engineLimit)
	defer cancel()
	said, err := exec.CommandContext(ctx, path, "version").Output()
	if err != nil {
		return []api.Finding{wrong(id, reinstall, "%s does not run: %s", path, firstLine(err))}
	}
	if err := x.hello(ctx, path); err != nil {
		return []api.Finding{wrong(id, reinstall, "%s does not work: %v", path, err)}
	}
	if v := strings.TrimSpace(string(said)); v != x.version {
		return []api.Finding{doubt(id, "install the two programs of one release", "voxparse-engine is version %s, and voxparse %s", v, x.version)}
	}
	return []api.Finding{fine(id, "%s runs", path)}
}

// hello waits for the first line of a worker.
func (x *doctor) hello(ctx context.Context, path string) (err error) {
	cmd := exec.CommandContext(ctx, path, "-cache", x.cfg.CacheDir)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		_ = in.Close()
		_ = cmd.Process.Kill() // it has said what it had to
		_ = cmd.Wait()
	}()
	lines := engine.Lines(out)
	if !lines.Scan() {
		return errors.New("it ended, or said nothing, before its first line")
	}
	report, err := engine.ParseReport(lines.Bytes())
	if err != nil {
		return err
	}
	if report.Type != engine.ReportHello || report.Protocol != engine.ProtocolVersion {
		return fmt.Errorf("it speaks protocol %d, and voxparse %d", report.Protocol, engine.ProtocolVersion)
	}
	return nil
}

// firstLine is what a program said before it failed, or how it did.
func firstLine(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		line, _, _ := strings.Cut(strings.TrimSpace(string(exit.Stderr)), "\n")
		return line
	}
	return err.Error()
}

// decoderCache looks at the compiled decoder: machine code, which nobody else
// may change.
func (x *doctor) decoderCache(context.Context) []api.Finding {
	const id = "decoder_cache"
	dir := filepath.Join(x.cfg.CacheDir, "decoder")
	warm := "voxparse-engine -cache " + quoted(x.cfg.CacheDir) + " warm"
	if path, err := x.enginePath(); err == nil {
		warm = strings.Replace(warm, "voxparse-engine", quoted(path), 1)
	}
	st, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return []api.Finding{doubt(id, warm, "the decoder is not compiled yet: the first file takes ten seconds longer")}
	}
	if err != nil {
		return []api.Finding{wrong(id, "ls -ld "+quoted(dir), "the decoder cache cannot be looked at: %v", err)}
	}
	if out := x.private(id, dir, st, 0o700); len(out) > 0 {
		return out
	}
	compiled, err := engine.Warmed(x.cfg.CacheDir)
	switch {
	case err != nil:
		return []api.Finding{wrong(id, "rm -r "+quoted(dir)+" && "+warm, "the decoder cache cannot be read: %v", err)}
	case !compiled:
		return []api.Finding{doubt(id, warm, "the decoder is not compiled yet: the first file takes ten seconds longer")}
	}
	return []api.Finding{fine(id, "the decoder is compiled")}
}

// modelFiles hashes the files of every model that is asked for.
func (x *doctor) modelFiles(ctx context.Context) []api.Finding {
	const id = "models"
	names := []string{x.cfg.Model}
	for _, f := range x.folders {
		names = append(names, f.model)
	}
	for i, name := range names {
		if name == "" {
			names[i] = models.Default
		}
	}
	slices.Sort(names)
	var out []api.Finding
	for _, name := range slices.Compact(names) {
		if e, ok := x.cfg.Engines[name]; ok {
			for role, path := range e.Files {
				if _, err := os.Stat(path); err != nil {
					out = append(out, wrong(id, "check [engines."+name+"] in "+quoted(x.cfg.ConfigFile), "the %s file of the engine %s cannot be read: %v", role, name, err))
				}
			}
			continue
		}
		out = append(out, x.modelFile(ctx, id, name))
	}
	return out
}

func (x *doctor) modelFile(ctx context.Context, id, name string) api.Finding {
	entry, err := x.models.Lookup(name)
	if err != nil {
		return wrong(id, "voxparse models list", "%v", err)
	}
	pull := "voxparse models pull " + name
	if !x.models.Ready(name) {
		if free, ok := freeSpace(existing(x.cfg.ModelsDir)); ok && int64(free) < entry.Bytes()+spaceWrong {
			return wrong(id, "df -h "+quoted(existing(x.cfg.ModelsDir)), "the model %s is not here, and its %d MB do not fit on the disk", name, entry.Bytes()>>20)
		}
		return doubt(id, pull, "the model %s is not here yet; it is fetched when the first file needs it", name)
	}
	if err := x.models.Verify(ctx, name); err != nil {
		return wrong(id, pull, "%v", err)
	}
	return fine(id, "the model %s is whole", name)
}
