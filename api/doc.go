// Package api has the JSON shapes of the HTTP API and of webhooks, ids, limits,
// error codes and the table of options. It imports the standard library only.
package api
