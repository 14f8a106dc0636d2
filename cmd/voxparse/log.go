package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/voxparse/voxparse/internal/config"
)

// How much of a log file is kept: the last 10 MB and three files before it.
const (
	logSize  = 10 // MB
	logFiles = 3
)

// newLogger writes the log as the settings say: to the journal where stderr
// leads there; to a file that is rotated, for a daemon in the background; else
// to stderr. The caller closes what it returns.
func newLogger(stderr io.Writer, cfg *config.Config, background bool) (*slog.Logger, io.Closer) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		level = slog.LevelInfo // the settings were checked: it is one of the four
	}
	opts := &slog.HandlerOptions{Level: level, ReplaceAttr: withUnits}
	var w io.Writer = stderr
	var closer io.Closer = io.NopCloser(nil)
	if f, ok := stderr.(*os.File); ok && inJournal(f) && cfg.LogFormat != "json" {
		return slog.New(distinctHandler{Handler: newJournalHandler(stderr, opts)}), closer
	}
	if background {
		file := &lumberjack.Logger{Filename: cfg.LogFile(), MaxSize: logSize, MaxBackups: logFiles}
		w, closer = file, file
	}
	if cfg.LogFormat == "json" {
		return slog.New(distinctHandler{Handler: slog.NewJSONHandler(w, opts)}), closer
	}
	return slog.New(distinctHandler{Handler: slog.NewTextHandler(w, opts)}), closer
}

// withUnits writes a duration as people do: 1m30s. In JSON it would be a number
// of nanoseconds that does not say so.
func withUnits(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// journalHandler writes text for the journal, which keeps the time itself and
// takes the level from a number before the line.
type journalHandler struct {
	slog.Handler
	line *journalLine
}

// journalLine is where a handler and those made from it leave one line.
type journalLine struct {
	mu  sync.Mutex
	buf bytes.Buffer
	w   io.Writer
}

func newJournalHandler(w io.Writer, opts *slog.HandlerOptions) *journalHandler {
	line := &journalLine{w: w}
	own := *opts
	own.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
			return slog.Attr{}
		}
		return withUnits(groups, a)
	}
	return &journalHandler{slog.NewTextHandler(&line.buf, &own), line}
}

// Handle writes one record.
func (h *journalHandler) Handle(ctx context.Context, r slog.Record) error {
	h.line.mu.Lock()
	defer h.line.mu.Unlock()
	h.line.buf.Reset()
	fmt.Fprintf(&h.line.buf, "<%d>", priority(r.Level))
	if err := h.Handler.Handle(ctx, r); err != nil {
		return err
	}
	_, err := h.line.w.Write(h.line.buf.Bytes())
	return err
}

// WithAttrs returns a handler that writes to the same place.
func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &journalHandler{h.Handler.WithAttrs(attrs), h.line}
}

// WithGroup returns a handler that writes to the same place.
func (h *journalHandler) WithGroup(name string) slog.Handler {
	return &journalHandler{h.Handler.WithGroup(name), h.line}
}

// priority is a level as syslog numbers it.
func priority(l slog.Level) int {
	switch {
	case l >= slog.LevelError:
		return 3
	case l >= slog.LevelWarn:
		return 4
	case l >= slog.LevelInfo:
		return 6
	}
	return 7
}
