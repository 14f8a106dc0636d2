package daemon

import "github.com/voxparse/voxparse/api"

// countKeys returns how many API keys there are.
func (d *Daemon) countKeys() (int, error) {
	keys, err := d.keys.List()
	return len(keys), err
}

// checkKey reports whether an API key is one of ours.
func (d *Daemon) checkKey(secret string) error {
	_, ok, err := d.keys.Match(secret)
	if err != nil {
		return err
	}
	if !ok {
		return api.Errorf(api.Unauthorized, "the API key is wrong or was revoked; make one with: voxparse keys add")
	}
	return nil
}
