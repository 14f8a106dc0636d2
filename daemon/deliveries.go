package daemon

import (
	"cmp"
	"net/http"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/store"
)

func (d *Daemon) listDeliveries(w http.ResponseWriter, r *http.Request) error {
	q := query{values: r.URL.Query()}
	states := []string{"pending", "delivering", "delivered", "failed_permanent", "held", "cancelled"}
	filter := store.DeliveryFilter{
		Webhook: r.PathValue("id"),
		State:   api.DeliveryState(cmp.Or(q.choice("state", states...), q.choice("status", states...))), // jobs say status
		Job:     q.text("job_id"), Since: q.time("since"), Until: q.time("until"),
	}
	limit, offset := q.number("limit", api.DefaultListLimit, 1, api.MaxListLimit), q.number("offset", 0, 0, 1<<31)
	if err := q.done(); err != nil {
		return err
	}
	if _, err := d.db.Webhook(r.Context(), filter.Webhook); err != nil {
		return err
	}
	recs, err := d.deliveriesPage(r, filter, offset, limit)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, api.List[api.Delivery]{Items: viewAll(recs, func(rec store.Delivery) api.Delivery { return viewDelivery(rec, nil) })})
	return nil
}

// deliveriesPage skips offset records and returns the next limit.
func (d *Daemon) deliveriesPage(r *http.Request, filter store.DeliveryFilter, offset, limit int) ([]store.Delivery, error) {
	cursor := ""
	for {
		recs, next, err := d.db.Deliveries(r.Context(), filter, cursor, min(offset+limit, api.MaxListLimit))
		if err != nil {
			return nil, err
		}
		if offset < len(recs) {
			recs = recs[offset:]
			return recs[:min(limit, len(recs))], nil
		}
		offset -= len(recs)
		if next == "" {
			return nil, nil
		}
		cursor = next
	}
}

func (d *Daemon) showDelivery(w http.ResponseWriter, r *http.Request) error {
	rec, attempts, err := d.db.Delivery(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, viewDelivery(rec, attempts))
	return nil
}

func (d *Daemon) redeliver(w http.ResponseWriter, r *http.Request) error {
	rec, err := d.db.Redeliver(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusAccepted, viewDelivery(rec, nil))
	return nil
}
