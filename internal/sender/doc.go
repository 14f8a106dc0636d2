// Package sender makes one POST of an event to a webhook, and says what came of
// it. It hides the guard that keeps a webhook from reaching into a private
// network, the connections that are kept for the next attempt, and how a failure
// is told in a sentence.
package sender
