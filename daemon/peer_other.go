//go:build !linux && !darwin

package daemon

import (
	"net"
	"os"
)

// peerUID trusts the permissions of the socket's folder where the system does
// not tell who is at the other end.
func peerUID(*net.UnixConn) (int, error) { return os.Geteuid(), nil }
