package daemon

import (
	"bytes"
	"unicode/utf8"
)

// sniffLen is how many bytes of an upload are looked at, at most.
const sniffLen = 4 << 10

// audioMagic begins the formats that can be decoded; whatever follows is the
// decoder's business.
var audioMagic = [][]byte{
	[]byte("OggS"), []byte("fLaC"), []byte("ID3"), []byte("#!AMR"), []byte("FORM"), []byte("RF64"), []byte(".snd"), []byte("caff"),
	{0x1a, 0x45, 0xdf, 0xa3}, {0x30, 0x26, 0xb2, 0x75},
}

// otherMagic begins files that are certainly not audio.
var otherMagic = []struct {
	magic []byte
	kind  string
}{
	{[]byte("\x89PNG"), "a PNG image"}, {[]byte("\xff\xd8\xff"), "a JPEG image"}, {[]byte("GIF8"), "a GIF image"},
	{[]byte("II*\x00"), "a TIFF image"}, {[]byte("MM\x00*"), "a TIFF image"}, {[]byte("8BPS"), "a Photoshop image"},
	{[]byte("%PDF"), "a PDF document"}, {[]byte("{\\rtf"), "a text document"}, {[]byte("\xd0\xcf\x11\xe0"), "an Office document"},
	{[]byte("PK\x03\x04"), "a ZIP archive or an Office document"}, {[]byte("PK\x05\x06"), "a ZIP archive"}, {[]byte("\x1f\x8b"), "a gzip archive"},
	{[]byte("BZh"), "a bzip2 archive"}, {[]byte("\xfd7zXZ"), "an xz archive"}, {[]byte("7z\xbc\xaf"), "a 7-Zip archive"},
	{[]byte("Rar!"), "a RAR archive"}, {[]byte("\x28\xb5\x2f\xfd"), "a Zstandard archive"}, {[]byte("\x7fELF"), "a program"},
	{[]byte("MZ\x90\x00"), "a program"}, {[]byte("\xca\xfe\xba\xbe"), "a program"}, {[]byte("SQLite format 3\x00"), "a database"}, {[]byte("\x00asm"), "a program"},
}

// imageBrands are brands of an ISO base media file that hold a picture.
var imageBrands = []string{"heic", "heix", "mif1", "msf1", "avif", "avis"}

// notAudio says what head, the beginning of a file, is when it is certainly
// not audio, "" when it may be. Only the engine knows for sure.
func notAudio(head []byte) string {
	for _, m := range audioMagic {
		if bytes.HasPrefix(head, m) {
			return ""
		}
	}
	if len(head) >= 12 && bytes.HasPrefix(head, []byte("RIFF")) {
		if string(head[8:12]) == "WEBP" {
			return "a WebP image"
		}
		return ""
	}
	if len(head) >= 12 && string(head[4:8]) == "ftyp" {
		for _, b := range imageBrands {
			if string(head[8:12]) == b {
				return "an HEIF image"
			}
		}
		return ""
	}
	for _, m := range otherMagic {
		if bytes.HasPrefix(head, m.magic) {
			return m.kind
		}
	}
	if len(head) >= 262 && string(head[257:262]) == "ustar" {
		return "a tar archive"
	}
	if isText(head) {
		return "text"
	}
	return ""
}

// isText reports whether head reads as text: UTF-8 without control characters,
// or UTF-16 with its mark.
func isText(head []byte) bool {
	if bytes.HasPrefix(head, []byte{0xff, 0xfe}) && len(head) >= 4 && head[3] == 0 && head[2] != 0 {
		return true
	}
	if bytes.HasPrefix(head, []byte{0xfe, 0xff}) && len(head) >= 4 && head[2] == 0 && head[3] != 0 {
		return true
	}
	if len(head) == 0 {
		return false
	}
	for i := 0; i < len(head); {
		c, size := utf8.DecodeRune(head[i:])
		if c == utf8.RuneError && size <= 1 {
			return i > 0 && len(head)-i < utf8.UTFMax && len(head) >= sniffLen // cut in the middle of a character
		}
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b || c == 0x7f {
			return false
		}
		i += size
	}
	return true
}
