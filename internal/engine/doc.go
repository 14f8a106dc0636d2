// Package engine runs the worker processes that turn audio into text. It hides
// that they are processes: their line protocol, how they are found, started,
// watched, killed and started again, and how the cores of the machine are
// shared between the files that are recognized at the same time.
//
// It also speaks with engines on other machines, which are Transcribers like
// the pool. Why a file was not transcribed is an *Error; see Pool.Transcribe
// for what is to count as an attempt.
package engine
