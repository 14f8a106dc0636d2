package main

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/engine"
)

// tooShort is the least audio that can hold a word, in samples.
const tooShort = sampleRate / 10

// verdict says what was wrong with a file, given how its decoding ended; nil
// when it can be transcribed.
func verdict(name string, h header, e ending, limit float64) *engine.Error {
	got := seconds(e.Samples)
	if e.Announced > e.Size {
		h.Seconds, h.Estimated = got*float64(e.Announced)/float64(e.Size), false
	}
	switch {
	case e.Size == 0:
		return fault(api.JobEmpty, "the file is empty: it holds no bytes")
	case e.Over:
		return fault(api.JobTooLong, "the recording is longer than the limit of %s: split it, or raise the limit", duration(limit))
	case !e.Opened:
		return notOpened(e)
	case noStream(e):
		return fault(api.JobNotAudio, "%s has no sound in it", kindOf(h, name))
	case noDecoder(e):
		return fault(api.JobUnsupported, "the sound in the file is coded in a way that cannot be decoded here (%s): convert it to MP3, FLAC or WAV", h.Codec)
	case e.Samples == 0 && (e.Errors > 0 || e.Exit != 0):
		return fault(api.JobDamaged, "the file is damaged: nothing in it can be decoded")
	case e.Samples == 0:
		return fault(api.JobEmpty, "the file holds no audio: its header is there, and no samples")
	case short(h, got):
		return fault(api.JobTruncated, "the file ends too early: it announces %s of audio and holds %s; send the whole file", duration(h.Seconds), duration(got))
	case e.Exit != 0:
		return fault(api.JobDamaged, "the file is damaged: decoding stopped after %s", duration(got))
	case e.Samples < tooShort:
		return fault(api.JobTooShort, "the recording is too short to hold a word: %d ms", e.Samples*1000/sampleRate)
	}
	return nil
}

// short reports whether got seconds are well below what the container says. A
// guess from the bit rate, or a length of days from a header that was never
// finished, says nothing.
func short(h header, got float64) bool {
	const days = 2 * 24 * 3600
	missing := h.Seconds - got
	return !h.Estimated && h.Seconds < days && missing > 1 && missing > h.Seconds/20
}

// notOpened says why no container was found in the file.
func notOpened(e ending) *engine.Error {
	switch {
	case knownAudio(e.Head):
		return fault(api.JobDamaged, "the file begins like audio, but its header is damaged: nothing can be decoded")
	case looksLikeText(e.Head):
		return fault(api.JobNotAudio, "this is a text file, not audio, whatever its name says")
	}
	return fault(api.JobNotAudio, "this is not an audio file of a known format")
}

// kindOf names what a file without sound is.
func kindOf(h header, name string) string {
	if looks, _, _ := strings.Cut(h.Format, ","); looks != "" {
		return fmt.Sprintf("%s (%s)", name, looks)
	}
	return name
}

// noStream reports whether ffmpeg found no audio in the container.
func noStream(e ending) bool {
	return mentions(e, "matches no streams")
}

// noDecoder reports whether ffmpeg lacks the codec.
func noDecoder(e ending) bool {
	return e.Samples == 0 && (mentions(e, "Decoder (codec") || mentions(e, "not currently supported") || mentions(e, "Decoder not found"))
}

// mentions reports whether one of the errors holds s.
func mentions(e ending, s string) bool {
	for _, l := range e.Lines {
		if strings.Contains(l, s) {
			return true
		}
	}
	return false
}

// magics are how the formats of the contract begin, by offset.
var magics = []struct {
	at   int
	text string
}{
	{0, "RIFF"}, {0, "RIFX"}, {0, "RF64"}, {0, "ID3"}, {4, "ftyp"}, {4, "moov"}, {4, "mdat"}, {0, "OggS"}, {0, "fLaC"},
	{0, "\x1aE\xdf\xa3"}, {0, "FORM"}, {0, "#!AMR"}, {0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"}, {0, ".snd"}, {0, "caff"},
	{0, "\xff\xfb"}, {0, "\xff\xf3"}, {0, "\xff\xf1"}, {0, "\xff\xf9"},
}

// knownAudio reports whether head is how an audio file begins.
func knownAudio(head []byte) bool {
	for _, m := range magics {
		if len(head) >= m.at && bytes.HasPrefix(head[m.at:], []byte(m.text)) {
			return true
		}
	}
	return false
}

// looksLikeText reports whether head is text in UTF-8.
func looksLikeText(head []byte) bool {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		if r == utf8.RuneError && n == 1 {
			return len(head) < utf8.UTFMax // a rune cut at the end
		}
		if unicode.IsControl(r) && !unicode.IsSpace(r) {
			return false
		}
		head = head[n:]
	}
	return true
}

// duration writes seconds for a person.
func duration(s float64) string {
	switch {
	case s < 60:
		return fmt.Sprintf("%.1f s", s)
	case s < 3600:
		return fmt.Sprintf("%d min %02d s", int(s)/60, int(s)%60)
	}
	return fmt.Sprintf("%d h %02d min", int(s)/3600, int(s)/60%60)
}

// fault makes an error of the file.
func fault(code, format string, args ...any) *engine.Error {
	return &engine.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// ourFault makes an error that is no fault of the file.
func ourFault(err error) *engine.Error {
	return &engine.Error{Code: api.JobInternal, Message: sentence(err), Transient: true}
}

// sentence is an error as a line for a person.
func sentence(err error) string { return strings.ReplaceAll(err.Error(), "\n", " ") }
