package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/voxparse/voxparse/api"
)

// Limits of what is taken apart. A header may claim anything.
const (
	maxTracks   = 32
	maxChannels = 16 // of all tracks that are decoded together
)

// track is an audio track of a file.
type track struct {
	channels  int
	layout    string // ffmpeg's name of what each channel is, "stereo"; "" where it does not know
	preferred bool   // the file's own default
	seconds   float64
}

// contents is what is in a file.
type contents struct {
	format string
	tracks []track
}

// probed is the answer of ffprobe.
type probed struct {
	Streams []struct {
		Type        string         `json:"codec_type"`
		Channels    int            `json:"channels"`
		Layout      string         `json:"channel_layout"`
		Duration    string         `json:"duration"`
		Disposition map[string]int `json:"disposition"`
	} `json:"streams"`
	Format struct {
		Name     string `json:"format_name"`
		Duration string `json:"duration"`
	} `json:"format"`
}

// probe finds out what is in a file. Where nothing can be told, the decoder
// will say why.
func (f *ffmpeg) probe(ctx context.Context, in *input) (contents, error) {
	args := []string{"-v", "quiet", "-protocol_whitelist", "file", "-of", "json",
		"-show_entries", "stream=codec_type,channels,channel_layout,duration:stream_disposition=default:format=format_name,duration"}
	if in.raw != nil {
		args = append(args, in.raw.arguments()...)
	}
	out := &bounded{most: 1 << 20}
	if _, err := f.run(ctx, "ffprobe", append(args, in.path()), in, out, &bounded{}); err != nil {
		return contents{}, err
	}
	var p probed
	if json.Unmarshal(out.bytes, &p) != nil {
		return contents{}, nil //nolint:nilerr // its tracks are not known; the decoder says what is wrong with it
	}
	c := contents{format: p.Format.Name}
	for _, s := range p.Streams {
		if s.Type != "audio" || len(c.tracks) == maxTracks {
			continue
		}
		t := track{channels: s.Channels, layout: s.Layout, preferred: s.Disposition["default"] != 0}
		for _, length := range []string{s.Duration, p.Format.Duration} {
			if v, err := strconv.ParseFloat(length, 64); err == nil {
				t.seconds = max(t.seconds, v)
			}
		}
		c.tracks = append(c.tracks, t)
	}
	return c, nil
}

// bounded keeps the first bytes of what is written to it.
type bounded struct {
	bytes []byte
	most  int
}

// Write takes p, and keeps what there is room for.
func (b *bounded) Write(p []byte) (int, error) {
	b.bytes = append(b.bytes, p[:min(len(p), b.most-len(b.bytes))]...)
	return len(p), nil
}

// selection is which tracks of a file are decoded, and how they are put
// together.
type selection struct {
	arguments []string  // ffmpeg's, after the input
	channels  int       // that ffmpeg gives
	weights   []float32 // of each of them in a mix
	labels    []string  // who speaks in each
	track     int       // the one that is decoded, from 1; 0: all
}

// filters are what makes any audio the recognizers' samples, in the time of the
// file: sound that starts late or lacks a piece is preceded or filled by
// silence. Half the default length of ffmpeg's resampling filter still keeps
// aliases 60 dB down, and halves the time of decoding.
const filters = "aresample=16000:filter_size=16:async=1:first_pts=0"

// choose returns the selection that was asked for: the track with that number,
// "all" of them mixed, or "" for the file's default.
func (c contents) choose(asked string) (selection, error) {
	if asked == api.TrackAll && len(c.tracks) > 1 {
		return c.together(), nil
	}
	n, err := c.number(asked)
	if err != nil {
		return selection{}, err
	}
	var t track
	if n <= len(c.tracks) {
		t = c.tracks[n-1]
	}
	s := selection{channels: t.channels, track: n}
	layout := t.layout
	switch {
	case t.channels == 2:
		layout = "stereo"
	case t.channels <= 1 || t.channels > maxChannels:
		s.channels, layout = 1, "mono"
	case layout == "" || strings.Contains(layout, " "):
		layout = fmt.Sprintf("%dc", t.channels)
	}
	s.arguments = []string{"-map", fmt.Sprintf("0:a:%d", n-1), "-af", "aformat=channel_layouts=" + layout + "," + filters}
	s.weights, s.labels = c.weights(t)[:s.channels], channelLabels("", s.channels)
	return s, nil
}

// number is which track is meant, from 1.
func (c contents) number(asked string) (int, error) {
	if asked == "" || asked == api.TrackAll {
		for i, t := range c.tracks {
			if t.preferred {
				return i + 1, nil
			}
		}
		return 1, nil
	}
	n, err := strconv.Atoi(asked)
	if err != nil || n < 1 {
		return 0, fault(api.JobUnsupported, "track %q: want a number from 1, or all", asked)
	}
	if n > len(c.tracks) && n > 1 {
		return 0, fault(api.JobUnsupported, "track %d was asked for, and the file has %s: choose another track", n, count(len(c.tracks), "audio track"))
	}
	return n, nil
}

// together puts every channel of every track beside each other.
func (c contents) together() selection {
	s := selection{}
	longest := 0.0
	for i, t := range c.tracks {
		if n := max(t.channels, 1); s.channels+n <= maxChannels {
			name := fmt.Sprintf("Track %d", i+1)
			s.labels = append(s.labels, channelLabels(name, n)...)
			s.weights = append(s.weights, c.weights(t)...)
			s.channels += n
		}
		longest = max(longest, t.seconds)
	}
	var graph, inputs strings.Builder
	at, tracks := 0, 0
	for i, t := range c.tracks {
		n := max(t.channels, 1)
		if at+n > s.channels {
			break
		}
		fmt.Fprintf(&graph, "[0:a:%d]%s,pan=%dc", i, filters, s.channels)
		for k := range n {
			fmt.Fprintf(&graph, "|c%d=c%d", at+k, k)
		}
		if longest > 0 { // the mixer drops what is left of the others when one ends
			fmt.Fprintf(&graph, ",apad=whole_dur=%.3f", longest+2)
		}
		fmt.Fprintf(&graph, "[t%d];", i)
		fmt.Fprintf(&inputs, "[t%d]", i)
		at, tracks = at+n, tracks+1
	}
	fmt.Fprintf(&graph, "%samix=inputs=%d:duration=longest:normalize=0", inputs.String(), tracks)
	if longest > 0 {
		fmt.Fprintf(&graph, ",atrim=end=%.3f", longest)
	}
	s.arguments = []string{"-filter_complex", graph.String() + "[out]", "-map", "[out]"}
	return s
}

// channelLabels names who speaks in each of n channels.
func channelLabels(track string, n int) []string {
	if track != "" && n == 1 {
		return []string{track}
	}
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("Channel %d", i+1)
		if track != "" {
			out[i] = fmt.Sprintf("%s, channel %d", track, i+1)
		}
	}
	return out
}

// bareFormats hold sound alone, in channels that no one has named: ffmpeg
// guesses the names from their number.
var bareFormats = map[string]bool{"wav": true, "flac": true, "aiff": true, "w64": true, "caf": true, "au": true, "wv": true}

// bare reports whether the channels of the file have no names of their own.
func (c contents) bare() bool { return bareFormats[c.format] }

// surround is how much of each channel of a film is in the mix: speech comes
// from the center, and low-frequency effects hold none.
var surround = map[string][]float32{
	"2.1": {1, 1, 0}, "3.0": {0.7, 0.7, 1}, "3.1": {0.7, 0.7, 1, 0}, "4.0": {0.7, 0.7, 1, 0.5}, "4.1": {0.7, 0.7, 1, 0, 0.5},
	"5.0": {0.7, 0.7, 1, 0.5, 0.5}, "5.0(side)": {0.7, 0.7, 1, 0.5, 0.5},
	"5.1": {0.7, 0.7, 1, 0, 0.5, 0.5}, "5.1(side)": {0.7, 0.7, 1, 0, 0.5, 0.5},
	"6.1": {0.7, 0.7, 1, 0, 0.5, 0.5, 0.5}, "7.1": {0.7, 0.7, 1, 0, 0.5, 0.5, 0.5, 0.5},
}

// weights is how much of each channel of t is in a mix.
func (c contents) weights(t track) []float32 {
	if w := surround[t.layout]; w != nil && !c.bare() && len(w) == t.channels {
		return w
	}
	w := make([]float32, max(t.channels, 1))
	for i := range w {
		w[i] = 1
	}
	return w
}

// count is "1 track" or "3 tracks".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
