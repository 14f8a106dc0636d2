package client

import (
	"context"
	"errors"
	"net/http"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/retry"
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

// SearchIndexed is Search that asks again until the daemon has read what is
// stored into its index. busy is told meanwhile how far that is.
func (c *Client) SearchIndexed(ctx context.Context, r api.SearchRequest, busy func(message string)) ([]api.SearchHit, error) {
	for {
		hits, err := c.Search(ctx, r)
		var refused *api.Error
		if !errors.As(err, &refused) || refused.Code != api.Unavailable || refused.RetryAfter <= 0 {
			return hits, err
		}
		busy(refused.Message)
		if err := retry.Sleep(ctx, retry.NotBefore(refused.RetryAfter)); err != nil {
			return nil, err
		}
	}
}
