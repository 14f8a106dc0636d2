package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// showWatch writes a folder with its options and the files that wait in it.
func (a *app) showWatch(f api.Folder) {
	a.field("id", f.ID)
	a.field("folder", oneLine(f.Dir))
	a.field("state", a.folderState(f))
	for _, o := range optionFields(f.Options) {
		a.field(o[0], oneLine(o[1]))
	}
	if !f.LastScan.IsZero() {
		a.field("last scan", a.style.when(f.LastScan))
	}
	slices.SortFunc(f.Waiting, func(x, y api.FolderFile) int { return strings.Compare(x.Path, y.Path) })
	for _, w := range f.Waiting {
		a.printf("  %s: %s\n", oneLine(w.Path), oneLine(w.Reason))
	}
}

// optionFields are the names and values of a folder's options, "" where an
// option is as it is for every folder.
func optionFields(o api.FolderOptions) [][2]string {
	yes := func(b bool) string {
		if b {
			return "yes"
		}
		return ""
	}
	var metadata []string
	for _, k := range slices.Sorted(maps.Keys(o.Metadata)) {
		metadata = append(metadata, k+"="+o.Metadata[k])
	}
	return [][2]string{
		{"recursive", fmt.Sprint(o.Recursive)}, {"include", strings.Join(o.Include, " ")}, {"exclude", strings.Join(o.Exclude, " ")},
		{"settle", o.Settle}, {"poll", o.Poll}, {"dedupe", o.Dedupe}, {"after", o.After}, {"failed", o.Failed},
		{"formats", strings.Join(o.Formats, ", ")}, {"out", o.Out}, {"language", o.Language}, {"model", o.Model},
		{"channels", o.Channels}, {"speakers", o.Speakers}, {"redact pii", yes(o.RedactPII)}, {"redact audio", yes(o.RedactAudio)},
		{"webhooks", strings.Join(o.Webhooks, " ")}, {"metadata", strings.Join(metadata, " ")},
	}
}

func (a *app) folderState(f api.Folder) string {
	text := f.State
	switch f.State {
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
