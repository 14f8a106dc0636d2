package client

import (
	"context"
	"net/http"

	"github.com/voxparse/voxparse/api"
)

// Doctor has the daemon examine itself and the machine. With probe it also asks
// the webhooks' receivers whether they can be reached. Only the socket has it.
// Hashing large models takes a while: give ctx a deadline of minutes.
func (c *Client) Doctor(ctx context.Context, probe bool) (api.Checkup, error) {
	if probe {
		return ask[api.Checkup](ctx, c, http.MethodPost, "/v1/doctor?probe=1", nil)
	}
	return ask[api.Checkup](ctx, c, http.MethodGet, "/v1/doctor", nil)
}
