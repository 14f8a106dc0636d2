package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/fsx"
)

// bundleLines is how much of the log goes into a bundle.
const bundleLines = 2000

// bundle is an archive for a report: JSON and text, redacted before they go in.
type bundle struct {
	*redactor
	tar *tar.Writer
	now time.Time
}

// writeBundle writes the archive whole, or not at all.
func (a *app) writeBundle(ctx context.Context, path string, found api.Checkup) error {
	r, err := newRedactor()
	if err != nil {
		return err
	}
	err = fsx.WriteFileFrom(path, 0o600, func(w io.Writer) error {
		zip := gzip.NewWriter(w)
		b := &bundle{redactor: r, tar: tar.NewWriter(zip), now: time.Now()}
		err := a.fillBundle(ctx, b, found)
		return errors.Join(err, b.tar.Close(), zip.Close())
	})
	if err != nil {
		return fmt.Errorf("write the bundle: %w", err)
	}
	a.notice("wrote %s; look through it before you send it", oneLine(path))
	return nil
}

// facts are what the bundle tells of program and machine.
type facts struct {
	Version  string    `json:"version"`
	Go       string    `json:"go"`
	Platform string    `json:"platform"`
	Cores    int       `json:"cores"`
	Kernel   string    `json:"kernel,omitempty"`
	At       time.Time `json:"at"`
}

func (a *app) fillBundle(ctx context.Context, b *bundle, found api.Checkup) error {
	kernel, err := os.ReadFile("/proc/version")
	if err != nil {
		kernel = nil // not Linux
	}
	about := facts{version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, runtime.NumCPU(), strings.TrimSpace(string(kernel)), b.now.UTC()}
	if err := b.add("version.json", about); err != nil {
		return err
	}
	cfg, err := a.settings()
	if err != nil {
		return b.add("doctor.json", withoutValues(found)) // the settings cannot be read, and nothing be found by them
	}
	if err := b.add("config.json", plainSettings(b.redactor, cfg)); err != nil {
		return err
	}
	if err := a.addStatus(ctx, b, cfg); err != nil {
		return err
	}
	if err := b.add("doctor.json", found); err != nil {
		return err
	}
	return a.addLog(ctx, b, cfg)
}

// add adds v as JSON.
func (b *bundle) add(name string, v any) error {
	tree, err := b.value(v)
	if err != nil {
		return fmt.Errorf("redact %s: %w", name, err)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(tree); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return b.file(name, out.Bytes())
}

func (b *bundle) file(name string, body []byte) error {
	err := b.tar.WriteHeader(&tar.Header{Name: "voxparse/" + name, Mode: 0o600, Size: int64(len(body)), ModTime: b.now})
	if err == nil {
		_, err = b.tar.Write(body)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// setting is a setting in the bundle.
type setting struct {
	Setting string `json:"setting"`
	Value   any    `json:"value"`
	Origin  string `json:"origin"`
}

// plainSettings are the settings, without references to keys.
func plainSettings(r *redactor, cfg *config.Config) map[string]any {
	var list []setting
	for _, e := range cfg.Entries() {
		v := e.Value
		if s, ok := v.(string); ok && s != "" && strings.HasSuffix(e.Key, ".key") {
			kind, _, _ := strings.Cut(s, ":")
			v = kind + ":…"
		}
		list = append(list, setting{e.Key, v, e.Origin.String()})
	}
	folders := []string{}
	for _, f := range cfg.Folders {
		r.knowFolders(f.Dir, f.Out)
		folders = append(folders, r.sentence(f.Dir))
	}
	return map[string]any{"settings": list, "engines": cfg.Engines, "folders": folders}
}

// quotedValue is a value in a message about the settings.
var quotedValue = regexp.MustCompile(`"[^"\n]*"|'[^'\n]*'`)

// withoutValues takes the values out of messages about settings that are wrong:
// a key that stands where its reference should be is one.
func withoutValues(found api.Checkup) api.Checkup {
	out := found
	out.Findings = nil
	for _, f := range found.Findings {
		f.Message = quotedValue.ReplaceAllString(f.Message, `"…"`)
		out.Findings = append(out.Findings, f)
	}
	return out
}

// jobsKnown is how many jobs are asked for their names, which are then hashed
// wherever they stand.
const jobsKnown = 1000

// addStatus adds the daemon's state, where it runs.
func (a *app) addStatus(ctx context.Context, b *bundle, cfg *config.Config) error {
	cl := client.New(cfg.Socket)
	defer cl.Close()
	st, err := cl.Status(ctx)
	if errors.Is(err, client.ErrUnreachable) {
		return nil
	}
	if err != nil {
		return b.add("status.json", map[string]string{"error": err.Error()})
	}
	for offset := 0; offset < jobsKnown; offset += 100 {
		page, err := cl.Jobs(ctx, client.JobQuery{Limit: 100, Offset: offset})
		if err != nil || len(page) == 0 {
			break // the forms of names are still found
		}
		for _, j := range page {
			b.know(j.Source.Name, j.Source.Path)
		}
	}
	b.knowURLs(cfg.Analysis.Endpoint)
	for _, w := range st.Webhooks {
		b.knowURLs(w.URL)
	}
	for _, f := range st.Folders {
		b.knowFolders(f.Dir, f.Options.Out)
		for _, w := range f.Waiting {
			b.know(w.Path)
		}
	}
	return b.add("status.json", st)
}

// addLog adds the end of the log.
func (a *app) addLog(ctx context.Context, b *bundle, cfg *config.Config) error {
	text, err := lastLog(ctx, cfg.LogFile())
	if err != nil {
		text = []byte("the log cannot be read: " + err.Error() + "\n")
	}
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		out.WriteString(b.line(line))
	}
	return b.file("daemon.log", []byte(out.String()))
}

// lastLog is the end of the log, in the journal or in the file.
func lastLog(ctx context.Context, path string) ([]byte, error) {
	if journalNewer(ctx, path) {
		return exec.CommandContext(ctx, "journalctl", "--user", "-u", journalUnit, "--no-pager", "-o", "short-iso", "-n", strconv.Itoa(bundleLines)).Output()
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := seekLines(f, bundleLines); err != nil {
		return nil, err
	}
	return io.ReadAll(f)
}
