package filetype

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"
)

// HeadSize is how many bytes from the beginning of a file are looked at, at
// most.
const HeadSize = 4 << 10

// audioStarts are how files begin that may hold audio, at an offset. What has
// one of them is left to the decoder, whatever follows.
var audioStarts = []struct {
	at   int
	text string
}{
	{0, "OggS"}, {0, "fLaC"}, {0, "ID3"}, {0, "#!AMR"}, {0, "FORM"}, {0, "RIFX"}, {0, "RF64"}, {0, ".snd"}, {0, "caff"},
	{0, "\x1aE\xdf\xa3"}, {0, "\x30\x26\xb2\x75"}, {4, "moov"}, {4, "mdat"},
	{0, "\xff\xfb"}, {0, "\xff\xf3"}, {0, "\xff\xf1"}, {0, "\xff\xf9"},
}

// certain are the types that a file is refused for, and what they are called.
// The signatures of others are so short that audio can begin like that.
var certain = map[string]string{
	"image/png":                 "a PNG image",
	"image/vnd.mozilla.apng":    "a PNG image",
	"image/jpeg":                "a JPEG image",
	"image/gif":                 "a GIF image",
	"image/tiff":                "a TIFF image",
	"image/webp":                "a WebP image",
	"image/vnd.adobe.photoshop": "a Photoshop image",
	"image/heic":                "an HEIF image",
	"image/heic-sequence":       "an HEIF image",
	"image/heif":                "an HEIF image",
	"image/heif-sequence":       "an HEIF image",
	"image/avif":                "an HEIF image",
	"application/pdf":           "a PDF document",
	"text/rtf":                  "a text document",

	"application/x-ole-storage":                     "an Office document",
	"application/zip":                               "a ZIP archive or an Office document",
	"application/gzip":                              "a gzip archive",
	"application/x-bzip2":                           "a bzip2 archive",
	"application/x-xz":                              "an xz archive",
	"application/x-7z-compressed":                   "a 7-Zip archive",
	"application/vnd.rar":                           "a RAR archive",
	"application/zstd":                              "a Zstandard archive",
	"application/x-tar":                             "a tar archive",
	"application/x-elf":                             "a program",
	"application/vnd.microsoft.portable-executable": "a program",
	"application/x-java-applet":                     "a program",
	"application/x-mach-binary":                     "a program",
	"application/wasm":                              "a program",
	"application/vnd.sqlite3":                       "a database",
}

// LikeAudio reports whether head, the beginning of a file, is how a format
// begins that can hold audio.
func LikeAudio(head []byte) bool {
	for _, s := range audioStarts {
		if len(head) > s.at && bytes.HasPrefix(head[s.at:], []byte(s.text)) {
			return true
		}
	}
	return bytes.HasPrefix(head, []byte("RIFF")) || len(head) > 4 && bytes.HasPrefix(head[4:], []byte("ftyp"))
}

// NotAudio says what head, the beginning of a file, is when it is certainly not
// audio: "a PNG image". It returns "" when it may be audio, which only the
// decoder knows for sure.
func NotAudio(head []byte) string {
	if LikeAudio(head) && !holdsPicture(head) {
		return ""
	}
	for m := mimetype.Detect(head); m != nil; m = m.Parent() {
		name, _, _ := strings.Cut(m.String(), ";")
		if kind := certain[name]; kind != "" {
			return kind
		}
		if name == "text/plain" && (isUTF8(head) || isUTF16(head)) {
			return "text"
		}
	}
	return ""
}

// holdsPicture reports whether a container that can hold audio names a picture
// as its content.
func holdsPicture(head []byte) bool {
	return len(head) >= 12 && (bytes.HasPrefix(head, []byte("RIFF")) && string(head[8:12]) == "WEBP" || string(head[4:8]) == "ftyp")
}

// isUTF8 reports whether head is UTF-8, of which its end may cut a character.
func isUTF8(head []byte) bool {
	for cut := range utf8.UTFMax {
		if cut > 0 && len(head) < HeadSize {
			break // nothing was cut
		}
		if utf8.Valid(head[:max(len(head)-cut, 0)]) {
			return len(head) > 0
		}
	}
	return false
}

// isUTF16 reports whether head begins with the mark of UTF-16 and a character
// below U+0100. The mark alone can begin an MPEG frame.
func isUTF16(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	little := bytes.HasPrefix(head, []byte{0xff, 0xfe}) && head[2] != 0 && head[3] == 0
	big := bytes.HasPrefix(head, []byte{0xfe, 0xff}) && head[2] == 0 && head[3] != 0
	return little || big
}
