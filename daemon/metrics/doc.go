// Package metrics counts what the daemon does and shows it in the format of
// Prometheus. It hides that library: the other parts say what happened in
// words of their own. No label holds a name, an address or an id that a user
// gave.
package metrics
