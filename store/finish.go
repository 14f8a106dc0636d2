package store

import "github.com/voxparse/voxparse/api"

// What is to be done with a source, in Finish.Action.
const (
	FinishLeave  = string(api.AfterLeave)
	FinishMove   = string(api.AfterMove)
	FinishDelete = string(api.AfterDelete)
	// FinishDecide is what the store writes when the job failed: the
	// daemon writes the error file and does what the folder says for failures.
	FinishDecide = "decide"
)

// Finish is what is left to do with a file, recorded before it is done. The
// source may only be touched while its content is the one recorded here.
type Finish struct {
	Folder  string // set by the store, like Path, JobID, Stamp and SHA256
	Path    string
	JobID   string
	Stamp   FileStamp
	SHA256  string
	Action  string   // FinishLeave or "" for nothing
	To      string   // of a move: the wanted path below the folder
	Outputs []string // paths of the files that were written for it
	Reason  string   // one line for people
}

// FinishResult is what became of a source.
type FinishResult struct {
	Gone    bool     // it was moved or deleted
	MovedTo string   // path below the folder
	Outputs []string // files written meanwhile, such as an error file
	Reason  string   // one line for people, where it was left
}

// Planned reports whether there is something to do.
func (f *Finish) Planned() bool { return f.Action != "" && f.Action != FinishLeave }

// For returns the plan for a file as it is recorded.
func (f Finish) For(r *FileRecord) Finish {
	f.Folder, f.Path, f.JobID, f.Stamp, f.SHA256 = r.Folder, r.Path, r.JobID, r.Stamp, r.SHA256
	return f
}

// Same reports whether two plans are for the same file with the same job.
func (f *Finish) Same(o *Finish) bool {
	return f.JobID == o.JobID && f.SHA256 == o.SHA256 && f.Stamp.Equal(o.Stamp)
}
