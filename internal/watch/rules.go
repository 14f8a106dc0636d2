package watch

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/duration"
)

// The times that hold where the options name none.
const (
	DefaultSettle       = 5 * time.Second
	DefaultPolledSettle = 15 * time.Second // where events cannot be had
	DefaultPoll         = 30 * time.Second
	RescanEvery         = 5 * time.Minute // even where events arrive
)

// AudioExtensions are the extensions, in lower case, that are taken where a
// folder names no Include patterns.
var AudioExtensions = []string{
	".aac", ".aif", ".aifc", ".aiff", ".amr", ".flac", ".m4a", ".m4b", ".mp3", ".mp4", ".oga", ".ogg", ".opus",
	".wav", ".wave", ".weba", ".webm", ".wma",
	".al", ".alaw", ".g722", ".gsm", ".sln", ".sln16", ".ul", ".ulaw", // without a header, as telephone systems write them
}

// Rules are the options of a folder, read and checked. ParseRules makes them.
type Rules struct {
	Recursive bool
	Include   []string          // globs; empty: AudioExtensions
	Exclude   []string          // globs
	Settle    time.Duration     // 0: DefaultSettle, or DefaultPolledSettle when polled
	PollOff   bool              // never poll, whatever the file system
	PollEvery time.Duration     // 0: only where events cannot be had, every DefaultPoll
	Move      bool              // a transcribed source goes to done/
	Delete    bool              // a transcribed source is deleted
	MoveFail  bool              // a source that failed goes to failed/
	Metadata  map[string]string // templates, see Expand
}

// DoneDir and FailedDir are where sources go, below the watched folder.
const (
	DoneDir   = "done"
	FailedDir = "failed"
)

// Names of files that are still being made, or that are nobody's audio.
var (
	partialExtensions = []string{".part", ".partial", ".crdownload", ".download", ".tmp", ".temp", ".filepart", ".aria2"}
	siblingExtensions = []string{".part", ".crdownload", ".aria2"}
	systemPrefixes    = []string{"~$", ".syncthing.", ".goutputstream-", "._"}
	systemFiles       = []string{"thumbs.db", "desktop.ini"}
	systemDirs        = []string{"@eaDir", ".stfolder", ".stversions", "__MACOSX"}
)

// ParseRules reads the options that watching needs. Errors are api.Invalid and
// name the option.
func ParseRules(o api.FolderOptions) (Rules, error) {
	r := Rules{Recursive: o.Recursive, Include: o.Include, Exclude: o.Exclude, Metadata: o.Metadata}
	for _, glob := range slices.Concat(o.Include, o.Exclude) {
		if !doublestar.ValidatePattern(glob) {
			return Rules{}, api.Errorf(api.Invalid, "pattern %q is not a glob; write one such as *.mp3 or calls/**", glob)
		}
	}
	var err error
	if r.Settle, err = positive("settle", o.Settle); err != nil {
		return Rules{}, err
	}
	switch o.Poll {
	case "", api.Auto:
	case api.Off:
		r.PollOff = true
	default:
		if r.PollEvery, err = positive("poll", o.Poll); err != nil {
			return Rules{}, err
		}
	}
	switch o.After {
	case "", api.AfterLeave:
	case api.AfterMove:
		r.Move = true
	case api.AfterDelete:
		r.Delete = true
	default:
		return Rules{}, api.Errorf(api.Invalid, "after is %q; want leave, move or delete", o.After)
	}
	switch o.Failed {
	case "", api.AfterLeave:
	case api.AfterMove:
		r.MoveFail = true
	default:
		return Rules{}, api.Errorf(api.Invalid, "failed is %q; want leave or move", o.Failed)
	}
	return r, checkTemplates(o.Metadata)
}

func positive(option, s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := duration.Parse(s)
	if err != nil || d == 0 {
		return 0, api.Errorf(api.Invalid, "%s: got %q, want a duration such as 10s, 5m or 1d", option, s)
	}
	return d, nil
}

// IgnoredFile returns why the regular file at path is not taken, or "". The
// path is relative to the folder.
func (r Rules) IgnoredFile(file string) string {
	dir, name := path.Split(file)
	if dir != "" {
		if why := r.IgnoredDir(strings.TrimSuffix(dir, "/")); why != "" {
			return why
		}
	}
	return r.ignoredName(file, name)
}

// ignoredName is IgnoredFile for a file in a directory that is not ignored.
func (r Rules) ignoredName(file, name string) string {
	ext := strings.ToLower(path.Ext(name))
	switch {
	case hasPrefixOf(name, systemPrefixes), slices.Contains(systemFiles, strings.ToLower(name)):
		return "a file of the system or of another program"
	case name[0] == '.':
		return "hidden"
	case slices.Contains(partialExtensions, ext):
		return "an unfinished download (" + ext + ")"
	case slices.Contains(api.Formats, strings.TrimPrefix(ext, ".")):
		return "a transcript or a note, not audio"
	}
	if len(r.Include) == 0 && !slices.Contains(AudioExtensions, ext) {
		return "not a known audio extension; name it with --include"
	}
	if len(r.Include) > 0 && matching(r.Include, file, name) == "" {
		return "no include pattern takes it"
	}
	if glob := matching(r.Exclude, file, name); glob != "" {
		return "excluded by the pattern " + glob
	}
	return ""
}

// IgnoredDir returns why the directory at the relative path dir, or one above
// it, is not looked into, or "".
func (r Rules) IgnoredDir(dir string) string {
	if !r.Recursive {
		return "in a subfolder, and the folder is not watched recursively"
	}
	for end := 0; end < len(dir); {
		start := end
		if i := strings.IndexByte(dir[start:], '/'); i >= 0 {
			end += i
		} else {
			end = len(dir)
		}
		if why := r.ignoredDirName(dir[:end], dir[start:end]); why != "" {
			return why
		}
		end++
	}
	return ""
}

func (r Rules) ignoredDirName(dir, name string) string {
	switch {
	case slices.Contains(systemDirs, name), strings.HasPrefix(name, ".Trash"):
		return "in " + name + ", a folder of the system or of another program"
	case name == "" || name[0] == '.':
		return "in a hidden folder"
	case r.Move && dir == DoneDir:
		return "in done/, where transcribed files go"
	case r.MoveFail && dir == FailedDir:
		return "in failed/, where failed files go"
	}
	if glob := matching(r.Exclude, dir, name); glob != "" {
		return "excluded by the pattern " + glob
	}
	return ""
}

// matching returns the first glob that matches: one without a slash is for the
// name at any depth, others are for the whole path.
func matching(globs []string, whole, name string) string {
	for _, glob := range globs {
		subject := name
		if strings.Contains(glob, "/") {
			subject = whole
		}
		if ok, err := doublestar.Match(strings.TrimPrefix(glob, "/"), subject); ok && err == nil {
			return glob
		}
	}
	return ""
}

func hasPrefixOf(s string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}
