// Package api holds the words that voxparse's daemon, its command line and its
// users' programs share: the JSON shapes of the HTTP API and of webhooks, the
// forms of ids, the limits, and the error codes. It imports the standard
// library only, so that anyone can import it.
package api
