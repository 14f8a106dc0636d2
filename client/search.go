package client

import (
	"context"
	"net/http"

	"github.com/voxparse/voxparse/api"
)

// Search finds transcripts in which all words of r were said, best first. It
// gives api.Unavailable with RetryAfter while the daemon still reads stored
// transcripts into its index: ask again then.
func (c *Client) Search(ctx context.Context, r api.SearchRequest) ([]api.SearchHit, error) {
	var out api.List[api.SearchHit]
	err := c.call(ctx, http.MethodGet, "/v1/search"+query("q", r.Words, "speaker", r.Speaker, "since", stamp(r.Since), "until", stamp(r.Until),
		"limit", number(r.Limit), "offset", number(r.Offset)), nil, &out)
	return out.Items, err
}
