package githubtest

import (
	"encoding/json"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

func TestEverySampleIsIndexedAndAnObject(t *testing.T) {
	entries, err := fs.ReadDir(samples, "samples")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, e := range entries {
		files = append(files, strings.TrimSuffix(e.Name(), ".json"))
	}
	slices.Sort(files)
	var names []string
	for _, info := range SampleIndex() {
		names = append(names, info.Name)
	}
	if !slices.Equal(files, names) {
		t.Errorf("files %v\nindex %v", files, names)
	}
	for _, info := range SampleIndex() {
		var payload map[string]any
		if err := json.Unmarshal(Sample(info.Name), &payload); err != nil {
			t.Errorf("%s: %v", info.Name, err)
		}
		if info.Event != SampleEvent(info.Name) || info.About == "" || (info.Notification == "") != (info.Priority == "") {
			t.Errorf("index of %s: %+v", info.Name, info)
		}
		if _, action, hasAction := strings.Cut(info.Name, "."); hasAction && payload["action"] != nil && action == "" {
			t.Errorf("%s has no variant in its name", info.Name)
		}
	}
}

// The near misses are what a careless rule would notify.
func TestSamplesHoldEveryNotificationAndNearMisses(t *testing.T) {
	want := map[string]int{"ci_success": 1, "ci_failure": 5, "pr_created": 3, "pr_merged": 1, "task_blocked": 1, "push": 2, "": 20}
	have := map[string]int{}
	for _, info := range SampleIndex() {
		have[info.Notification]++
	}
	for kind, least := range want {
		if have[kind] < least {
			t.Errorf("%d samples with the notification %q, want %d or more", have[kind], kind, least)
		}
	}
}

func TestSampleForMovesTheRepository(t *testing.T) {
	var p struct {
		Repository struct {
			Name     string
			FullName string `json:"full_name"`
			Owner    struct{ Login string }
		}
	}
	data := SampleFor("workflow_run.success", "acme/rockets")
	if err := json.Unmarshal(data, &p); err != nil {
		t.Fatal(err)
	}
	if r := p.Repository; r.Name != "rockets" || r.FullName != "acme/rockets" || r.Owner.Login != "acme" || strings.Contains(string(data), "octo-") {
		t.Errorf("repository %+v in %s", r, data)
	}
}
