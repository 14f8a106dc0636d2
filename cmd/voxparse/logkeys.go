package main

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
)

// distinctHandler writes no key twice in one line: of such JSON a reader keeps
// one of the values, or refuses it. What a logger has been given (With) comes
// first; a later attribute with the same key gets a number: folder, folder_2.
type distinctHandler struct {
	slog.Handler
	open  []slog.Attr // given by With since the last group was opened
	inner bool        // a group is open: the line's own keys are outside
}

// lineKeys are those that each line has.
var lineKeys = []string{slog.TimeKey, slog.LevelKey, slog.MessageKey}

// Handle writes one record.
func (h distinctHandler) Handle(ctx context.Context, r slog.Record) error {
	attrs := slices.Clone(h.open)
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	out.AddAttrs(h.distinct(attrs)...)
	return h.Handler.Handle(ctx, out)
}

// WithAttrs returns a handler whose lines have these attributes too.
func (h distinctHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.open = slices.Concat(h.open, attrs)
	return h
}

// WithGroup returns a handler that puts what comes later into a group.
func (h distinctHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	outer := h.Handler.WithAttrs(h.distinct(h.open))
	return distinctHandler{Handler: outer.WithGroup(name), inner: true}
}

func (h distinctHandler) distinct(attrs []slog.Attr) []slog.Attr {
	taken := map[string]bool{}
	if !h.inner {
		for _, key := range lineKeys {
			taken[key] = true
		}
	}
	return distinct(attrs, taken)
}

// distinct returns attrs with a number behind each key that is taken, in groups
// too. A group without a name lies in the one around it.
func distinct(attrs []slog.Attr, taken map[string]bool) []slog.Attr {
	out := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		a.Value = a.Value.Resolve()
		isGroup := a.Value.Kind() == slog.KindGroup
		if isGroup && a.Key == "" {
			out = append(out, distinct(a.Value.Group(), taken)...)
			continue
		}
		if a.Equal(slog.Attr{}) {
			continue
		}
		if isGroup {
			a.Value = slog.GroupValue(distinct(a.Value.Group(), map[string]bool{})...)
		}
		key := a.Key
		for n := 2; taken[a.Key]; n++ {
			a.Key = key + "_" + strconv.Itoa(n)
		}
		taken[a.Key] = true
		out = append(out, a)
	}
	return out
}
