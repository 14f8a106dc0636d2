package filetype

import (
	"path/filepath"
	"strings"
)

// Headerless is a format of audio without a header, as telephone systems write
// it. The bytes of such a file can look like anything.
type Headerless struct {
	Name    string // for people, such as "mu-law"
	Demuxer string // what FFmpeg calls it
	Rate    int    // samples a second; 0: the format itself says
}

// headerless are the formats that the extension of a file tells.
var headerless = map[string]Headerless{
	".ul": {"mu-law", "mulaw", 8000}, ".ulaw": {"mu-law", "mulaw", 8000}, ".mulaw": {"mu-law", "mulaw", 8000},
	".al": {"A-law", "alaw", 8000}, ".alaw": {"A-law", "alaw", 8000},
	".sln": {"16-bit linear", "s16le", 8000}, ".sln8": {"16-bit linear", "s16le", 8000}, ".sln12": {"16-bit linear", "s16le", 12000},
	".sln16": {"16-bit linear", "s16le", 16000}, ".sln24": {"16-bit linear", "s16le", 24000}, ".sln32": {"16-bit linear", "s16le", 32000},
	".sln44": {"16-bit linear", "s16le", 44100}, ".sln48": {"16-bit linear", "s16le", 48000},
	".gsm": {"GSM 06.10", "gsm", 0}, ".g722": {"G.722", "g722", 0},
}

// HeaderlessOf returns the headerless format that the extension of name tells.
func HeaderlessOf(name string) (Headerless, bool) {
	f, ok := headerless[strings.ToLower(filepath.Ext(name))]
	return f, ok
}
