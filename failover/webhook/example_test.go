package webhook_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/failover-dns/failover/failover/webhook"
)

const secret = "correct horse battery staple"

func receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, "the message cannot be read", http.StatusBadRequest)
		return
	}
	err = webhook.Verify(secret, r.Header.Get("X-Failover-Signature"), body, time.Now(), 5*time.Minute)
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	// The message is ours: note its id, answer, and only then do long work.
	w.WriteHeader(http.StatusNoContent)
}

func ExampleVerify() {
	r := httptest.NewRequest("POST", "/failover", strings.NewReader(`{"version":1}`))
	r.Header.Set("X-Failover-Signature", "t=1795320000,v1=00")
	w := httptest.NewRecorder()
	receive(w, r)
	fmt.Print(w.Code, " ", w.Body)
	// Output: 403 the message is not signed with this secret
}
