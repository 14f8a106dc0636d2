// Package listener binds the addresses of the API: the Unix socket, which only
// our own user reaches, and TCP, with a bounded number of connections and TLS. It
// hides stale sockets, sockets that a service manager bound, who is at the other
// end of a connection, and certificates that are renewed.
package listener
