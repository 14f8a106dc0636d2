package dropfolder

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/watch"
)

// check refuses a folder that cannot be watched as asked.
func (fs *Folders) check(ctx context.Context, req *api.FolderRequest) error {
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
	if err := fs.checkOwn("", req.Dir, req.Options); err != nil {
		return err
	}
	rules, err := fs.checkOptions(ctx, &req.Options)
	if err != nil {
		return err
	}
	switch req.Existing {
	case api.ExistingProcess, api.ExistingIgnore:
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

// within reports whether path is dir or lies below it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}

// checkOptions refuses options that can never work, and brings the others
// into the form in which they are kept.
func (fs *Folders) checkOptions(ctx context.Context, o *api.FolderOptions) (rules watch.Rules, err error) {
	api.CheckOptions(o, api.OnFolder, func(option api.Option, wrong error) {
		if err == nil {
			err = api.Errorf(api.Invalid, "%s: %v", option.Name, wrong)
		}
	})
	if err != nil {
		return rules, err
	}
	if rules, err = watch.ParseRules(*o); err != nil {
		return rules, err
	}
	if o.Out != "" && !filepath.IsAbs(o.Out) {
		return rules, api.Errorf(api.Invalid, "out: %q is not an absolute path", o.Out)
	}
	if err := fs.cfg.Catalog.Check(o.Options); err != nil {
		return rules, err
	}
	for _, id := range o.Webhooks {
		if _, err := fs.cfg.Store.Webhook(ctx, id); err != nil {
			return rules, api.Errorf(api.Invalid, "webhooks: %v", err)
		}
	}
	return rules, nil
}
