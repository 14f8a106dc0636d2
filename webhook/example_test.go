package webhook_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/voxparse/voxparse/webhook"
)

// A receiver: it verifies the bytes that came, answers at once, and knows
// repetitions by the event id.
func ExampleVerify() {
	const secret = "whsec_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	done := map[string]bool{} // in real life a unique column in a database

	handler := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "unreadable body", http.StatusBadRequest)
			return
		}
		if err := webhook.Verify(body, r.Header, secret, webhook.DefaultTolerance); err != nil {
			var why *webhook.VerifyError
			if errors.As(err, &why) {
				fmt.Println("refused:", why.Reason)
			}
			http.Error(w, "bad signature", http.StatusUnauthorized)
			return
		}
		event, err := webhook.Parse(body)
		if err != nil {
			http.Error(w, "not an event", http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusOK)
		if done[event.ID] {
			return
		}
		done[event.ID] = true
		switch data := event.Data.(type) {
		case *webhook.Completed:
			fmt.Printf("%s: %s\n", data.JobID, data.Result.Text)
		case *webhook.Failed:
			fmt.Printf("%s failed: %s\n", data.JobID, data.Error)
		case *webhook.Test:
			fmt.Println("test:", data.Message)
		}
	}

	// What voxparse does to deliver an event, and then a forger.
	body := `{"api_version":"2026-05-01","event":"webhook.test","event_id":"evt_1","created_at":"2026-05-03T12:00:00Z",` +
		`"data":{"webhook_id":"whk_1","message":"This is a test event from voxparse."}}`
	for _, sent := range []string{body, strings.Replace(body, "whk_1", "whk_2", 1)} {
		r := httptest.NewRequest(http.MethodPost, "/hook", strings.NewReader(sent))
		if err := webhook.Sign(r.Header, []byte(body), webhook.Signing{Secret: secret, Now: time.Now(), EventID: "evt_1"}); err != nil {
			fmt.Println(err)
			return
		}
		w := httptest.NewRecorder()
		handler(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// test: This is a test event from voxparse.
	// 200
	// refused: wrong_secret
	// 401
}
