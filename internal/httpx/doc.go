// Package httpx holds what the HTTP clients of the program have in common: how
// long a server asks to be left alone, bodies of bounded length, and redirects
// that are not followed.
//
// It hides the forms of the Retry-After header (RFC 9110, section 10.2.3).
package httpx
