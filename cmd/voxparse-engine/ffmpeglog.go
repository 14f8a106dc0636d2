package main

import (
	"bufio"
	"bytes"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Limits of what is kept of a log that a hostile file can make endless.
const (
	maxLogLine  = 1024
	maxLogLines = 8
)

// ffmpegLog reads ffmpeg's log as it comes: what the container announces, and
// what went wrong.
type ffmpegLog struct {
	out    *bufio.Writer // where the header goes; nil: nowhere
	partly []byte
	header header
	opened bool // "Input #0" was seen
	sent   bool
	cut    bool // the file ends too early
	errors int
	failed int // packets that could not be decoded
	lines  []string
}

// Write takes the next bytes of the log.
func (l *ffmpegLog) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexAny(p, "\r\n")
		if i < 0 {
			break
		}
		l.line(string(append(l.partly, p[:i]...)))
		l.partly, p = l.partly[:0], p[i+1:]
	}
	if room := maxLogLine - len(l.partly); room > 0 {
		l.partly = append(l.partly, p[:min(room, len(p))]...)
	}
	return n, nil
}

// line reads one line: "[info] Input #0, wav, from '/in/audio.wav':".
func (l *ffmpegLog) line(s string) {
	level, text := logLevel(s)
	if level == "error" || level == "fatal" || level == "panic" {
		l.note(text)
	}
	if level == "error" || level == "warning" {
		l.cut = l.cut || saysCut(text)
	}
	text = strings.TrimSpace(text)
	switch {
	case strings.HasPrefix(text, "Estimating duration from bitrate"):
		l.header.Estimated = true
	case strings.HasPrefix(text, "Input #0, "):
		l.opened = true
		l.header.Format, _, _ = strings.Cut(strings.TrimPrefix(text, "Input #0, "), ", from")
	case strings.HasPrefix(text, "Duration: ") && !l.sent:
		l.header.Seconds = clock(strings.TrimPrefix(text, "Duration: "))
	case strings.HasPrefix(text, "Stream #0:") && l.header.Codec == "" && !l.sent:
		if _, codec, ok := strings.Cut(text, "Audio: "); ok {
			l.header.Codec, _, _ = strings.Cut(codec, ",")
		}
	case strings.HasPrefix(text, "Stream mapping:"), strings.HasPrefix(text, "Output #0"):
		l.announce()
	}
}

// cutWords are how ffmpeg says that a file ends too early.
var cutWords = []string{"Packet corrupt (stream", "partial file", "File ended prematurely", "filesize and duration do not match"}

// saysCut reports whether a warning means that the file ends too early.
func saysCut(text string) bool {
	return slices.ContainsFunc(cutWords, func(w string) bool { return strings.Contains(text, w) })
}

// announce sends the header, once.
func (l *ffmpegLog) announce() {
	if l.sent || l.out == nil {
		return
	}
	l.sent = true
	if err := writeFrameJSON(l.out, frameHeader, l.header); err != nil {
		os.Exit(0) // the worker is gone
	}
}

// note counts an error and keeps the first few.
func (l *ffmpegLog) note(text string) {
	l.errors++
	if strings.HasPrefix(text, "Error while decoding stream") {
		l.failed++
	}
	if len(l.lines) < maxLogLines {
		l.lines = append(l.lines, strings.ToValidUTF8(text, "?"))
	}
}

// logLevel takes the level out of a line, which may have the name of a part of
// ffmpeg before it: "[mp3 @ 0x1234] [error] Header missing".
func logLevel(s string) (level, text string) {
	rest := s
	for range 3 {
		if !strings.HasPrefix(rest, "[") {
			break
		}
		tag, after, ok := strings.Cut(rest[1:], "] ")
		if !ok {
			break
		}
		switch tag {
		case "info", "warning", "error", "fatal", "panic", "verbose", "debug":
			return tag, after
		}
		rest = after
	}
	return "", s
}

// clock reads "00:01:02.50, start: …" as seconds; 0 for "N/A".
func clock(s string) float64 {
	s, _, _ = strings.Cut(s, ",")
	parts := strings.Split(strings.TrimSpace(s), ":")
	if len(parts) != 3 {
		return 0
	}
	var total float64
	for _, p := range parts {
		v, err := strconv.ParseFloat(p, 64)
		if err != nil || v < 0 {
			return 0
		}
		total = total*60 + v
	}
	return total
}
