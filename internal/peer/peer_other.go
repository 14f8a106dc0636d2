//go:build !linux && !darwin

package peer

import (
	"net"
	"os"
)

// UID trusts the permissions of the socket's folder where the system does
// not tell who is at the other end.
func UID(*net.UnixConn) (int, error) { return os.Geteuid(), nil }
