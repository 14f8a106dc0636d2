// Package dropfolder stands between the watcher of folders and the store: it
// claims each file that is complete, once, and does what is to be done with it
// when its job has ended. It hides how a crash between any two steps is made good,
// when a folder is paused because its results cannot be written, and which
// folders may be watched at all. To the runner of jobs it is a jobs.Source.
package dropfolder
