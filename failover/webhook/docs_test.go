package webhook

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

func docs(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// fenced returns the first fenced block of a kind that holds the given text.
func fenced(t *testing.T, kind, with string) string {
	t.Helper()
	for _, m := range regexp.MustCompile("(?ms)^```"+kind+"\n(.*?)^```$").FindAllStringSubmatch(docs(t), -1) {
		if strings.Contains(m[1], with) {
			return m[1]
		}
	}
	t.Fatalf("docs/webhooks.md has no %s with %q", kind, with)
	return ""
}

// TestDocsMessage: the documented message is what an entry of the journal becomes.
func TestDocsMessage(t *testing.T) {
	at := time.Date(2026, 11, 22, 4, 17, 30, 0, time.UTC)
	e := FromEntry(failover.Entry{Seq: 7, Site: "www", At: at, Event: failover.EventPhase, By: "controller",
		Message: "the origin has failed for 30s, so visitors go to the fallback",
		State:   failover.State{Phase: failover.InFallback, Cause: failover.CauseRefused}})
	e.Version = Version
	got, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if want := fenced(t, "json", "id"); string(got)+"\n" != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestDocsTables: every field and every kind is documented, and nothing else.
func TestDocsTables(t *testing.T) {
	var fields []string
	for f := range reflect.TypeFor[Event]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields = append(fields, name)
	}
	kinds := []string{KindAlarm, KindAlarmCleared, failover.EventStart, failover.EventPhase, failover.EventCommand, failover.EventVeto,
		failover.EventBaseline, failover.EventPlan, failover.EventApplied, failover.EventFailed, failover.EventUnknown, failover.EventDrift, failover.EventConfirmed, failover.EventPropagated}
	for head, want := range map[string][]string{"| field | meaning |": fields, "| kind | meaning |": kinds} {
		_, table, _ := strings.Cut(docs(t), head)
		table, _, _ = strings.Cut(table, "\n\n")
		var got []string
		for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(table, -1) {
			for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
				got = append(got, m[1])
			}
		}
		slices.Sort(got)
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("%s documented %q, built %q", head, got, want)
		}
	}
}

// TestDocsSignature: the documented signature is right, for Verify and for the Python code.
func TestDocsSignature(t *testing.T) {
	const secret, body = "correct horse battery staple", `{"version":1}`
	header := strings.TrimSpace(fenced(t, "text", "t=1795320000"))
	if err := Verify(secret, header, []byte(body), time.Unix(1795320100, 0), 5*time.Minute); err != nil {
		t.Error(err)
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 to run the documented Python code")
	}
	calls := `
import sys
secret, header, body = sys.argv[1], sys.argv[2], sys.argv[3].encode()
print(verify(secret, header, body, 1795320100), verify("x", header, body, 1795320100), verify(secret, header, body, 1795320301), verify(secret, "", body))
`
	cmd := exec.CommandContext(t.Context(), python, "-", secret, header, body)
	cmd.Stdin = bytes.NewBufferString(fenced(t, "python", "def verify") + calls)
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "True False False False\n" {
		t.Errorf("python: %s %v", out, err)
	}
}

// TestDocsGo: the documented Go code is the code of the example, which is compiled and run.
func TestDocsGo(t *testing.T) {
	example, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(fenced(t, "go", "func receive"), "\n\n")
	if code == "" || !bytes.Contains(example, []byte(code)) {
		t.Errorf("example_test.go does not hold\n%s", code)
	}
}
