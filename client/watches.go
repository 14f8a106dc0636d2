package client

import (
	"context"
	"net/http"

	"github.com/voxparse/voxparse/api"
)

// AddWatch makes a folder a drop folder.
func (c *Client) AddWatch(ctx context.Context, r api.FolderRequest) (api.Folder, error) {
	return ask[api.Folder](ctx, c, http.MethodPost, "/v1/watches", r)
}

// Watches lists the drop folders.
func (c *Client) Watches(ctx context.Context) ([]api.Folder, error) {
	var out api.List[api.Folder]
	err := c.call(ctx, http.MethodGet, "/v1/watches", nil, &out)
	return out.Items, err
}

// Watch returns one drop folder with the files that wait in it.
func (c *Client) Watch(ctx context.Context, id string) (api.Folder, error) {
	return ask[api.Folder](ctx, c, http.MethodGet, "/v1/watches/"+segment(id), nil)
}

// UpdateWatch changes the options that p names.
func (c *Client) UpdateWatch(ctx context.Context, id string, p api.FolderPatch) (api.Folder, error) {
	return ask[api.Folder](ctx, c, http.MethodPatch, "/v1/watches/"+segment(id), p)
}

// RemoveWatch stops watching a folder; its files stay.
func (c *Client) RemoveWatch(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/v1/watches/"+segment(id), nil, nil)
}

// PauseWatch stops taking files from a folder until ResumeWatch.
func (c *Client) PauseWatch(ctx context.Context, id string) (api.Folder, error) {
	return c.watchVerb(ctx, id, "pause")
}

// ResumeWatch takes files from a paused folder again.
func (c *Client) ResumeWatch(ctx context.Context, id string) (api.Folder, error) {
	return c.watchVerb(ctx, id, "resume")
}

// RescanWatch looks through a folder now.
func (c *Client) RescanWatch(ctx context.Context, id string) (api.Folder, error) {
	return c.watchVerb(ctx, id, "rescan")
}

func (c *Client) watchVerb(ctx context.Context, id, verb string) (api.Folder, error) {
	return ask[api.Folder](ctx, c, http.MethodPost, "/v1/watches/"+segment(id)+"/"+verb, nil)
}

// ExplainFile says what the daemon thinks of one file; path is absolute.
func (c *Client) ExplainFile(ctx context.Context, path string) (api.FolderFile, error) {
	return ask[api.FolderFile](ctx, c, http.MethodGet, "/v1/watches/explain"+query("path", path), nil)
}
