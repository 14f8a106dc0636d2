// Package daemontest holds what the tests of the daemon and of its parts share:
// folders, settings, a transcriber and a receiver of webhooks.
package daemontest
