// Package boltstore is the store in one bbolt file, for one process at a time.
// It hides bbolt, the layout of the file, the committer and what is kept in
// memory.
//
// # Commits
//
// All changes go through one committer: while a commit is being written the
// next transitions queue up, and are then run one after the other and
// committed together. A transition that fails has no part in the commit. A
// call returns once its change is durable.
//
// # What is derived
//
// Queue entries, indexes and counts follow from the records and are written
// with them; Check compares the two. Three things are derived when they are
// read, and cost the same for one delivery as for a million:
//   - A delivery that waits while its webhook is inactive is held. Disabling
//     and enabling change the webhook's record alone.
//   - Which delivery of a webhook is due first, and which are in flight, is
//     kept in memory for each webhook, and read from its queue at open.
//   - The id of an attempt is the delivery's with the number of the claim in
//     its last two bytes, so that either finds the delivery.
package boltstore
