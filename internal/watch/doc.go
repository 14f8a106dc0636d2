// Package watch names a file once it is complete, and finishes it once its
// transcript is safe. It hides how a file system tells of changes (inotify and
// its kin, their limits and losses, polling), how to know that nobody writes a
// file any more, and how to write beside, move or delete a file that belongs
// to somebody else without ever losing it. It knows no store and makes no job:
// whoever uses it gives it two functions and keeps what they are told.
//
// # Watching
//
// A [Watcher] watches one folder. Known answers whether files, by their paths
// and their [Stat], are accounted for; Ready takes files that are complete, with the
// SHA-256 of their content, and returns once they are recorded durably:
//
//	rules, err := watch.ParseRules(folder.Options)
//	w, err := watch.New(watch.Options{
//		Place: watch.Place{Dir: folder.Dir, Identity: recorded},
//		Rules: rules,
//		Known: func(ctx context.Context, files []watch.Found) []watch.Seen { … },
//		Ready: func(ctx context.Context, files []watch.Candidate) error { … },
//		Adopted: func(id watch.Identity) error { … },
//	})
//	go w.Run(ctx)
//
// A file that Ready accepted and Known then knows is never named again, until
// its inode, size or mtime changes. Events, scans and polls only say where to
// look, so none of them can name a file twice, and a lost event costs time, not
// a file.
//
// The journey of a file: an event or a scan marks its path; the checker looks
// at it until two looks, the settle time apart, agree; a hasher asks the kernel
// whether a writer has it open, hashes it and looks again; the deliverer hands
// it to Ready, up to 500 at once, first complete first.
//
// # Finishing
//
// A [Finisher] works on the same folder after the transcript is made:
//
//	outs, err := f.Write(ctx, source, contents, ours, record) // before the commit
//	… one transaction: the job is done, outs and an Intent are recorded …
//	outcome, err := f.Finish(ctx, intent)                      // after it
//	… the outcome is recorded, the intent removed …
//
// Both may be repeated after a crash at any point, with the same end: on start,
// call Finish for every intent that is still recorded. Errors for which
// errors.Is(err, api.Unavailable) holds (no space, no permission, volume
// unplugged) change nothing and go away by themselves: try again later.
//
// # Paths
//
// Every path here is relative to the folder, separated by slashes, and made of
// raw bytes: it need not be UTF-8, and two paths that differ only by Unicode
// form are two files. Keep them as bytes; show them with [Printable].
package watch
