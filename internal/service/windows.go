package service

import (
	"strings"

	"github.com/voxparse/voxparse/api"
)

// taskName is the name of the Windows logon task.
const taskName = "voxparse"

// task returns the definition of a Windows logon task, schema 1.2. It runs
// with the user's own rights, hidden, on batteries too, without a time limit,
// and is started again up to ten times when it fails. The daemon's variables
// cannot be given in a task, so they go before the program by way of cmd.
func (s Spec) task() []byte {
	user := ""
	if s.User != "" {
		user = "<UserId>" + escapeXML(s.User) + "</UserId>"
	}
	program, args := s.taskCommand()
	return []byte(`<?xml version="1.0" encoding="UTF-8"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>voxparse: audio to text on this machine</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger><Enabled>true</Enabled>` + user + `</LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">` + user + `<LogonType>InteractiveToken</LogonType><RunLevel>LeastPrivilege</RunLevel></Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <Hidden>true</Hidden>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>7</Priority>
    <RestartOnFailure><Interval>PT1M</Interval><Count>10</Count></RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>` + escapeXML(program) + `</Command>
      <Arguments>` + escapeXML(args) + `</Arguments>
    </Exec>
  </Actions>
</Task>
`)
}

// checkTask refuses what cmd would not hand on as it is: it has no way to quote
// a percent sign or a quote within a command line.
func (s Spec) checkTask() error {
	if len(s.Env) == 0 {
		return nil // no cmd between
	}
	values := append([]string{s.Program}, s.Args...)
	for _, name := range s.envNames() {
		values = append(values, s.Env[name])
	}
	for _, v := range values {
		if strings.ContainsAny(v, `%"`) {
			return api.Errorf(api.Invalid, "%s has a percent sign or a quote, which a logon task cannot hold; write the setting into the config file", v)
		}
	}
	return nil
}

// taskCommand returns the program of the task and its argument string.
func (s Spec) taskCommand() (program, args string) {
	words := make([]string, 0, len(s.Args))
	for _, a := range s.Args {
		words = append(words, quoteWindows(a))
	}
	if len(s.Env) == 0 {
		return s.Program, strings.Join(words, " ")
	}
	var b strings.Builder
	b.WriteString("/d /s /c \"")
	for _, name := range s.envNames() {
		b.WriteString(`set "` + name + "=" + s.Env[name] + `"&& `)
	}
	b.WriteString(quoteWindows(s.Program) + " " + strings.Join(words, " ") + `"`)
	return "cmd.exe", b.String()
}

// quoteWindows quotes a word as CommandLineToArgvW reads it back, and so that
// cmd takes nothing in it for its own.
func quoteWindows(v string) string {
	if v != "" && !strings.ContainsAny(v, " \t\"&|<>^()") {
		return v
	}
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for i := range len(v) {
		switch v[i] {
		case '\\':
			slashes++
			continue
		case '"':
			b.WriteString(strings.Repeat(`\`, 2*slashes+1))
		default:
			b.WriteString(strings.Repeat(`\`, slashes))
		}
		slashes = 0
		b.WriteByte(v[i])
	}
	b.WriteString(strings.Repeat(`\`, 2*slashes) + `"`)
	return b.String()
}
