// Package eventbody makes the bytes of an event: Completed, Failed and Test make
// a body once, Result the part of it that a synchronous submission answers, and
// Metadata checks at submission what every event echoes. It hides the rules under
// which a body survives JSON.parse and JSON.stringify, and how a long result is
// cut to fit.
package eventbody
