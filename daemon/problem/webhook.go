package problem

import "github.com/voxparse/voxparse/api"

// EnableWebhook is the command that sends again to a webhook which was disabled
// for the reason.
func EnableWebhook(id, reason string) string {
	enable := "voxparse webhooks enable " + id
	if reason == api.DisabledNoSecret {
		return "voxparse webhooks rotate " + id + ", then, once the receiver has the new secret: " + enable
	}
	return enable
}
