// Package jobs turns queued jobs into results: it claims them, has them
// transcribed and refined, and commits what came of each. It hides the leases,
// the order in which queues have their turn, the worker processes and remote
// engines, the models that are fetched first, and what an error means for
// another try. Where the audio of a job comes from and where its result goes is a
// Source: the spool here, or a drop folder.
package jobs
