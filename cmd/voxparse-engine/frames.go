package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// The kinds of frame that a decoder sends to its worker: one byte of kind,
// four of length (little-endian), then the payload. The worker sends lines of
// JSON, one decodeOrder each.
const (
	frameReady  = 'R' // compiled, waiting for an order; empty
	frameHeader = 'H' // a header, once known
	framePCM    = 'P' // samples
	frameEnd    = 'E' // an ending
)

// maxFrame is the longest payload, in bytes: one second of stereo.
const maxFrame = sampleRate * 2 * 2

// decodeOrder asks a decoder for one file.
type decodeOrder struct {
	Path     string  `json:"path"`
	Name     string  `json:"name"`
	Channels int     `json:"channels"`    // 1 or 2
	Seconds  float64 `json:"max_seconds"` // stop after this much audio; 0: never
}

// header is what the container announces.
type header struct {
	Format    string  `json:"format"`              // ffmpeg's name: "mp3", "mov,mp4,m4a,…"
	Codec     string  `json:"codec"`               // of the audio that is decoded
	Seconds   float64 `json:"seconds"`             // announced length; 0: none
	Estimated bool    `json:"estimated,omitempty"` // Seconds is a guess from the bit rate
}

// ending is how a decode ended.
type ending struct {
	Exit      int      `json:"exit"`                // ffmpeg's exit code
	Fault     string   `json:"fault,omitempty"`     // the decoder's own, not the file's
	Samples   int64    `json:"samples"`             // per channel
	Over      bool     `json:"over,omitempty"`      // stopped at the limit of decodeOrder
	Size      int64    `json:"size"`                // of the file, bytes
	Head      []byte   `json:"head,omitempty"`      // its first bytes
	Announced int64    `json:"announced,omitempty"` // size that its own header states, bytes; 0: none
	Opened    bool     `json:"opened,omitempty"`    // the container was understood
	Errors    int      `json:"errors,omitempty"`    // lines of ffmpeg's log that were errors
	Lines     []string `json:"lines,omitempty"`     // the first few of them
}

// writeFrame writes one frame and flushes it.
func writeFrame(w *bufio.Writer, kind byte, payload []byte) error {
	var h [5]byte
	h[0] = kind
	binary.LittleEndian.PutUint32(h[1:], uint32(len(payload)))
	w.Write(h[:]) // a bufio.Writer keeps its error for Flush
	w.Write(payload)
	return w.Flush()
}

// writeFrameJSON writes v as the payload of a frame.
func writeFrameJSON(w *bufio.Writer, kind byte, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeFrame(w, kind, b)
}

// readFrame reads one frame into buf, which it may replace by a larger one.
func readFrame(r *bufio.Reader, buf []byte) (kind byte, payload []byte, err error) {
	var h [5]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, buf, err
	}
	n := binary.LittleEndian.Uint32(h[1:])
	if n > maxFrame {
		return 0, buf, fmt.Errorf("a frame of %d bytes from the decoder", n)
	}
	if cap(buf) < int(n) {
		buf = make([]byte, n, maxFrame)
	}
	buf = buf[:n]
	if _, err := io.ReadFull(r, buf); err != nil {
		return 0, buf, fmt.Errorf("read a frame of the decoder: %w", io.ErrUnexpectedEOF)
	}
	return h[0], buf, nil
}
