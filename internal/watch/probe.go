package watch

import "errors"

// Probe returns nil if an output of n bytes could be written now, at the top
// of the folder or of Out. It writes them to a file that never gets a name or,
// where the system has no such files, to a hidden one that it removes. The
// error is api.Unavailable.
func (f *Finisher) Probe(n int) error {
	root, err := f.Place.Open()
	if err != nil {
		return err
	}
	defer root.Close()
	const name = "probe"
	dir, err := f.openOut(root, name)
	if err != nil {
		return err
	}
	defer func() { _ = closeOther(dir, root) }() // nothing is left in it
	data := make([]byte, max(n, 1))
	if !f.plain {
		err := createNameless(dir, name, data, 0o600, func() error { return errProbed })
		switch {
		case errors.Is(err, errProbed):
			return nil
		case !errors.Is(err, errors.ErrUnsupported):
			return trouble("write to", f.outDir(), err)
		}
	}
	temp := tempName(name, ".tmp")
	if err := f.writeTemp(dir, temp, data, 0o600); err != nil {
		return err
	}
	if err := removeIfThere(dir, temp); err != nil {
		return trouble("write to", f.outDir(), err)
	}
	return nil
}

// errProbed keeps a file from getting a name.
var errProbed = errors.New("it can be written")

// outDir is where outputs go.
func (f *Finisher) outDir() string {
	if f.Out != "" {
		return f.Out
	}
	return f.Place.Dir
}
