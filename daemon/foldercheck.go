package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/transcript"
	"github.com/voxparse/voxparse/watch"
)

// checkFolder refuses a folder that cannot be watched as asked.
func (d *Daemon) checkFolder(ctx context.Context, req *api.FolderRequest) error {
	if !filepath.IsAbs(req.Dir) {
		return api.Errorf(api.Invalid, "dir: %q is not an absolute path", req.Dir)
	}
	req.Dir = filepath.Clean(req.Dir)
	fi, err := os.Stat(req.Dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return api.Errorf(api.Invalid, "dir: %s does not exist; make it first", req.Dir)
	case err != nil:
		return api.Errorf(api.Invalid, "dir: %v", err)
	case !fi.IsDir():
		return api.Errorf(api.Invalid, "dir: %s is not a folder", req.Dir)
	}
	if err := d.checkApart(req.Dir); err != nil {
		return err
	}
	rules, err := d.checkFolderOptions(ctx, req.Options)
	if err != nil {
		return err
	}
	switch req.Existing {
	case "process", "ignore":
		return nil
	case "":
	default:
		return api.Errorf(api.Invalid, "existing: got %q, want process or ignore", req.Existing)
	}
	errFound := errors.New("found")
	err = watch.List(ctx, watch.Place{Dir: req.Dir}, rules, func(string, watch.Stat) error { return errFound })
	if errors.Is(err, errFound) {
		return api.Errorf(api.Invalid, "existing: there is audio in %s already; say whether to take it with --existing process or --existing ignore", req.Dir)
	}
	return err
}

// checkApart refuses a folder inside another one, around it, or around our own
// data: a file would be taken twice.
func (d *Daemon) checkApart(dir string) error {
	if within(d.cfg.DataDir, dir) || within(dir, d.cfg.DataDir) {
		return api.Errorf(api.Conflict, "dir: %s and voxparse's own data folder %s lie in one another; choose another folder", dir, d.cfg.DataDir)
	}
	for _, f := range d.folders.list() {
		other := f.dir()
		if other == dir {
			return api.Errorf(api.Conflict, "dir: %s is watched already, as %s", dir, f.id)
		}
		inner, outer := other, dir
		if within(dir, other) {
			inner, outer = dir, other
		} else if !within(other, dir) {
			continue
		}
		if outer == dir || f.record().Options.Recursive {
			return api.Errorf(api.Conflict, "dir: %s lies in %s, and a file there would be taken twice; remove %s first or choose another folder", inner, outer, f.id)
		}
	}
	return nil
}

// within reports whether path is dir or lies below it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}

// checkFolderOptions refuses options that can never work.
func (d *Daemon) checkFolderOptions(ctx context.Context, o api.FolderOptions) (watch.Rules, error) {
	rules, err := watch.ParseRules(o)
	if err != nil {
		return rules, err
	}
	for _, format := range o.Formats {
		if !slices.Contains(transcript.Formats, format) {
			return rules, api.Errorf(api.Invalid, "formats: there is no format %q; there are: %s", format, strings.Join(transcript.Formats, ", "))
		}
	}
	if o.Out != "" && !filepath.IsAbs(o.Out) {
		return rules, api.Errorf(api.Invalid, "out: %q is not an absolute path", o.Out)
	}
	if o.Channels != "" && o.Channels != "mix" && o.Channels != "split" {
		return rules, api.Errorf(api.Invalid, "channels: got %q, want mix or split", o.Channels)
	}
	if err := d.checkModel(api.Options{Model: o.Model, Language: o.Language, Channels: o.Channels, Speakers: o.Speakers}); err != nil {
		return rules, err
	}
	for _, id := range o.Webhooks {
		if _, err := d.db.Webhook(ctx, id); err != nil {
			return rules, api.Errorf(api.Invalid, "webhooks: %v", err)
		}
	}
	return rules, nil
}
