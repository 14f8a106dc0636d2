package httpapi

import (
	"net/http"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/search"
)

func (srv *server) searchTranscripts(w http.ResponseWriter, r *http.Request) error {
	q := query{values: r.URL.Query()}
	request := api.SearchRequest{
		Words: q.text("q"), Speaker: q.text("speaker"), Since: q.time("since"), Until: q.time("until"),
		Limit: q.number("limit", api.DefaultListLimit, 1, api.MaxListLimit), Offset: q.number("offset", 0, 0, search.MaxOffset),
	}
	if err := q.done(); err != nil {
		return err
	}
	hits, err := srv.cfg.Search.Search(r.Context(), request)
	if err != nil {
		return err
	}
	list := api.List[api.SearchHit]{Items: hits}
	if len(hits) == request.Limit {
		request.Offset, request.Limit = request.Offset+request.Limit, 1
		after, err := srv.cfg.Search.Search(r.Context(), request)
		if err != nil {
			return err
		}
		list.HasMore = len(after) > 0
	}
	writeJSON(w, http.StatusOK, list)
	return nil
}
