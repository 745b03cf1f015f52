package githubtest

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"strings"
)

//go:embed samples samples.json
var samples embed.FS

// SampleRepository is the repository that the sample payloads are about.
const SampleRepository = "octo-org/octo-repo"

// SampleInfo describes a sample payload.
type SampleInfo struct {
	// Name begins with the event: "workflow_run.success", "push.tag", "ping".
	Name  string `json:"name"`
	Event string `json:"event"`
	// About says in words what happened.
	About string `json:"about"`
	// Notification and Priority are what the default routes make of it, with
	// main, master and develop watched; "" for no notification.
	Notification string `json:"notification"`
	Priority     string `json:"priority"`
}

// SampleIndex describes every sample payload, sorted by name: each row of the
// default routing table, each near miss, pings, and payloads that lack what may
// be missing or hold text meant to do harm.
func SampleIndex() []SampleInfo {
	data, err := samples.ReadFile("samples.json")
	if err != nil {
		panic(fmt.Sprintf("githubtest: embedded index of samples: %v", err))
	}
	var list []SampleInfo
	if err := json.Unmarshal(data, &list); err != nil {
		panic(fmt.Sprintf("githubtest: embedded index of samples: %v", err))
	}
	return list
}

// Sample returns a sample payload as GitHub would send it, compact, in a copy.
// It panics on a name that SampleIndex does not have.
func Sample(name string) []byte {
	data, err := samples.ReadFile("samples/" + name + ".json")
	if err != nil {
		panic(fmt.Sprintf("githubtest: no sample %q", name))
	}
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil {
		panic(fmt.Sprintf("githubtest: sample %q: %v", name, err))
	}
	return b.Bytes()
}

// SampleEvent is the event that a sample is a payload of.
func SampleEvent(name string) string {
	event, _, _ := strings.Cut(name, ".")
	return event
}

// SampleFor returns a sample payload about another repository, "owner/repo".
func SampleFor(name, repository string) []byte {
	owner, repo, _ := strings.Cut(repository, "/")
	sampleOwner, sampleRepo, _ := strings.Cut(SampleRepository, "/")
	return []byte(strings.NewReplacer(sampleOwner, owner, sampleRepo, repo).Replace(string(Sample(name))))
}
