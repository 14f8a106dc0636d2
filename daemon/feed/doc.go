// Package feed tells whoever waits for a job what happens to it: synchronous
// submitters, event streams, the stream of all events. It follows the event
// log, so what it tells is committed. It hides how many wait, how slow they
// are, and how the log is read: one reader for all of them.
package feed
