package daemon

import (
	systemd "github.com/coreos/go-systemd/v22/daemon"
)

// notifySystemd tells a service manager that waits for it how we are. Without
// one it does nothing, and a failure changes nothing for us.
func notifySystemd(state string) {
	switch state {
	case stateOK:
		_, _ = systemd.SdNotify(false, systemd.SdNotifyReady)
	case stateStopping:
		_, _ = systemd.SdNotify(false, systemd.SdNotifyStopping)
	}
}
