package githubtest

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

//go:embed samples/*.json
var samples embed.FS

// SampleRepository is the repository that the sample payloads are about.
const SampleRepository = "octo-org/octo-repo"

// Samples returns the names of the sample payloads, sorted. A name begins with
// the event: "workflow_run.success" or "push.tag".
func Samples() []string {
	entries, err := fs.ReadDir(samples, "samples")
	if err != nil {
		panic(fmt.Sprintf("githubtest: embedded samples: %v", err))
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	slices.Sort(names)
	return names
}

// Sample returns a sample payload. It panics on a name that Samples does not list.
func Sample(name string) []byte {
	data, err := samples.ReadFile("samples/" + name + ".json")
	if err != nil {
		panic(fmt.Sprintf("githubtest: no sample %q", name))
	}
	return data
}

// SampleEvent is the event that a sample is a payload of.
func SampleEvent(name string) string {
	event, _, _ := strings.Cut(name, ".")
	return event
}

// SampleFor returns a sample payload about another repository, "owner/repo".
func SampleFor(name, repository string) []byte {
	owner, repo, _ := strings.Cut(repository, "/")
	text := strings.ReplaceAll(string(Sample(name)), SampleRepository, repository)
	text = strings.ReplaceAll(text, `"octo-repo"`, `"`+repo+`"`)
	return []byte(strings.ReplaceAll(text, `"octo-org"`, `"`+owner+`"`))
}
