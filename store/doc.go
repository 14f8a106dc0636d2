// Package store says what a store of jobs, webhooks, deliveries and drop
// folders keeps and promises: the records, their ids, the rules of the
// business, and one interface for each role that a part of the program plays
// towards a store. It hides which backend is used: store/boltstore is the one
// in a single file, and store/spool keeps the audio that jobs still need. One
// method is one transition on one job or delivery. What each promises is held
// by the suite in storetest, which every backend has to pass.
//
// # Errors
//
// Unavailable means that nothing happened, and Unknown that it may have: then
// Failed is closed and the store refuses all further calls.
//
// # Rights
//
// A claim gives a token: the id and the revision that the claim wrote. Extend
// leaves the revision alone; every other change of a job or delivery makes it
// grow, and with it every older token stale. How the last token was spent is
// kept, so that a repeat of the same call is nil.
//
// # Files
//
// A file of a drop folder is known by its folder and its path in raw bytes.
// Claiming files makes their jobs in the same commit. When such a job ends,
// what is to be done with the source is recorded with it, and stays listed by
// PendingFinishes until FinishDone. The stamp and hash in a file's record save
// hashing it again.
package store
