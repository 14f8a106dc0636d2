package listener

import "time"

// InheritedFrom is Inherited with the files that the service manager gave.
var InheritedFrom = inheritedFrom

// UnixEvery is Unix that looks after its socket as often as it is told.
var UnixEvery = unixEvery

// TCPConns is how many connections over TCP a process with so many files has.
var TCPConns = tcpConns

// LookAgain has the next Get of c look at the files.
func LookAgain(c *Certificate) { c.looked = time.Time{} }
