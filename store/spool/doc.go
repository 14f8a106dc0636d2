// Package spool keeps the audio of jobs as files of one folder: each durable
// before it has a name that anybody is told. It hides the names of the files,
// the syncing of their folder for many uploads at once, and what errors of the
// disk mean to whoever sent the audio.
package spool
