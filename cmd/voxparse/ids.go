package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/client"
)

// jobID returns the id that a person means: a whole one as it is, "last" for
// the newest job, and the beginning of one where no other job begins so.
func jobID(ctx context.Context, c *client.Client, given string) (string, error) {
	if given == "last" {
		jobs, err := c.Jobs(ctx, client.JobQuery{Limit: 1})
		if err != nil {
			return "", err
		}
		if len(jobs) == 0 {
			return "", api.Errorf(api.NotFound, "there is no job yet; make one with: voxparse transcribe FILE")
		}
		return jobs[0].ID, nil
	}
	since, ok := beginsID(given, api.JobPrefix)
	if !ok {
		return given, nil
	}
	jobs, err := listJobs(ctx, c, client.JobQuery{Since: since}, mostSearched)
	if err != nil {
		return "", err
	}
	return theOne(given, jobs, func(j api.Job) string { return j.ID })
}

// webhookID does for webhooks what jobID does for jobs.
func webhookID(ctx context.Context, c *client.Client, given string) (string, error) {
	_, ok := beginsID(given, api.WebhookPrefix)
	if !ok && given != "last" {
		return given, nil
	}
	hooks, err := c.Webhooks(ctx)
	if err != nil {
		return "", err
	}
	if ok {
		return theOne(given, hooks, func(w api.Webhook) string { return w.ID })
	}
	var newest api.Webhook
	for _, w := range hooks {
		if w.ID > newest.ID { // ids are in the order of their making
			newest = w
		}
	}
	if newest.ID == "" {
		return "", api.Errorf(api.NotFound, "there is no webhook yet; add one with: voxparse webhooks add URL")
	}
	return newest.ID, nil
}

// mostSearched is how many jobs are looked at for one that begins as given.
const mostSearched = 5000

// beginsID reports whether s is the beginning of an id, but not a whole one, and
// since when what begins so can have been made.
func beginsID(s, prefix string) (since time.Time, ok bool) {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok || len(rest) < 4 || len(rest) >= ulid.EncodedSize {
		return since, false
	}
	first, err := ulid.ParseStrict(strings.ToUpper(rest + strings.Repeat("0", ulid.EncodedSize-len(rest))))
	if err != nil {
		return since, false
	}
	return ulid.Time(first.Time()).Add(-time.Second), true // a job may be stamped before its id is made
}

// theOne returns the one id that begins as given.
func theOne[T any](given string, list []T, id func(T) string) (string, error) {
	var found []string
	for _, it := range list {
		if strings.HasPrefix(id(it), strings.ToLower(given)) {
			found = append(found, id(it))
		}
	}
	switch len(found) {
	case 0:
		return "", api.Errorf(api.NotFound, "nothing begins with %s", given)
	case 1:
		return found[0], nil
	}
	return "", usageError{fmt.Sprintf("%s can be %s or %s; give more of it", given, found[0], found[1])}
}
