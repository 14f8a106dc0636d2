package problem_test

import (
	"strings"
	"testing"

	"github.com/voxparse/voxparse/api"
	"github.com/voxparse/voxparse/daemon/problem"
)

func TestEnableWebhook_aSecretThatIsLostComesFirst(t *testing.T) {
	if got := problem.EnableWebhook("whk_1", api.DisabledFailing); got != "voxparse webhooks enable whk_1" {
		t.Errorf("got %q, want the command that enables it", got)
	}
	if got := problem.EnableWebhook("whk_1", api.DisabledNoSecret); !strings.HasPrefix(got, "voxparse webhooks rotate whk_1") || !strings.HasSuffix(got, "voxparse webhooks enable whk_1") {
		t.Errorf("got %q, want a new secret before it is enabled", got)
	}
}
