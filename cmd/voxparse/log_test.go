package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/voxparse/voxparse/internal/config"
)

func TestTheJournalGetsLevelsAndNoTime(t *testing.T) {
	var b strings.Builder
	log := slog.New(newJournalHandler(&b, &slog.HandlerOptions{Level: slog.LevelInfo}))
	log.Info("ready", "socket", "/a b")
	log.With("folder", "wat_1").Warn("it waits")
	log.WithGroup("g").Error("no", "time", "kept")
	log.Debug("never")
	want := "<6>msg=ready socket=\"/a b\"\n<4>msg=\"it waits\" folder=wat_1\n<3>msg=no g.time=kept\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTheLogFileOfABackgroundDaemonIsRotated(t *testing.T) {
	dir := t.TempDir()
	cfg := &config.Config{DataDir: dir, LogLevel: "info", LogFormat: "text"}
	if err := os.WriteFile(cfg.LogFile(), make([]byte, logSize<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	log, closer := newLogger(os.Stderr, cfg, true)
	log.Info("ready")
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(cfg.LogFile())
	if err != nil || st.Size() > 1000 || st.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want a new small file of ours alone", st, err)
	}
	if old, err := filepath.Glob(filepath.Join(dir, "daemon-*.log")); err != nil || len(old) != 1 {
		t.Errorf("got %v, %v, want the old log aside", old, err)
	}
}

func TestTheNewerOfJournalAndFileIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "daemon.log")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_700_000_000, 0)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, script string
		want         bool
	}{
		{"a newer line", "echo 1700000001.5 host voxparse: ready", true},
		{"an older line", "echo 1699999999.5 host voxparse: ready", false},
		{"no line", "true", false},
		{"no journal", "exit 1", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bin := t.TempDir()
			if err := os.WriteFile(filepath.Join(bin, "journalctl"), []byte("#!/bin/sh\n"+tt.script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", bin)
			if got := journalNewer(t.Context(), path); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
