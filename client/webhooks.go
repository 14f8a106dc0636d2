package client

import (
	"context"
	"net/http"

	"github.com/voxparse/voxparse/api"
)

// CreateWebhook adds a webhook. The answer bears its secret, which is never
// shown again.
func (c *Client) CreateWebhook(ctx context.Context, w api.WebhookPatch) (api.Webhook, error) {
	return ask[api.Webhook](ctx, c, http.MethodPost, "/v1/webhooks", w)
}

// Webhooks lists every webhook.
func (c *Client) Webhooks(ctx context.Context) ([]api.Webhook, error) {
	var out api.List[api.Webhook]
	err := c.call(ctx, http.MethodGet, "/v1/webhooks", nil, &out)
	return out.Items, err
}

// Webhook returns one webhook.
func (c *Client) Webhook(ctx context.Context, id string) (api.Webhook, error) {
	return ask[api.Webhook](ctx, c, http.MethodGet, "/v1/webhooks/"+segment(id), nil)
}

// UpdateWebhook changes the fields of p that are not nil.
func (c *Client) UpdateWebhook(ctx context.Context, id string, p api.WebhookPatch) (api.Webhook, error) {
	return ask[api.Webhook](ctx, c, http.MethodPatch, "/v1/webhooks/"+segment(id), p)
}

// DeleteWebhook removes a webhook. While something is on its way to it that is
// api.Conflict, unless force is set: then that is cancelled.
func (c *Client) DeleteWebhook(ctx context.Context, id string, force bool) error {
	return c.call(ctx, http.MethodDelete, "/v1/webhooks/"+segment(id)+query("force", flag(force)), nil, nil)
}

// HoldWebhook holds a temporary webhook until ctx ends; the daemon removes it
// soon after. A broken connection is made again for up to 30 s. The error is
// api.NotFound once the webhook is gone.
func (c *Client) HoldWebhook(ctx context.Context, id string) error {
	return c.stream(ctx, "/v1/webhooks/"+segment(id)+"/hold", "", func(message) error { return nil })
}

// TestWebhook sends a webhook.test event and returns its delivery.
func (c *Client) TestWebhook(ctx context.Context, id string) (api.Delivery, error) {
	return ask[api.Delivery](ctx, c, http.MethodPost, "/v1/webhooks/"+segment(id)+"/test", nil)
}

// RotateSecret makes a new secret, which the answer bears.
func (c *Client) RotateSecret(ctx context.Context, id string, r api.RotateRequest) (api.Webhook, error) {
	return ask[api.Webhook](ctx, c, http.MethodPost, "/v1/webhooks/"+segment(id)+"/rotate-secret", r)
}

// EnableWebhook activates a webhook, releases what was held for it and, where r
// has a Since, sends again what failed from then on.
func (c *Client) EnableWebhook(ctx context.Context, id string, r api.ReplayRequest) (api.Webhook, error) {
	return ask[api.Webhook](ctx, c, http.MethodPost, "/v1/webhooks/"+segment(id)+"/enable", r)
}

// Replay sends deliveries of a time window again, in the background.
func (c *Client) Replay(ctx context.Context, id string, r api.ReplayRequest) (api.ReplayAnswer, error) {
	return ask[api.ReplayAnswer](ctx, c, http.MethodPost, "/v1/webhooks/"+segment(id)+"/replay", r)
}

// DeliveryQuery narrows a listing of deliveries.
type DeliveryQuery struct {
	Limit  int // at most 100
	Offset int
	Status api.DeliveryStatus
	JobID  string
}

// Deliveries lists the delivery log of a webhook, newest first.
func (c *Client) Deliveries(ctx context.Context, webhookID string, q DeliveryQuery) ([]api.Delivery, error) {
	var out api.List[api.Delivery]
	err := c.call(ctx, http.MethodGet, "/v1/webhooks/"+segment(webhookID)+"/deliveries"+query("limit", number(q.Limit),
		"offset", number(q.Offset), "status", string(q.Status), "job_id", q.JobID), nil, &out)
	return out.Items, err
}

// Delivery returns one delivery with its attempts; id is the delivery's or one
// of its attempts'.
func (c *Client) Delivery(ctx context.Context, id string) (api.Delivery, error) {
	return ask[api.Delivery](ctx, c, http.MethodGet, "/v1/deliveries/"+segment(id), nil)
}

// Redeliver sends a delivery's event again: the same body and event id, a new
// delivery.
func (c *Client) Redeliver(ctx context.Context, id string) (api.Delivery, error) {
	return ask[api.Delivery](ctx, c, http.MethodPost, "/v1/deliveries/"+segment(id)+"/redeliver", nil)
}
