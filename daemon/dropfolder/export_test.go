package dropfolder

import "context"

// CleanUp has a folder remove what a crash left in it.
func CleanUp(ctx context.Context, fs *Folders, id string) error { return fs.get(id).cleanUp(ctx) }
