package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/problem"
	"github.com/voxparse/voxparse/internal/engine"
)

// engineLimit is how long the worker program may take to say hello.
const engineLimit = 30 * time.Second

// enginePath returns the worker program.
func (m *machine) enginePath() (string, error) {
	if m.engine != "" {
		return m.engine, nil
	}
	return engine.Find()
}

// engineRuns starts a worker as the pool does, and ends it.
func (m *machine) engineRuns(ctx context.Context) []api.Finding {
	const id = "engine"
	const reinstall = "install voxparse again, with voxparse-engine and its lib folder beside it, or: export VOXPARSE_ENGINE=/path/to/voxparse-engine"
	path, err := m.enginePath()
	if err != nil {
		return []api.Finding{fail(id, reinstall, "%v", err)}
	}
	ctx, cancel := context.WithTimeout(ctx, engineLimit)
	defer cancel()
	said, err := exec.CommandContext(ctx, path, "version").Output()
	if err != nil {
		return []api.Finding{fail(id, reinstall, "%s does not run: %s", path, firstLine(err))}
	}
	if err := m.hello(ctx, path); err != nil {
		return []api.Finding{fail(id, reinstall, "%s does not work: %v", path, err)}
	}
	if v := strings.TrimSpace(string(said)); v != m.version {
		return []api.Finding{warn(id, "install the two programs of one release", "voxparse-engine is version %s, and voxparse %s", v, m.version)}
	}
	return []api.Finding{ok(id, "%s runs", path)}
}

// hello waits for the first line of a worker.
func (m *machine) hello(ctx context.Context, path string) (err error) {
	cmd := exec.CommandContext(ctx, path, "-cache", m.cfg.CacheDir)
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
func (m *machine) decoderCache(context.Context) []api.Finding {
	const id = "decoder_cache"
	dir := filepath.Join(m.cfg.CacheDir, "decoder")
	warm := "voxparse-engine -cache " + problem.Quote(m.cfg.CacheDir) + " warm"
	if path, err := m.enginePath(); err == nil {
		warm = strings.Replace(warm, "voxparse-engine", problem.Quote(path), 1)
	}
	st, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return []api.Finding{warn(id, warm, "the decoder is not compiled yet: the first file takes ten seconds longer")}
	}
	if err != nil {
		return []api.Finding{fail(id, "ls -ld "+problem.Quote(dir), "the decoder cache cannot be looked at: %v", err)}
	}
	if out := m.private(id, dir, st, 0o700); len(out) > 0 {
		return out
	}
	compiled, err := engine.Warmed(m.cfg.CacheDir)
	switch {
	case err != nil:
		return []api.Finding{fail(id, "rm -r "+problem.Quote(dir)+" && "+warm, "the decoder cache cannot be read: %v", err)}
	case !compiled:
		return []api.Finding{warn(id, warm, "the decoder is not compiled yet: the first file takes ten seconds longer")}
	}
	return []api.Finding{ok(id, "the decoder is compiled")}
}
