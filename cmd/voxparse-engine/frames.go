package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"

	"github.com/voxparse/voxparse/api"
)

// The kinds of frame that a decoder sends to its worker: one byte of kind,
// four of length (little-endian), then the payload. The worker sends lines of
// JSON, one decodeRequest each.
const (
	frameReady  = 'R' // compiled, waiting for an order; empty
	frameFault  = 'F' // why it cannot work, a refusal; the last
	frameHeader = 'H' // a header, once known
	framePCM    = 'P' // samples
	frameEnd    = 'E' // a decodeResult
)

// maxFrame is the longest payload, in bytes.
const maxFrame = 64 << 10

// decodeRequest asks a decoder for one file.
type decodeRequest struct {
	Path    string  `json:"path"`
	Name    string  `json:"name"`
	Split   bool    `json:"split,omitempty"` // every channel by itself, else mixed to one
	Track   string  `json:"track,omitempty"` // a number from 1, "all", or "" for the file's default
	Seconds float64 `json:"max_seconds"`     // stop after this much audio; 0: never
}

// header is what is known before the first sample.
type header struct {
	Format    string   `json:"format"`              // ffmpeg's name: "mp3", "mov,mp4,m4a,…"
	Codec     string   `json:"codec"`               // of the audio that is decoded
	Seconds   float64  `json:"seconds"`             // length that the container announces; 0: none
	Estimated bool     `json:"estimated,omitempty"` // Seconds is a guess from the bit rate
	Channels  int      `json:"channels"`            // of the samples that follow
	Labels    []string `json:"labels,omitempty"`    // with Split: who speaks in each
	Tracks    int      `json:"tracks"`              // audio tracks in the file
	Track     int      `json:"track"`               // the one that is decoded, from 1; 0: all
}

// decodeResult is how a decode ended.
type decodeResult struct {
	Exit      int          `json:"exit"`                // ffmpeg's exit code
	Fault     string       `json:"fault,omitempty"`     // the decoder's own, not the file's
	Refused   *refusal     `json:"refused,omitempty"`   // what was asked for does not fit the file
	Samples   int64        `json:"samples"`             // per channel
	Over      bool         `json:"over,omitempty"`      // stopped at the limit of decodeRequest
	Size      int64        `json:"size"`                // of the file, bytes
	Head      []byte       `json:"head,omitempty"`      // its first bytes
	Announced int64        `json:"announced,omitempty"` // size that its own header states, bytes; 0: none
	Opened    bool         `json:"opened,omitempty"`    // the container was understood
	Cut       bool         `json:"cut,omitempty"`       // ffmpeg says that the file ends too early
	Errors    int          `json:"errors,omitempty"`    // lines of ffmpeg's log that were errors
	Lines     []string     `json:"lines,omitempty"`     // the first few of them
	Undecoded int          `json:"undecoded,omitempty"` // packets that could not be decoded
	Notices   []api.Notice `json:"notices,omitempty"`
}

// refusal is why a file is not decoded as asked.
type refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
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
