// Package store makes every state change of jobs, webhooks, deliveries and
// drop folders, and keeps the audio that jobs still need. It hides bbolt: its
// methods speak of jobs, deliveries and files, and one exported method is one
// transition on one of them. What each promises is held by the suite in
// storetest, which another backend has to pass as well.
//
// # Commits
//
// All changes go through one committer: while a commit is being written the
// next transitions queue up, and are then run one after the other and
// committed together. A transition that fails has no part in the commit. A
// call returns once its change is durable. Unavailable means that nothing
// happened, and Unknown that it may have: then Failed is closed and the store
// refuses all further calls.
//
// # Rights
//
// A claim gives a token: the id and the revision that the claim wrote. Extend
// and Progress leave the revision alone; every other change of a job or
// delivery makes it grow, and with it every older token stale. How the last
// token was spent is kept, so that a repeat of the same call is nil.
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
//
// # Files
//
// A file of a drop folder is known by its folder and its path in raw bytes.
// Claiming files makes their jobs in the same commit. When such a job ends,
// what is to be done with the source is recorded with it, and stays listed by
// PendingFinishes until FinishDone. The stamp and hash in a file's record save
// hashing it again.
package store
