//go:build linux || darwin

package peer

import (
	"fmt"
	"net"
)

// UID returns the number of the user of the process at the other end of c.
func UID(c *net.UnixConn) (int, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, fmt.Errorf("reach the socket: %w", err)
	}
	var uid int
	var askErr error
	if err := raw.Control(func(fd uintptr) { uid, askErr = socketPeer(int(fd)) }); err != nil {
		return -1, fmt.Errorf("reach the socket: %w", err)
	}
	if askErr != nil {
		return -1, fmt.Errorf("ask for the peer: %w", askErr)
	}
	return uid, nil
}
