package kit

import (
	"encoding/json"
	"testing"

	"github.com/itchyny/gojq"

	"hookctl/logs/text"
)

// What is copied of a payload moves no cursor where it is pasted, and the path
// still finds the value.
func TestWhatIsCopiedOfAPayloadIsClean(t *testing.T) {
	const name = "k\u202e\u009b31m\x1b[2J\n\U000e0041 é'\""
	src, err := json.Marshal(map[string]any{name: "v\u202e\x1b[201~\n; touch pwned\n"})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := ParseTree(src, "payload", 9)
	if err != nil {
		t.Fatal(err)
	}
	path := tr.Path(1)
	if text.Clean(path) != path {
		t.Errorf("the path is %q", path)
	}
	if value := tr.Nodes[1].Text; text.Clean(value) != value {
		t.Errorf("the value is %q", value)
	}
	q, err := gojq.Parse(path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if got, _ := q.Run(map[string]any{name: "found"}).Next(); got != "found" {
		t.Errorf("%s finds %v", path, got)
	}
}

// In a directory that everybody writes to, an export follows nobody's link, and what it writes is for its owner only.
