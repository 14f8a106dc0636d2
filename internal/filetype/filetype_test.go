package filetype_test

import (
	"archive/tar"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/voxparse/voxparse/internal/filetype"
)

// ftyp is how an ISO base media file of that brand begins.
func ftyp(brand string) string {
	return "\x00\x00\x00\x1cftyp" + brand + "\x00\x00\x02\x00" + brand + "mp42iso2"
}

func TestNotAudio_namesWhatIsNot(t *testing.T) {
	var archive strings.Builder
	w := tar.NewWriter(&archive)
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "talk.txt", Mode: 0o600}), w.Close()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ head, want string }{
		{"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a PNG image"},
		{"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "a JPEG image"},
		{"GIF89a\x01\x00", "a GIF image"},
		{"II*\x00\x08\x00\x00\x00", "a TIFF image"},
		{"MM\x00*\x00\x00\x00\x08", "a TIFF image"},
		{"8BPS\x00\x01\x00\x00", "a Photoshop image"},
		{"RIFF\x24\x00\x00\x00WEBPVP8 ", "a WebP image"},
		{ftyp("heic"), "an HEIF image"},
		{ftyp("mif1"), "an HEIF image"},
		{ftyp("msf1"), "an HEIF image"},
		{ftyp("avif"), "an HEIF image"},
		{"%PDF-1.7\n%\xe2\xe3", "a PDF document"},
		{"{\\rtf1\\ansi hello}", "a text document"},
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 600), "an Office document"},
		{"PK\x03\x04\x14\x00\x00\x00\x08\x00", "a ZIP archive or an Office document"},
		{"PK\x05\x06" + strings.Repeat("\x00", 18), "a ZIP archive or an Office document"},
		{"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", "a gzip archive"},
		{"BZh91AY&SY", "a bzip2 archive"},
		{"\xfd7zXZ\x00\x00\x04", "an xz archive"},
		{"7z\xbc\xaf\x27\x1c\x00\x04", "a 7-Zip archive"},
		{"Rar!\x1a\x07\x01\x00", "a RAR archive"},
		{"\x28\xb5\x2f\xfd\x04\x00", "a Zstandard archive"},
		{archive.String(), "a tar archive"},
		{"\x7fELF\x02\x01\x01\x00" + strings.Repeat("\x00", 8) + "\x02\x00\x3e\x00", "a program"},
		{"MZ\x90\x00\x03\x00\x00\x00", "a program"},
		{"\xca\xfe\xba\xbe\x00\x00\x00\x34", "a program"},
		{"\xcf\xfa\xed\xfe\x07\x00\x00\x01", "a program"},
		{"\x00asm\x01\x00\x00\x00", "a program"},
		{"SQLite format 3\x00\x10\x00", "a database"},
		{"just words", "text"},
		{"W\u00f6rter, \u8a00\u8449", "text"},
		{"\xef\xbb\xbfwith a mark", "text"},
		{`{"json": true}`, "text"},
		{"<!DOCTYPE html><html>", "text"},
		{"\xff\xfew\x00o\x00", "text"},
		{"\xfe\xff\x00w\x00o", "text"},
		{strings.Repeat("\u8a00", filetype.HeadSize/3) + "\xe8", "text"},
	} {
		if got := filetype.NotAudio([]byte(c.head)); got != c.want {
			t.Errorf("%.16q: got %q, want %q", c.head, got, c.want)
		}
	}
}

// Nothing that the decoder could read may be refused: not what is unknown, and
// not what begins like audio and goes on like anything else.
func TestNotAudio_leavesTheRestToTheDecoder(t *testing.T) {
	heads := []string{
		"", "\x00", "\x00\x00\x00\x00\x00\x00\x00\x00", "\xff\xfe\x00\x00", "\xff\xfe\xd1\xc4\x00", "\x00\x00\x01\x00\x01\x00", "\x00\x00\x01\xba\x44\x00",
		"\xff\xe3\x18\xc4\x00", "G@\x00\x10\x00", "Creative Voice File\x1a", "MAC \x96\x0f", "wvpk\x00", "\x0b\x77\x1c\x4c", "\x7f\xfe\x80\x01", "RIFF\x00\x00",
		ftyp("M4A "), ftyp("isom"), ftyp("qt  "), ftyp("3gp4"), ftyp("dash"), ftyp("mp42"),
		"latin one: \xe4\xf6\xfc", "half a character \xe8\x80", "\x02 control",
	}
	hidden := strings.Repeat("\x00", 240) + "ustar\x0000" + "%PDF-1.7 PK\x03\x04"
	for _, magic := range []string{
		"OggS", "fLaC", "ID3\x03", "#!AMR\n", "FORM\x00\x00\x00\x00AIFF", "RIFX", "RF64", "RIFF\x00\x00\x00\x00WAVE", ".snd", "caff",
		"\x1aE\xdf\xa3", "\x30\x26\xb2\x75\x8e\x66\xcf\x11", "\xff\xfb\x90\x64", "\xff\xf3\x40", "\xff\xf1\x50", "\xff\xf9\x50", "\x00\x00\x00\x08mdat", "\x00\x00\x00\x08moov",
	} {
		pad := strings.Repeat("\x00", 257-len(magic))
		heads = append(heads, magic, magic+pad+hidden, magic+pad[:len(pad)-240]+hidden, magic+" then words")
		if !filetype.LikeAudio([]byte(magic)) {
			t.Errorf("LikeAudio(%q): got false, want true", magic)
		}
	}
	for _, head := range heads {
		if got := filetype.NotAudio([]byte(head)); got != "" {
			t.Errorf("%.24q: got %q, want it left to the decoder", head, got)
		}
	}
}

func TestNotAudio_takesTheFilesOfTheTests(t *testing.T) {
	n := 0
	for _, dir := range []string{"audio", "formats"} {
		files, err := filepath.Glob("../../testdata/" + dir + "/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			data, err := os.ReadFile(path)
			if err != nil {
				continue // a folder
			}
			n++
			got := filetype.NotAudio(data[:min(len(data), filetype.HeadSize)])
			if audio := !strings.Contains(".md .txt .json .tsv .sh .py .go", filepath.Ext(path)); audio && got != "" {
				t.Errorf("%s: got %q, want it left to the decoder", path, got)
			}
		}
	}
	if n == 0 {
		t.Error("got no files to look at")
	}
}

func FuzzNotAudio(f *testing.F) {
	for _, s := range []string{"", "OggS", "RIFF\x00\x00\x00\x00WAVE", "RIFF\x00\x00\x00\x00WEBP", ftyp("heic"), ftyp("M4A "), "words", "\xff\xfew\x00", "PK\x03\x04"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		got := filetype.NotAudio(head)
		contained := len(head) >= 12 && (string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP" || string(head[4:8]) == "ftyp")
		if got != "" && filetype.LikeAudio(head) && !contained {
			t.Errorf("%q begins like audio: got %q, want it left to the decoder", head, got)
		}
	})
}

func BenchmarkNotAudio(b *testing.B) {
	noise := make([]byte, filetype.HeadSize)
	for i := range noise {
		noise[i] = byte(i*7919>>3) ^ byte(i)
	}
	for name, head := range map[string][]byte{
		"mp3": append([]byte("\xff\xfb\x90\x64"), noise...), "wav": append([]byte("RIFF\x00\x00\x00\x00WAVE"), noise...),
		"unknown": noise, "text": []byte(strings.Repeat("words ", filetype.HeadSize/6)),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				filetype.NotAudio(head)
			}
		})
	}
}
