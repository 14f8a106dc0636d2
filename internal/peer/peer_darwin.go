package peer

import "golang.org/x/sys/unix"

// socketPeer asks the system for the user id at the other end of a socket.
func socketPeer(fd int) (int, error) {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return -1, err
	}
	return int(cred.Uid), nil
}
