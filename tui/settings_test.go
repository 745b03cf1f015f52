package tui

import (
	"context"

	"hookctl/tui/options"
)

// settingsStates are the screens of the Settings page.
func settingsStates() map[string]func(*appScreen) {
	keys := func(names ...string) func(*appScreen) {
		return func(s *appScreen) { s.Press(names...) }
	}
	return map[string]func(*appScreen){
		"settings":        keys("6"),
		"settings-sink":   keys("6", "G"),
		"settings-choice": keys("6", "j", "j", "enter"),
		"settings-line":   func(s *appScreen) { s.Press("6", "j", "enter"); s.Typed("1") },
		"settings-find":   func(s *appScreen) { s.Press("6", "/"); s.Typed("sink") },
		"settings-none":   func(s *appScreen) { s.Press("6", "v", "/"); s.Typed("zebra"); s.Press("enter") },
		"settings-unset":  keys("6", "j", "j", "-"),
		"settings-test":   keys("6", "T"),
	}
}

// sampleSettings are a few settings of each kind. What is set is not kept.
func sampleSettings() options.Source {
	saved := func(_ context.Context, key, value string) (string, error) {
		return key + " is " + value + "; the receiver uses it", nil
	}
	rows := []options.Setting{
		{Key: "home", Value: "/home/mona/.atlas", Origin: "default", About: "The directory of everything that hookctl keeps.", Fixed: true},
		{Key: "receiver.port", Value: "9000", Origin: "default", Default: "9000", About: "Port to listen on; 0 takes any free one."},
		{Key: "receiver.allow", Value: "github", Origin: "hookctl.yaml:2", Default: "any", Values: []string{"any", "github"}, Saved: true, About: "Who may send: anyone (the signature decides), or only GitHub's published address ranges."},
		{Key: "log.keep", Value: "30d", Origin: "hookctl.yaml:3", Default: "30d", Saved: true, About: "Records older than this are pruned, for example 30d; 0 keeps them."},
		{Key: "watched_branches", Value: "main, develop", Origin: "environment WATCHED_BRANCHES", Default: "main, master, develop", List: true, About: "Branches whose pushes are notified."},
		{Key: "routes", Value: "(none)", Origin: "default", Default: "(none)", Block: true, About: "Rules tried before the default table."},
		{Key: "trust.mode", Value: "on", Origin: "default", Default: "on", Values: []string{"on", "off"}, About: "off sends everybody's words to agents."},
		{Key: "sinks[0].type", Value: "aimaestro", Origin: "default", Default: "aimaestro", About: "Kind of sink."},
		{Key: "sinks[0].to", Value: "orchestrator-amoa", Origin: "default", Default: "orchestrator-amoa", About: "Recipient."},
	}
	return options.Source{
		File:  "/home/mona/.atlas/hookctl.yaml",
		First: rows,
		Load:  func() ([]options.Setting, error) { return rows, nil },
		Set:   saved,
		Unset: func(ctx context.Context, key string) (string, error) { return saved(ctx, key, "the default") },
		Edit:  func(context.Context, string) (string, error) { return "saved", nil },
		Check: func(context.Context, int) (string, error) {
			return "sink aimaestro: reachable, notifies orchestrator-amoa", nil
		},
		Test: func(context.Context) error { return nil },
	}
}
