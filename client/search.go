package client

import (
	"context"
	"net/http"

	"github.com/voxparse/voxparse/api"
)

// Search finds transcripts in which all words of q were said, best first; at
// most limit, 20 when 0.
func (c *Client) Search(ctx context.Context, q string, limit int) ([]api.SearchHit, error) {
	var out api.List[api.SearchHit]
	err := c.call(ctx, http.MethodGet, "/v1/search"+query("q", q, "limit", number(limit)), nil, &out)
	return out.Items, err
}
