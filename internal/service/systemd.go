package service

import (
	"fmt"
	"strings"
)

const (
	unitName   = "voxparse.service"
	socketName = "voxparse.socket"
)

// unit returns the systemd user unit. Type=notify and WatchdogSec go with the
// daemon's own sd_notify calls. OOMPolicy=continue: when the kernel ends a
// worker for its memory, the daemon must live to charge the attempt. KillMode
// mixed: the daemon hears SIGTERM and tells its workers itself.
func (s Spec) unit() []byte {
	var b strings.Builder
	b.WriteString("[Unit]\nDescription=voxparse: audio to text on this machine\n")
	if s.Socket {
		b.WriteString("Requires=" + socketName + "\nAfter=" + socketName + "\n")
	}
	b.WriteString("StartLimitIntervalSec=300\nStartLimitBurst=10\n")
	b.WriteString("\n[Service]\nType=notify\nNotifyAccess=main\n")
	b.WriteString("ExecStart=" + quoteUnit(s.Program)) // $ is not special in the program itself
	for _, a := range s.Args {
		b.WriteString(" " + quoteExec(a))
	}
	b.WriteString("\n")
	for _, name := range s.envNames() {
		b.WriteString("Environment=" + quoteUnit(name+"="+s.Env[name]) + "\n")
	}
	fmt.Fprintf(&b, "TimeoutStopSec=%d\n", int(s.stopLimit().Seconds()))
	b.WriteString(`WatchdogSec=60
Restart=on-failure
RestartSec=2
TimeoutStartSec=180
KillMode=mixed
OOMPolicy=continue
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
Slice=background.slice

[Install]
WantedBy=default.target
`)
	return []byte(b.String())
}

// socketUnit returns the unit of the socket that starts the daemon on demand.
func (s Spec) socketUnit() []byte {
	path := "%t/voxparse/voxparse.sock"
	if s.Listen != "" {
		path = strings.ReplaceAll(s.Listen, "%", "%%") // the rest of the line is the value, as it is
	}
	return []byte(`[Unit]
Description=voxparse: socket

[Socket]
ListenStream=` + path + `
SocketMode=0600
DirectoryMode=0700

[Install]
WantedBy=sockets.target
`)
}

// quoteUnit quotes a value for a unit file: systemd.syntax(7). Specifiers are
// escaped, so that a % in a path stays a %.
func quoteUnit(v string) string {
	v = strings.ReplaceAll(v, "%", "%%")
	if v != "" && !strings.ContainsFunc(v, needsQuote) {
		return v
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(v) {
		switch c := v[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// quoteExec quotes an argument of a command line, in which $ names a variable.
func quoteExec(v string) string { return quoteUnit(strings.ReplaceAll(v, "$", "$$")) }

func needsQuote(r rune) bool {
	return r <= ' ' || r == '"' || r == '\'' || r == '\\' || r == ';' || r == '#' || r == 0x7f
}
