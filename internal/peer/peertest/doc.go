// Package peertest lets tests act as another user of the machine, where they
// run as root on Linux.
package peertest
