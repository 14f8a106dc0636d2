package daemon

import "net/http"

// folderRoutes adds the routes of the drop folders. The job loop serves their
// queues already.
func (d *Daemon) folderRoutes(*http.ServeMux) {}
