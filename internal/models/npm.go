package models

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/voxparse/voxparse/internal/fsx"
)

// npmForm is NAME@VERSION with an exact version: nothing that npm could take
// for an option, a folder or a URL.
var npmForm = regexp.MustCompile(`^(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*@[0-9][0-9A-Za-z.+-]*$`)

// npmLimit bounds one run of npm, which has shorter limits of its own.
const npmLimit = 20 * time.Minute

// npmClient gets packages with the user's own npm and so with its settings, and
// keeps them for the files that follow. The packages' scripts are never run.
type npmClient struct {
	dir  string // holds the archives; clean removes it
	done map[string]packed
}

// packed is how the one try to get a package ended.
type packed struct {
	archive string
	err     error
}

func (c *npmClient) clean() error {
	c.done = nil
	if err := os.RemoveAll(c.dir); err != nil {
		return fmt.Errorf("remove npm archives: %w", err)
	}
	return nil
}

// pack returns the path of the package's archive.
func (c *npmClient) pack(ctx context.Context, spec string) (string, error) {
	if p, ok := c.done[spec]; ok {
		return p.archive, p.err
	}
	archive, err := c.run(ctx, spec)
	if c.done == nil {
		c.done = map[string]packed{}
	}
	c.done[spec] = packed{archive, err}
	return archive, err
}

func (c *npmClient) run(ctx context.Context, spec string) (string, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", errors.New("npm is not installed")
	}
	if !npmForm.MatchString(spec) {
		return "", fmt.Errorf("%q is not NAME@VERSION", spec)
	}
	if err := fsx.OwnDir(c.dir); err != nil {
		return "", &writeError{err}
	}
	dir, err := os.MkdirTemp(c.dir, "pack-")
	if err != nil {
		return "", &writeError{err}
	}
	ctx, cancel := context.WithTimeout(ctx, npmLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "pack", "--ignore-scripts", "--loglevel=error", "--pack-destination", dir, "--", spec)
	cmd.Dir = dir // not the user's project, whose settings are none of ours
	cmd.Env = append(os.Environ(), "npm_config_update_notifier=false", "npm_config_audit=false", "npm_config_fund=false")
	endTogether(cmd)
	cmd.WaitDelay = 5 * time.Second
	said := &opening{}
	cmd.Stderr = said
	if err := cmd.Run(); err != nil {
		if why := said.reason(); why != "" {
			err = fmt.Errorf("%w: %s", err, why)
		}
		return "", fmt.Errorf("npm pack: %w", err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(found) != 1 {
		return "", errors.Join(fmt.Errorf("npm pack made %d archives, want 1", len(found)), err)
	}
	return found[0], nil
}

// npmSource is a file in an npm package.
type npmSource struct {
	Source
	client *npmClient
}

func (s npmSource) fetch(ctx context.Context, p *part) error {
	archive, err := s.client.pack(ctx, s.NPM)
	if err != nil {
		return err
	}
	if err := p.reset(); err != nil {
		return err
	}
	f, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("open archive: %w", err)
	}
	defer f.Close()
	return extract(fsx.Reader(ctx, f), s.Path, p)
}

// extract writes the one file of that name in a .tgz to w.
func extract(tgz io.Reader, name string, w io.Writer) error {
	z, err := gzip.NewReader(tgz)
	if err != nil {
		return fmt.Errorf("read archive: %w", err)
	}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("the package has no file %s", name)
		}
		if err != nil {
			return fmt.Errorf("read archive: %w", err)
		}
		if h.Name != name || h.Typeflag != tar.TypeReg {
			continue
		}
		if _, err := io.Copy(w, t); err != nil {
			return fmt.Errorf("unpack %s: %w", name, err)
		}
		return nil
	}
}

// opening keeps the first 4 KiB of what a program says.
type opening struct{ b []byte }

func (t *opening) Write(b []byte) (int, error) {
	if room := 4096 - len(t.b); room > 0 {
		t.b = append(t.b, b[:min(room, len(b))]...)
	}
	return len(b), nil
}

// reason returns the lines that tell why, on one line and short.
func (t *opening) reason() string {
	var why []string
	for line := range strings.Lines(string(t.b)) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "npm error"); ok {
			line = strings.TrimSpace(rest)
		} else if strings.HasPrefix(line, "npm ") {
			continue // a warning
		}
		if line != "" && len(why) < 3 {
			why = append(why, line)
		}
	}
	s := strings.Join(why, ", ")
	if r := []rune(s); len(r) > 300 {
		s = string(r[:300]) + "…"
	}
	return s
}
