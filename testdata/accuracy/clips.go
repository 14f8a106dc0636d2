package main

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	sampleRate = 16000
	recordings = "testdata/audio"
	// promptWords are what is said in the prompts.
	promptWords = "/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
)

// clip is a recording whose words are known.
type clip struct {
	id, text string
	samples  []float64
	starts   []start
}

// start is a word and the second at which it begins.
type start struct {
	word string
	at   float64
}

func countWords(clips []clip) (n int) {
	for _, c := range clips {
		n += len(plain(c.text))
	}
	return n
}

// labeled are the recordings of this repository, and the prompts of Debian's
// asterisk-core-sounds-en where they are installed. dir is for what is made on
// the way.
func labeled(o options, dir string) ([]clip, error) {
	clips, err := ours(recordings)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(promptWords)
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Println("without the prompts: install asterisk-core-sounds-en and asterisk-core-sounds-en-g722 for them")
		return clips, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	n := 0
	lines := bufio.NewScanner(z)
	for lines.Scan() {
		name, text, ok := strings.Cut(lines.Text(), ":")
		if !ok || strings.HasPrefix(name, ";") || strings.ContainsAny(text, "[(<") || len(plain(text)) < 4 {
			continue // no words, or a comment on how they are said
		}
		src := filepath.Join(o.prompts, name+".g722")
		fi, err := os.Stat(src)
		if err != nil {
			continue // not in this package
		}
		const bytesPerSecond = 8000
		if s := float64(fi.Size()) / bytesPerSecond; s > o.longest || s < o.shortest {
			continue
		}
		if n++; n%o.every != 0 {
			continue
		}
		samples, err := decode(src, dir)
		if err != nil {
			return nil, err
		}
		clips = append(clips, clip{id: strings.ReplaceAll(name, "/", "-"), text: text, samples: samples})
	}
	return clips, lines.Err()
}

// ours are the recordings of this repository.
func ours(dir string) ([]clip, error) {
	list, err := os.ReadFile(filepath.Join(dir, "TRANSCRIPTS.txt"))
	if err != nil {
		return nil, err
	}
	starts, err := os.ReadFile(filepath.Join(dir, "WORDS.txt"))
	if err != nil {
		return nil, err
	}
	var clips []clip
	for line := range strings.Lines(string(list)) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), "\t")
		b, err := os.ReadFile(filepath.Join(dir, name+".wav"))
		if err != nil {
			return nil, err
		}
		c := clip{id: name[strings.LastIndexByte(name, '-')+1:], text: text, samples: samplesOf(b)}
		for line := range strings.Lines(string(starts)) {
			var id string
			var s start
			if _, err := fmt.Sscan(line, &id, &s.at, &s.word); err != nil {
				return nil, fmt.Errorf("WORDS.txt: %q: %w", line, err)
			}
			if id == c.id {
				c.starts = append(c.starts, s)
			}
		}
		clips = append(clips, c)
	}
	return clips, nil
}

// samplesOf are those of a WAV file with the usual header.
func samplesOf(b []byte) []float64 {
	var out []float64
	for b = b[44:]; len(b) >= 2; b = b[2:] {
		out = append(out, float64(int16(binary.LittleEndian.Uint16(b)))/32768)
	}
	return out
}

// decode has ffmpeg decode a file.
func decode(path, dir string) ([]float64, error) {
	raw := filepath.Join(dir, "decoded.raw")
	cmd := exec.Command("ffmpeg", "-nostdin", "-v", "error", "-y", "-i", path, "-ar", fmt.Sprint(sampleRate), "-ac", "1", "-f", "s16le", raw)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("ffmpeg %s: %w: %s", path, err, out)
	}
	b, err := os.ReadFile(raw)
	if err != nil {
		return nil, err
	}
	return samplesOf(append(make([]byte, 44), b...)), nil
}
