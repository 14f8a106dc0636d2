package moonshine_test

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/k2-fsa/sherpa-onnx-go/sherpa_onnx" // brings ONNX Runtime into the process

	"github.com/voxparse/voxparse/internal/models"
	"github.com/voxparse/voxparse/internal/models/modelstest"
	"github.com/voxparse/voxparse/internal/moonshine"
)

// sampleRate is of all audio here.
const sampleRate = 16000

// files are those of the default model.
func files(tb testing.TB) moonshine.Files {
	tb.Helper()
	f := modelstest.Files(tb)
	return moonshine.Files{Encoder: f["encoder"], Decoder: f["decoder"], Tokens: f["tokens"]}
}

// copied are the same files in a folder of the test's own.
func copied(tb testing.TB) moonshine.Files {
	tb.Helper()
	dir := tb.TempDir()
	f := files(tb)
	for _, p := range []*string{&f.Encoder, &f.Decoder, &f.Tokens} {
		b, err := os.ReadFile(*p)
		if err != nil {
			tb.Fatal(err)
		}
		*p = filepath.Join(dir, filepath.Base(*p))
		if err := os.WriteFile(*p, b, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return f
}

// open opens a model until the test ends.
func open(tb testing.TB, f moonshine.Files) *moonshine.Recognizer {
	tb.Helper()
	m, err := moonshine.Open(f)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := m.Close(); err != nil {
			tb.Errorf("close the model: %v", err)
		}
	})
	return m.NewRecognizer(func() {})
}

// recordings are those of testdata/audio, with some silence around, and what
// is said in them.
func recordings(tb testing.TB) (pieces [][]float32, words []string) {
	tb.Helper()
	list, err := os.ReadFile("../../testdata/audio/TRANSCRIPTS.txt")
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), "\t")
		b, err := os.ReadFile("../../testdata/audio/" + name + ".wav")
		if err != nil {
			tb.Fatal(err)
		}
		piece := append([]float32(nil), make([]float32, sampleRate/5)...)
		for b = b[44:]; len(b) >= 2; b = b[2:] {
			piece = append(piece, float32(int16(binary.LittleEndian.Uint16(b)))/32768)
		}
		pieces = append(pieces, append(piece, make([]float32, sampleRate*3/10)...))
		words = append(words, text)
	}
	return pieces, words
}

// bare are the words of s without case and punctuation.
func bare(s string) []string {
	s = strings.NewReplacer("mr.", "mister", "-", " ", ".", "", ",", "").Replace(strings.ToLower(s))
	return strings.Fields(s)
}

func TestRecognize_saysWhatIsSaid(t *testing.T) {
	rec := open(t, files(t))
	pieces, want := recordings(t)
	together, err := rec.Recognize(pieces)
	if err != nil {
		t.Fatal(err)
	}
	missing := 0
	for i, text := range together {
		got := bare(text.String())
		for _, w := range bare(want[i]) {
			if !slices.Contains(got, w) {
				missing++
			}
		}
		if text.End < 0.5 || text.Frames < 50 {
			t.Errorf("piece %d: got an end of chance %.2f after %d frames, want a sure one after more", i, text.End, text.Frames)
		}
		for _, k := range text.Tokens {
			if k.Chance <= 0 || k.Chance > 1 || len(k.Attention) != text.Frames {
				t.Errorf("piece %d: got token %q of chance %.2f with %d weights for %d frames", i, k.Text, k.Chance, len(k.Attention), text.Frames)
			}
		}
	}
	if missing > 3 {
		t.Errorf("got %d words missing, want at most 3: %v", missing, together)
	}
}

// The rows of a batch do not see each other, but for the rounding that they
// share.
func TestRecognize_aloneAsInABatch(t *testing.T) {
	rec := open(t, files(t))
	pieces, _ := recordings(t)
	together, err := rec.Recognize(append(pieces, nil, make([]float32, 100)))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(pieces); len(together) != n+2 || together[n].String() != "" || together[n+1].String() != "" {
		t.Fatalf("got %d texts, want nothing for what is too short to be a word", len(together))
	}
	differ := 0
	for i, p := range pieces {
		alone, err := rec.Recognize([][]float32{p})
		if err != nil {
			t.Fatal(err)
		}
		if alone[0].String() != together[i].String() {
			t.Logf("got %q alone and %q in a batch", alone[0], together[i])
			differ++
		}
	}
	if differ > 1 {
		t.Errorf("got %d of %d texts that differ, want at most 1", differ, len(pieces))
	}
}

func TestOpen_keepsWhatItDerives(t *testing.T) {
	f := copied(t)
	kept := f.Decoder + ".derived"
	say := func() string {
		t.Helper()
		pieces, _ := recordings(t)
		texts, err := open(t, f).Recognize(pieces[:1])
		if err != nil {
			t.Fatal(err)
		}
		return texts[0].String()
	}
	want := say()
	whole, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	damaged := slices.Clone(whole)
	damaged[len(damaged)/2] ^= 1
	tests := map[string][]byte{
		"whole":   whole,
		"empty":   {},
		"cut":     whole[:len(whole)-1],
		"damaged": damaged,
		"older":   []byte(strings.Replace(string(whole), `"version":`, `"version":9`, 1)),
		"another": []byte(strings.Replace(string(whole), `"source":"`, `"source":"0`, 1)),
	}
	for name, b := range tests {
		if err := os.WriteFile(kept, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := say(); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		if now, err := os.ReadFile(kept); err != nil || !slices.Equal(now, whole) {
			t.Errorf("%s: got %d bytes kept (%v), want the %d that were made first", name, len(now), err, len(whole))
		}
	}
}

func TestOpen_refusesWhatItDoesNotKnow(t *testing.T) {
	whole, err := os.ReadFile(files(t).Decoder)
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := os.ReadFile(files(t).Encoder)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		decoder []byte
		layout  bool
	}{
		"cut":        {whole[:len(whole)/2], false},
		"text":       {[]byte("not a model"), false},
		"an encoder": {encoder, true},
	}
	for name, tt := range tests {
		f := copied(t)
		if err := os.WriteFile(f.Decoder, tt.decoder, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := moonshine.Open(f)
		if err == nil || errors.Is(err, moonshine.ErrLayout) != tt.layout {
			t.Errorf("%s: got %v, want an error, of the layout: %v", name, err, tt.layout)
		}
		if m != nil {
			t.Errorf("%s: got a model, want none", name)
		}
	}
	f := copied(t)
	if err := os.WriteFile(f.Encoder, encoder[:1000], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := moonshine.Open(f); err == nil {
		t.Error("got a model of a cut encoder, want an error")
	}
}

// What is kept beside a model goes with it.
func TestOpen_leavesNothingOfARemovedModel(t *testing.T) {
	dir := t.TempDir()
	store := models.Open(dir, models.Options{Mirror: modelstest.Dir(t)})
	if err := store.Pull(t.Context(), models.Default, nil); err != nil {
		t.Fatal(err)
	}
	f, err := store.Files(models.Default)
	if err != nil {
		t.Fatal(err)
	}
	open(t, moonshine.Files{Encoder: f["encoder"], Decoder: f["decoder"], Tokens: f["tokens"]})
	if _, err := os.Stat(f["decoder"] + ".derived"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Remove(t.Context(), models.Default); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(f["decoder"])); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v of the folder of the removed model, want that it is gone", err)
	}
}
