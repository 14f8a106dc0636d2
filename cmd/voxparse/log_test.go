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

func TestLog_durationsHaveUnits(t *testing.T) {
	for format, want := range map[string]string{"json": `"again_in":"1m30s"`, "text": "again_in=1m30s"} {
		var b strings.Builder
		log, _ := newLogger(&b, &config.Config{LogLevel: "info", LogFormat: format}, false)
		log.Info("waits", "again_in", 90*time.Second)
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s: got %s, want %s", format, b.String(), want)
		}
	}
}

func TestLog_noKeyTwice(t *testing.T) {
	tests := []struct {
		name  string
		write func(*slog.Logger)
		want  string // of the line in JSON, without its time
	}{
		{"in one call", func(l *slog.Logger) { l.Info("m", "folder", 1, "folder", 2, "folder_2", 3) }, `"folder":1,"folder_2":2,"folder_2_2":3`},
		{"given and said", func(l *slog.Logger) { l.With("folder", "a").Info("m", "folder", "b") }, `"folder":"a","folder_2":"b"`},
		{"given twice", func(l *slog.Logger) { l.With("folder", "a").With("folder", "b").Info("m") }, `"folder":"a","folder_2":"b"`},
		{"a key of the line", func(l *slog.Logger) { l.Info("m", "msg", "x", "time", 1, "level", "y") }, `"msg_2":"x","time_2":1,"level_2":"y"`},
		{"in a group", func(l *slog.Logger) { l.WithGroup("g").With("a", 1).Info("m", "a", 2, "msg", "x") }, `"g":{"a":1,"a_2":2,"msg":"x"}`},
		{"around a group", func(l *slog.Logger) { l.With("a", 1, "a", 2).WithGroup("g").Info("m", "a", 3) }, `"a":1,"a_2":2,"g":{"a":3}`},
		{"in a group of values", func(l *slog.Logger) { l.Info("m", slog.Group("g", "a", 1, "a", 2), slog.Group("", "g", 3)) }, `"g":{"a":1,"a_2":2},"g_2":3`},
		{"none", func(l *slog.Logger) { l.With("a", 1).Info("m", "b", 2, slog.Attr{}) }, `"a":1,"b":2`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			log, _ := newLogger(&b, &config.Config{LogLevel: "info", LogFormat: "json"}, false)
			tt.write(log)
			_, got, _ := strings.Cut(b.String(), `"msg":"m",`)
			if got != tt.want+"}\n" {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
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
