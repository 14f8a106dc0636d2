// Package service describes voxparse's daemon to the service manager of the
// system it runs on: a systemd user unit (with a socket unit, if asked for), a
// launchd agent, or a Windows logon task. It owns that outside contract: the
// file formats, where the files go, how values are quoted in each, and which
// commands make the manager take notice. The files are made the same on every
// system, so that each can be tested anywhere; only Install and Uninstall act
// on the machine, through a Runner.
package service
