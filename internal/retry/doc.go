// Package retry says how long to wait before something is tried again, and
// waits. Every wait is drawn at random around its target, so that what failed
// together does not come back together.
//
// It hides the library that makes the random numbers and the growing waits.
package retry
