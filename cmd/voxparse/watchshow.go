package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// showWatch writes a folder with its options and the files that wait in it.
func (a *app) showWatch(f api.Folder) {
	a.field("id", f.ID)
	a.field("folder", oneLine(f.Dir))
	a.field("status", a.folderStatus(f))
	for _, o := range optionFields(f.Options) {
		a.field(o[0], oneLine(o[1]))
	}
	if !f.LastScan.IsZero() {
		a.field("last scan", a.style.when(f.LastScan))
	}
	slices.SortFunc(f.Waiting, func(x, y api.FolderFile) int { return strings.Compare(x.Path, y.Path) })
	for _, w := range f.Waiting {
		a.item("  ", fmt.Sprintf("%s: %s", oneLine(w.Path), oneLine(w.Reason)))
	}
}

// optionFields are the names and values of a folder's options, "" where an
// option is as it is for every folder.
func optionFields(o api.FolderOptions) [][2]string {
	var out [][2]string
	for _, option := range api.OptionsOn(api.OnWatch) {
		if option.Kind == api.KindBool && option.Default != "" {
			out = append(out, [2]string{option.Name, fmt.Sprint(option.Get(&o))})
			continue
		}
		value := strings.Join(option.Values(&o), " ")
		if option.Kind == api.KindBool && value != "" {
			value = "yes"
		}
		out = append(out, [2]string{strings.ReplaceAll(option.Name, "_", " "), value})
	}
	return out
}

func (a *app) folderStatus(f api.Folder) string {
	text := f.Status
	switch f.Status {
	case "offline", "blocked":
		text = a.style.bad.Render(text)
	case "paused", "polling":
		text = a.style.warn.Render(text)
	default:
		text = a.style.good.Render(text)
	}
	if f.Reason != "" {
		text += ": " + oneLine(f.Reason)
	}
	return text + "  " + a.style.faint.Render(counts(f.Counts, "settling", "queued", "done", "skipped", "failed", "blocked"))
}
