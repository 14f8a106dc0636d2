package api

import (
	"encoding/json"
	"time"
)

// Folder is a watched drop folder with its options and its state.
type Folder struct {
	ID       string         `json:"id"`
	Dir      string         `json:"dir"`
	Options  FolderOptions  `json:"options"`
	Status   string         `json:"status"`            // "watching", "polling", "scanning", "paused", "offline", "blocked"
	Reason   string         `json:"reason,omitempty"`  // why it polls, is offline or blocked, with the fix
	Counts   map[string]int `json:"counts"`            // settling, queued, done, skipped, failed, blocked
	Waiting  []FolderFile   `json:"waiting,omitempty"` // files that are not complete yet, and why
	LastScan time.Time      `json:"last_scan,omitzero"`
}

// FolderOptions are the settings of a drop folder: what its jobs are asked
// for, and how the folder itself is treated. Each field has a row in the table
// of options.
type FolderOptions struct {
	Options
	Recursive bool              `json:"recursive" toml:"recursive"`
	Include   []string          `json:"include,omitempty" toml:"include"` // globs; empty: known audio extensions
	Exclude   []string          `json:"exclude,omitempty" toml:"exclude"`
	Settle    string            `json:"settle,omitempty" toml:"settle"` // a duration; "5s"
	Poll      string            `json:"poll,omitempty" toml:"poll"`     // Auto, Off or a duration
	Dedupe    Dedupe            `json:"dedupe,omitempty" toml:"dedupe"`
	After     After             `json:"after,omitempty" toml:"after"`
	Failed    After             `json:"failed,omitempty" toml:"failed"`   // AfterLeave or AfterMove
	Out       string            `json:"out,omitempty" toml:"out"`         // "" beside the source
	Formats   []Format          `json:"formats,omitempty" toml:"formats"` // empty: FormatText
	Webhooks  []string          `json:"webhooks,omitempty" toml:"webhooks"`
	Metadata  map[string]string `json:"metadata,omitempty" toml:"metadata"` // templates with {stem} {dir} {mtime}
	Paused    bool              `json:"paused,omitempty" toml:"paused"`
}

// FolderFile is what the daemon thinks of one file.
type FolderFile struct {
	Path   string `json:"path"`
	Status string `json:"status"`
	Reason string `json:"reason"` // one line: "settling: size grew 2 s ago; a writer has it open"
	JobID  string `json:"job_id,omitempty"`
}

// FolderRequest is the body of POST /v1/watches.
type FolderRequest struct {
	Dir      string        `json:"dir"`                // absolute
	Existing Existing      `json:"existing,omitempty"` // required where there is audio already
	Options  FolderOptions `json:"options"`
}

// FolderPatch is the body of PATCH /v1/watches/{id}. Options holds only the
// options to change: it is decoded over those that the folder has. Existing may
// be ExistingProcess: then what was left alone when the folder was added is
// taken after all.
type FolderPatch struct {
	Options  json.RawMessage `json:"options,omitempty"`
	Existing Existing        `json:"existing,omitempty"`
}
