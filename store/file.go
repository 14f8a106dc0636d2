package store

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/voxparse/voxparse/api"
)

// FileStatus is where a file of a drop folder stands.
type FileStatus string

// The statuses of a file. What is not complete yet, or cannot be read, is not in
// the store.
const (
	FileQueued    FileStatus = "queued"    // its job is open
	FileDone      FileStatus = "done"      // transcribed
	FileSkipped   FileStatus = "skipped"   // a duplicate of one that is queued or done
	FileFailed    FileStatus = "failed"    // its job failed for good
	FileCancelled FileStatus = "cancelled" // its job was cancelled
	FileIgnored   FileStatus = "ignored"   // was there before the folder was watched
)

// FileStamp is what tells, without reading it, that a file is the same.
type FileStamp struct {
	Device uint64
	Inode  uint64
	Size   int64 // bytes
	MTime  time.Time
}

// Equal reports whether two stamps are of the same unchanged file.
func (s FileStamp) Equal(o FileStamp) bool {
	return s.Device == o.Device && s.Inode == o.Inode && s.Size == o.Size && s.MTime.Equal(o.MTime)
}

// FileRecord is a file of a drop folder that was complete once.
type FileRecord struct {
	Folder    string // id
	Path      string // below the folder; raw bytes
	Status    FileStatus
	Stamp     FileStamp // when it was hashed
	SHA256    string    // of the content, lower-case hex
	Options   string    // hash of the options that it was claimed under
	JobID     string    // of a duplicate: the job that has its transcript
	Reason    string    // one line for people
	ChangedAt time.Time
	Outputs   []string // paths of the files that we wrote for it
	MovedTo   string   // path below the folder that it was moved to; "" where it was not
	Gone      bool     // we moved or deleted it: a file of its name is another
}

// FileClaim asks for one file to be transcribed.
type FileClaim struct {
	Path    string
	Stamp   FileStamp
	SHA256  string
	Options string // hash of all that changes the transcript
	Job     Job    // to submit; the store sets its queue and its source's folder and path
	Skip    Finish // what to do with the file when it turns out to be a duplicate
}

// MaxFileClaims is how many claims go into one commit at most.
const MaxFileClaims = 500

// Same reports whether a file that is known as f has, by its claim, the content
// and the options that it was recorded with. Of one that is ignored only the
// content counts.
func (f *FileRecord) Same(c *FileClaim) bool {
	if f.Status == FileIgnored {
		return f.Stamp.Equal(c.Stamp) || f.SHA256 == c.SHA256
	}
	return f.SHA256 == c.SHA256 && f.Options == c.Options
}

// HasTranscript reports whether f has the transcript of its content, or will
// have it: then another file with that content is a duplicate.
func (f *FileRecord) HasTranscript() bool {
	switch f.Status {
	case FileQueued, FileDone, FileSkipped: // the last was done once, and came again
		return true
	}
	return false
}

// OutlivesFolder reports whether f is kept when its folder is removed, for the
// case that it is added again: what has its transcript, and is not waiting for
// that of another file.
func (f *FileRecord) OutlivesFolder(waits bool) bool {
	return f.Status == FileDone || f.Status == FileSkipped && !waits
}

// EndJob gives f the status that follows from its job, which has ended.
// retired is true when the content may be claimed by another file.
func (f *FileRecord) EndJob(j *Job) (retired bool) {
	switch j.Status {
	case api.Completed:
		f.Status, f.Reason = FileDone, ""
		return false
	case api.Failed:
		f.Status, f.Reason = FileFailed, j.Error.Message
	case api.Cancelled:
		f.Status, f.Reason = FileCancelled, "its job was cancelled"
	case api.Interrupted:
		f.Status, f.Reason = FileCancelled, "a backup was restored in which its job had not ended"
	}
	return true
}

// Finished takes over what became of the source.
func (f *FileRecord) Finished(res FinishResult) {
	f.Gone, f.MovedTo = res.Gone, res.MovedTo
	for _, o := range res.Outputs {
		if !slices.Contains(f.Outputs, o) {
			f.Outputs = append(f.Outputs, o)
		}
	}
	if res.Reason != "" {
		f.Reason = res.Reason
	}
}

// ContentScopes are the scopes in which a content is looked up. A file takes
// its content in each of them, so that a folder whose scope changes later still
// knows its contents.
var ContentScopes = []api.Dedupe{api.DedupeFolder, api.DedupeGlobal}

// ContentKey returns what names a content and the options that it is
// transcribed with, within a scope: two files of one key are duplicates.
func ContentKey(folder UID, scope api.Dedupe, sha, options string) []byte {
	h := sha256.New()
	if scope == api.DedupeGlobal {
		folder = UID{}
	}
	h.Write(folder[:])
	for _, s := range []string{sha, options} {
		h.Write(binary.AppendUvarint(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	return h.Sum(nil)
}
