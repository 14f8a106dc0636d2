// Package daemon is the long-running half of voxparse. It puts the parts
// together and owns what runs: the HTTP API on the Unix socket and on TCP, the
// loop that turns jobs into transcripts, and the loop that delivers webhooks.
// It hides their order at start and stop: whoever calls it sees New, Run and
// Close.
//
// State lives in package store alone. A daemon that is killed at any moment
// and started again goes on where it was: what it had accepted is on disk, and
// what was in flight is due again, uncharged.
package daemon
