// Package dispatch sends events to webhooks: it claims the deliveries that are
// due, fairly, makes the attempts, and records what came of each. It hides how
// many requests are under way and claimed, in what order webhooks have their
// turn, and what a failure means for the next try. It also sends again what is
// asked for (Replays), and removes temporary webhooks that nobody holds (Leases).
package dispatch
