package client

import (
	"context"
	"io"
	"net/http"

	"github.com/voxparse/voxparse/api"
)

// Backup writes the daemon's database, as it is at this moment, to w. After an
// error what was written is not whole.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	req, err := c.request(ctx, http.MethodGet, "/v1/daemon/backup", nil)
	if err != nil {
		return err
	}
	resp, err := c.send(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(w, resp.Body); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return api.Errorf(api.Unavailable, "the backup broke off: %v", err)
	}
	return nil
}
