package main

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/engine"
)

// tooShort is the least audio that can hold a word, in samples.
const tooShort = sampleRate / 10

// classify says what was wrong with the file of t, given how its decoding
// ended; nil when it can be transcribed.
func classify(t *engine.Task, h header, e decodeResult) *engine.Error {
	switch {
	case e.Size == 0:
		return fault(api.JobEmpty, "the file is empty: it holds no bytes")
	case e.Over:
		return fault(api.JobTooLong, "the recording is longer than the limit of %s: split it, or raise the limit", duration(t.MaxSeconds))
	case !e.Opened:
		return notOpened(t.Name, e)
	case noStream(e):
		return fault(api.JobNotAudio, "%s has no sound in it", kindOf(h, t.Name))
	case noDecoder(e):
		return fault(api.JobUnsupported, "the sound in the file is coded in a way that cannot be decoded here (%s): convert it to MP3, FLAC or WAV", h.Codec)
	case e.Samples == 0 && (e.Errors > 0 || e.Exit != 0):
		return fault(api.JobDamaged, "the file is damaged: nothing in it can be decoded")
	case e.Samples == 0:
		return fault(api.JobEmpty, "the file holds no audio: its header is there, and no samples")
	case endsEarly(h, e) && !t.AllowTruncated:
		return fault(api.JobTruncated, "the file ends too early: %s; send the whole file, or allow truncated files to have what is there", whatIsThere(h, e))
	case e.Exit != 0 && !endsEarly(h, e):
		return fault(api.JobDamaged, "the file is damaged: decoding stopped after %s", duration(seconds(e.Samples)))
	case e.Samples < tooShort:
		return fault(api.JobTooShort, "the recording is too short to hold a word: %d ms", e.Samples*1000/sampleRate)
	}
	return nil
}

// selfCounting are formats that hold one track of sound and state its length:
// less than that is not all of it. The length of any other container is that of
// its longest track, and says nothing of the sound.
var selfCounting = map[string]bool{"flac": true, "aiff": true, "tta": true, "wv": true, "ape": true, "au": true}

// unboundedFormats are those in which the end of a packet shows in the next one
// only, so that one that was cut is no sign of a file that was: they state no
// length, or any stretch of them is a file.
var unboundedFormats = map[string]bool{"aac": true, "amr": true, "mpegts": true, "ogg": true, "mulaw": true, "alaw": true, "s16le": true, "gsm": true, "g722": true}

// endsEarly reports whether the file ends before the recording does: ffmpeg
// says so, or its own header states more bytes or samples than are there.
func endsEarly(h header, e decodeResult) bool {
	const spare = 0.5 // seconds that a header may be wrong by
	got := seconds(e.Samples)
	switch {
	case e.Announced > 0:
		return got*float64(e.Announced-e.Size)/float64(e.Size) > spare
	case selfCounting[h.Format] && !h.Estimated:
		return h.Seconds-got > max(spare, h.Seconds/100)
	}
	return e.Cut && !unboundedFormats[h.Format]
}

// whatIsThere says how much of a file that ends early is there.
func whatIsThere(h header, e decodeResult) string {
	got := seconds(e.Samples)
	if e.Announced > e.Size {
		h.Seconds = got * float64(e.Announced) / float64(e.Size)
	}
	if h.Seconds > got+0.1 && !h.Estimated {
		return fmt.Sprintf("it announces %s and holds %s of audio", duration(h.Seconds), duration(got))
	}
	return fmt.Sprintf("it holds %s of audio", duration(got))
}

// noticesOf is what there is to know about a file that was transcribed. silent
// are the tracks before the one that was, in which nobody speaks.
func noticesOf(t *engine.Task, h header, e decodeResult, silent []int) []api.Notice {
	out := e.Notices
	if endsEarly(h, e) {
		out = append(out, api.Notice{Code: api.NoticeTruncated, Message: "the file ends too early: " + whatIsThere(h, e) + ", and that was transcribed"})
	}
	if t.Track == "" && h.Tracks > 1 {
		why := ""
		if len(silent) > 0 {
			why = ", the first in which somebody speaks"
		}
		out = append(out, api.Notice{Code: api.NoticeTracks, Message: fmt.Sprintf(
			"audio track %d of %d was transcribed%s: ask for another by its number, or for all, with track", h.Track, h.Tracks, why)})
	}
	if n := e.Undecoded; n >= undecodedLeast && !endsEarly(h, e) {
		out = append(out, api.Notice{Code: api.NoticeDamaged, Message: "some of the file is damaged and could not be decoded: words may be missing"})
	}
	return out
}

// undecodedLeast is from how many packets on that could not be decoded a file
// counts as damaged: one at either end is nothing.
const undecodedLeast = 3

// notOpened says why no container was found in the file.
func notOpened(name string, e decodeResult) *engine.Error {
	switch {
	case rawExtensions[extension(name)]:
		return fault(api.JobUnsupported, "this looks like raw audio without a header, and nothing says how it is coded: convert it, for example with "+
			"ffmpeg -f mulaw -ar 8000 -ac 1 -i FILE call.wav")
	case knownAudio(e.Head):
		return fault(api.JobDamaged, "the file begins like audio, but its header is damaged: nothing can be decoded")
	case looksLikeText(e.Head):
		return fault(api.JobNotAudio, "this is a text file, not audio, whatever its name says")
	}
	return fault(api.JobNotAudio, "this is not an audio file of a known format")
}

// rawExtensions are names of files without a header that say nothing of how
// they are coded.
var rawExtensions = map[string]bool{".raw": true, ".pcm": true, ".vox": true, ".sw": true, ".dat": true, ".lin": true}

// kindOf names what a file without sound is.
func kindOf(h header, name string) string {
	if looks, _, _ := strings.Cut(h.Format, ","); looks != "" {
		return fmt.Sprintf("%s (%s)", name, looks)
	}
	return name
}

// noStream reports whether ffmpeg found no audio in the container.
func noStream(e decodeResult) bool {
	return mentions(e, "matches no streams")
}

// noDecoder reports whether ffmpeg lacks the codec.
func noDecoder(e decodeResult) bool {
	return e.Samples == 0 && (mentions(e, "Decoder (codec") || mentions(e, "not currently supported") || mentions(e, "Decoder not found"))
}

// mentions reports whether one of the errors holds s.
func mentions(e decodeResult, s string) bool {
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
