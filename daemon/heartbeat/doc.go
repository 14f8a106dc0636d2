// Package heartbeat tells a loop with nothing to do from one that hangs.
package heartbeat
