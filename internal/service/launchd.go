package service

import (
	"bytes"
	"encoding/xml"
	"strconv"
	"strings"
)

// label is the name of the launchd agent.
const label = "com.voxparse.daemon"

// plist returns the launchd agent. It is started at log-in and again when it
// ends other than with exit code 0; a daemon that crashes at once is started at
// most every ten seconds.
func (s Spec) plist() []byte {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>` + label + `</string>
	<key>ProgramArguments</key>
	<array>
`)
	for _, a := range append([]string{s.Program}, s.Args...) {
		b.WriteString("\t\t<string>" + escapeXML(a) + "</string>\n")
	}
	b.WriteString("\t</array>\n")
	if len(s.Env) > 0 {
		b.WriteString("\t<key>EnvironmentVariables</key>\n\t<dict>\n")
		for _, name := range s.envNames() {
			b.WriteString("\t\t<key>" + escapeXML(name) + "</key>\n\t\t<string>" + escapeXML(s.Env[name]) + "</string>\n")
		}
		b.WriteString("\t</dict>\n")
	}
	if s.LogFile != "" {
		for _, key := range []string{"StandardOutPath", "StandardErrorPath"} {
			b.WriteString("\t<key>" + key + "</key>\n\t<string>" + escapeXML(s.LogFile) + "</string>\n")
		}
	}
	b.WriteString(`	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ThrottleInterval</key>
	<integer>10</integer>
	<key>ExitTimeOut</key>
	<integer>` + strconv.Itoa(int(s.stopLimit().Seconds())) + `</integer>
	<key>ProcessType</key>
	<string>Background</string>
	<key>Umask</key>
	<integer>63</integer>
</dict>
</plist>
`)
	return []byte(b.String())
}

// escapeXML escapes v for the text of an XML element.
func escapeXML(v string) string {
	var b bytes.Buffer
	// EscapeText fails only when the writer does; a bytes.Buffer does not.
	_ = xml.EscapeText(&b, []byte(v))
	return b.String()
}
