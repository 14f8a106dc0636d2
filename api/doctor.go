package api

import "time"

// Finding is one thing that doctor looked at.
type Finding struct {
	ID      string `json:"id"`            // "inotify", "models", "webhook", …
	Level   string `json:"level"`         // LevelOK, LevelWarn or LevelError
	Message string `json:"message"`       // a sentence
	Fix     string `json:"fix,omitempty"` // the command or the act that mends it
}

// Checkup is the answer of GET and POST /v1/doctor.
type Checkup struct {
	Version  string    `json:"version"`
	Daemon   bool      `json:"daemon"` // false: the daemon does not run, and what only it knows is left out
	At       time.Time `json:"at"`
	Findings []Finding `json:"findings"`
}
