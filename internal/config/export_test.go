package config

// MaxSocketPath is how many bytes the path of a socket may have.
const MaxSocketPath = maxSocketPath

// DefaultSocket is where the socket is where nothing names another place.
func DefaultSocket(env func(string) string) string { return defaultSocket(env) }
