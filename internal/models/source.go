package models

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
)

// source is a place that may have a file. fetch appends to the part what it
// lacks, or empties it first; whether the bytes are right is not its business.
type source interface {
	fetch(ctx context.Context, p *part) error
	String() string
}

// builtinSource is a file in the program itself.
type builtinSource struct{ Source }

func (s builtinSource) fetch(_ context.Context, p *part) error {
	b, err := s.builtin()
	if err != nil {
		return err
	}
	if err := p.reset(); err != nil {
		return err
	}
	_, err = io.Copy(p, bytes.NewReader(b))
	return err
}

// mirror is the user's own source of every model.
type mirror struct{ folder, url string }

// parseMirror reads a mirror setting: an absolute folder, a file:// URL or an
// http(s) URL; "" for none.
func parseMirror(s string) (mirror, error) {
	if s == "" {
		return mirror{}, nil
	}
	if path, ok := strings.CutPrefix(s, "file://"); ok {
		s = path
	}
	if filepath.IsAbs(s) {
		return mirror{folder: s}, nil
	}
	u, err := url.Parse(s)
	if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		return mirror{url: strings.TrimSuffix(s, "/")}, nil
	}
	return mirror{}, api.Errorf(api.Invalid, "model mirror %q is neither an absolute folder nor an http(s) URL; correct %s or model_mirror", redactURL(s), MirrorEnv)
}

func (m mirror) source(s *Store, owner, name string) source {
	switch {
	case m.folder != "":
		return folderSource(filepath.Join(m.folder, owner, name))
	case m.url != "":
		return urlSource{s, m.url + "/" + url.PathEscape(owner) + "/" + url.PathEscape(name)}
	}
	return nil
}

// folderSource is the path of a file in a mirror folder.
type folderSource string

func (s folderSource) String() string { return "mirror " + string(s) }

func (s folderSource) fetch(ctx context.Context, p *part) error {
	f, err := os.Open(string(s))
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("no such file")
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return errors.Join(errors.New("not a file"), err)
	}
	if err := p.reset(); err != nil {
		return err
	}
	if _, err := io.Copy(p, fsx.Reader(ctx, f)); err != nil {
		return fmt.Errorf("copy it: %w", err)
	}
	return nil
}

// checkURL returns an error for a URL that a file may not be fetched from.
func checkURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("it cannot be read")
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("want https://, got %q", redactURL(raw))
	case u.Host == "":
		return errors.New("it has no host")
	}
	return nil
}

// redactURL returns raw without a password.
func redactURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(a URL that cannot be read)"
	}
	return u.Redacted()
}
