package jobs

import (
	"context"
	"fmt"
	"sync"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/internal/config"
	"github.com/voxparse/voxparse/internal/duration"
	"github.com/voxparse/voxparse/internal/engine"
	"github.com/voxparse/voxparse/internal/vault"
)

// cloudURL is where the VoxParse cloud is, unless the settings name another.
const cloudURL = "https://api.voxparse.com"

// remotes are the remote engines of the settings, each made once: it keeps its
// rate limit over all jobs.
type remotes struct {
	mu   sync.Mutex
	made map[string]engine.Transcriber
}

// get returns the engine that an [engines.NAME] table describes.
func (rs *remotes) get(name string, e config.Engine) (engine.Transcriber, error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if t := rs.made[name]; t != nil {
		return t, nil
	}
	r := engine.Remote{Name: name, URL: e.URL, Model: e.Model, PerMinute: e.RequestsPerMinute}
	if e.Key != "" {
		r.Key = func(context.Context) (string, error) { return vault.Resolve(e.Key) }
	}
	if e.Timeout != "" {
		d, err := duration.Parse(e.Timeout)
		if err != nil {
			return nil, &engine.Error{Code: api.JobRemote, Message: fmt.Sprintf("engines.%s.timeout: %v", name, err)}
		}
		r.Timeout = d
	}
	var t engine.Transcriber
	switch e.Type {
	case "openai":
		t = engine.NewOpenAI(r)
	case "voxparse":
		if r.URL == "" {
			r.URL = cloudURL
		}
		t = engine.NewCloud(r)
	default:
		return nil, &engine.Error{Code: api.JobUnsupported, Message: fmt.Sprintf("this build has no engine of the type %q, which %s is", e.Type, name)}
	}
	if rs.made == nil {
		rs.made = map[string]engine.Transcriber{}
	}
	rs.made[name] = t
	return t, nil
}
