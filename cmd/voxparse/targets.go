package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/fsx"
)

// target is one output of one input. An empty path is stdout.
type target struct{ format, path string }

// plan decides where the transcripts of the inputs go, before anything runs.
// alone tells of one file that was named itself: a batch of one is a batch.
func plan(inputs []input, formats []string, out string, alone bool) (map[string][]target, error) {
	formats, err := pickFormats(formats, out)
	if err != nil {
		return nil, err
	}
	isDir := strings.HasSuffix(out, "/") || strings.HasSuffix(out, string(filepath.Separator))
	if st, err := os.Stat(out); out != "" && out != "-" && err == nil && st.IsDir() {
		isDir = true
	}
	many := !alone || len(formats) > 1
	targets := map[string][]target{}
	switch {
	case out == "" || out == "-":
		if len(formats) > 1 {
			return nil, usagef("several formats need a folder: -o DIR/")
		}
		for _, in := range inputs {
			targets[in.path] = []target{{format: formats[0]}}
		}
		return targets, nil
	case !isDir && !alone:
		if filepath.Ext(out) != "" {
			return nil, usagef("what is found cannot all go to %s; give a folder: -o DIR/", out)
		}
	case !isDir && many:
		return nil, usagef("several formats cannot all go to %s; give a folder: -o DIR/", out)
	case !isDir:
		targets[inputs[0].path] = []target{{formats[0], out}}
		return targets, nil
	}
	return intoDir(inputs, formats, out), nil
}

// intoDir names the outputs {stem}.{format}, and {name}.{format} where two
// inputs share a stem.
func intoDir(inputs []input, formats []string, dir string) map[string][]target {
	stems := map[string]int{}
	stem := func(in input) string { return strings.TrimSuffix(in.rel, filepath.Ext(in.rel)) }
	for _, in := range inputs {
		stems[stem(in)]++
	}
	targets, used := map[string][]target{}, map[string]bool{}
	for _, in := range inputs {
		base := stem(in)
		if stems[base] > 1 {
			base = in.rel
		}
		for n := 2; used[base]; n++ {
			base = fmt.Sprintf("%s (%d)", in.rel, n)
		}
		used[base] = true
		for _, f := range formats {
			targets[in.path] = append(targets[in.path], target{f, filepath.Join(dir, base+"."+f)})
		}
	}
	return targets
}

// pickFormats validates the formats; without any, the extension of the output
// decides, and else it is txt.
func pickFormats(formats []string, out string) ([]string, error) {
	var picked []string
	for _, f := range formats {
		f = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(f), "."))
		if !slices.Contains(api.Formats, f) {
			msg := fmt.Sprintf("-f %s: the formats are %s", f, strings.Join(api.Formats, ", "))
			if near := api.Nearest(f, api.Formats); near != "" {
				msg += fmt.Sprintf("; did you mean %s?", near)
			}
			return nil, usagef("%s", msg)
		}
		if !slices.Contains(picked, f) {
			picked = append(picked, f)
		}
	}
	if len(picked) > 0 {
		return picked, nil
	}
	if ext := strings.ToLower(strings.TrimPrefix(filepath.Ext(out), ".")); slices.Contains(api.Formats, ext) {
		return []string{ext}, nil
	}
	return []string{"txt"}, nil
}

// copyPath is where the silenced audio goes that belongs to the transcript t.
func (t target) copyPath() string {
	return strings.TrimSuffix(t.path, filepath.Ext(t.path)) + ".redacted.wav"
}

// writeFile puts data at path whole or not at all, and makes its folder.
func writeFile(path string, data []byte, mode os.FileMode) error {
	return fillFile(path, mode, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// fillFile puts what fill writes at path whole or not at all, and makes its
// folder.
func fillFile(path string, mode os.FileMode, fill func(io.Writer) error) error {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0) // /dev/stdout, a named pipe
		if err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		return errors.Join(fill(f), f.Close())
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of %s: %w", path, err)
	}
	if err := fsx.WriteFileFrom(path, mode, fill); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
