// Package indexer keeps the full-text index of the transcripts in step with the
// event log, and answers questions from it. The index is derived data: it is
// opened by the first question, brought up to date from the store, and closed
// again when nobody asks, so that whoever never searches pays nothing. The
// package hides when that happens, and that an index may be missing, damaged or
// of another database.
package indexer
