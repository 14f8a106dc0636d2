// Package peer tells who is at the other end of a Unix socket. It hides how each
// system is asked; where it does not tell, the answer is this user.
package peer
