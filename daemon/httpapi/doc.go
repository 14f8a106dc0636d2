// Package httpapi is the HTTP API of the daemon, the same on the Unix socket
// and on TCP but for what is the socket's own. It reads requests, has the other
// parts do what they ask for, and answers in the words of package api. It hides
// HTTP from them: forms, limits on slow clients, server-sent events, who may
// ask for what, and the status that belongs to an error.
package httpapi
