package vault

import "io/fs"

// openNoLink: to make a link takes a right here that users do not have.
const openNoLink = 0

// othersMay reports whether others may read or write a file. Here the access list
// decides, which a file takes over from its folder: that of a user's profile is
// closed to others.
func othersMay(fs.FileInfo) bool { return false }
