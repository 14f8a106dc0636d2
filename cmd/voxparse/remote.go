package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// remote returns the base URL of a daemon that is reached over TCP, "" for our
// own.
func (a *app) remote() string {
	if a.socket != "" {
		return ""
	}
	return os.Getenv("VOXPARSE_URL")
}

// machineOnly are the commands that act on this machine alone, with those below
// them. "daemon run" is not one of them: it may stand in a service's
// environment.
var machineOnly = []string{
	"voxparse daemon start", "voxparse daemon stop", "voxparse daemon restart", "voxparse daemon logs", "voxparse daemon install",
	"voxparse daemon uninstall", "voxparse daemon backup", "voxparse daemon restore", "voxparse daemon compact", "voxparse doctor", "voxparse keys", "voxparse models",
}

// checkRemote refuses a command that acts on this machine while VOXPARSE_URL
// names another: whoever set it means the daemon there.
func (a *app) checkRemote(c *cobra.Command) error {
	base := a.remote()
	if base == "" {
		return nil
	}
	for _, name := range machineOnly {
		if c.CommandPath() == name || strings.HasPrefix(c.CommandPath(), name+" ") {
			return usagef("VOXPARSE_URL is set, and %q acts on this machine alone, not on the daemon at that address\n"+
				"run it on that machine, or for this one: VOXPARSE_URL= %s", c.CommandPath(), c.CommandPath())
		}
	}
	return nil
}
