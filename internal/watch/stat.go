package watch

import (
	"fmt"
	"io/fs"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Stat is what tells one content at a path from another without reading it.
// Two Stats are compared with ==. Dev and Inode are 0 where the system has none
// to give; Dev may change when a volume is plugged in anew.
type Stat struct {
	Dev   uint64
	Inode uint64
	Size  int64 // bytes
	Sec   int64 // modification time: seconds since 1970, UTC; any year
	Nsec  int32 // and nanoseconds
}

// StatOf returns the Stat of a file from what Lstat told.
func StatOf(fi fs.FileInfo) Stat {
	dev, ino := deviceInode(fi)
	return Stat{Dev: dev, Inode: ino, Size: fi.Size()}.At(fi.ModTime())
}

// At returns s with the modification time t.
func (s Stat) At(t time.Time) Stat {
	s.Sec, s.Nsec = t.Unix(), int32(t.Nanosecond())
	return s
}

// Modified returns the modification time, in UTC.
func (s Stat) Modified() time.Time { return time.Unix(s.Sec, int64(s.Nsec)).UTC() }

// change says in a few words how the file differs from what it was before.
func (s Stat) change(before Stat) string {
	switch {
	case s.Dev != before.Dev || s.Inode != before.Inode:
		return "was replaced"
	case s.Size > before.Size:
		return "size grew"
	case s.Size < before.Size:
		return "size shrank"
	default:
		return "was modified"
	}
}

// Printable returns path for people and for JSON: bytes that are not UTF-8 and
// characters that cannot be printed become \xNN or \u escapes.
func Printable(path string) string {
	plain := utf8.ValidString(path)
	for _, r := range path {
		plain = plain && unicode.IsPrint(r)
	}
	if plain {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); {
		r, n := utf8.DecodeRuneInString(path[i:])
		switch {
		case r == utf8.RuneError && n == 1, r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, path[i])
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}
