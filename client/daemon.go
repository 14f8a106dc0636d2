package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/voxparse/voxparse/api"
)

// Backup writes a backup of the daemon's data, as it is at this moment, to w:
// a tar file. With a passphrase the master key is in it, sealed. After an error
// what was written is not whole.
func (c *Client) Backup(ctx context.Context, w io.Writer, passphrase string) error {
	method, body := http.MethodGet, io.Reader(nil)
	if passphrase != "" {
		data, err := json.Marshal(map[string]string{"passphrase": passphrase})
		if err != nil {
			return err
		}
		method, body = http.MethodPost, bytes.NewReader(data)
	}
	req, err := c.request(ctx, method, "/v1/daemon/backup", body)
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
