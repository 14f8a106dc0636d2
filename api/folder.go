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
	State    string         `json:"state"`             // "watching", "polling", "scanning", "paused", "offline", "blocked"
	Reason   string         `json:"reason,omitempty"`  // why it polls, is offline or blocked, with the cure
	Counts   map[string]int `json:"counts"`            // settling, queued, done, skipped, failed, blocked
	Waiting  []FolderFile   `json:"waiting,omitempty"` // files that are not complete yet, and why
	LastScan time.Time      `json:"last_scan,omitzero"`
}

// FolderOptions are the settings of a drop folder.
type FolderOptions struct {
	Recursive   bool              `json:"recursive" toml:"recursive"`
	Include     []string          `json:"include,omitempty" toml:"include"` // globs; empty: known audio extensions
	Exclude     []string          `json:"exclude,omitempty" toml:"exclude"`
	Settle      string            `json:"settle,omitempty" toml:"settle"`   // a duration; "5s"
	Poll        string            `json:"poll,omitempty" toml:"poll"`       // "auto", "off" or a duration
	Dedupe      string            `json:"dedupe,omitempty" toml:"dedupe"`   // "folder", "global", "off"
	After       string            `json:"after,omitempty" toml:"after"`     // "leave", "move", "delete"
	Failed      string            `json:"failed,omitempty" toml:"failed"`   // "leave" or "move" (to failed/)
	Out         string            `json:"out,omitempty" toml:"out"`         // "" beside the source
	Formats     []string          `json:"formats,omitempty" toml:"formats"` // txt, srt, …; ["txt"]
	Language    string            `json:"language,omitempty" toml:"language"`
	Model       string            `json:"model,omitempty" toml:"model"`
	RedactPII   bool              `json:"redact_pii,omitempty" toml:"redact_pii"`
	RedactAudio bool              `json:"redact_audio,omitempty" toml:"redact_audio"` // the copy stays with the job
	Channels    string            `json:"channels,omitempty" toml:"channels"`
	Speakers    string            `json:"speakers,omitempty" toml:"speakers"` // "auto" or how many, as Options.Speakers
	Webhooks    []string          `json:"webhooks,omitempty" toml:"webhooks"`
	Metadata    map[string]string `json:"metadata,omitempty" toml:"metadata"` // templates with {stem} {dir} {mtime}
	Paused      bool              `json:"paused,omitempty" toml:"paused"`
}

// FolderFile is what the daemon thinks of one file.
type FolderFile struct {
	Path   string `json:"path"`
	State  string `json:"state"`
	Reason string `json:"reason"` // one line: "settling: size grew 2 s ago; a writer has it open"
	JobID  string `json:"job_id,omitempty"`
}

// FolderRequest is the body of POST /v1/watches.
type FolderRequest struct {
	Dir      string        `json:"dir"`                // absolute
	Existing string        `json:"existing,omitempty"` // "process" or "ignore" what lies there; required where audio lies there
	Options  FolderOptions `json:"options"`
}

// FolderPatch is the body of PATCH /v1/watches/{id}. Options holds only the
// options to change: it is decoded over those that the folder has.
type FolderPatch struct {
	Options json.RawMessage `json:"options"`
}
