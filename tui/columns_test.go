package tui

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"hookctl/server/daemon"
	"hookctl/tui/kittest"
)

// odd is text that terminals disagree about: some count its code points, some its graphemes.
const odd = "नमस्ते दुनिया 👨‍👩‍👧 ⚠️ क्षि 1️⃣"

// oddLog gives a home, beside the samples, records whose every text is odd.
func oddLog(t testing.TB, c *Config) {
	t.Helper()
	if err := os.MkdirAll(c.Logs.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, r := range kittest.SampleRecords() {
		r.ReceivedAt = r.ReceivedAt.Add(30 * time.Second)
		r.DeliveryID = "odd-" + r.DeliveryID
		s := &r.Summary
		s.Title, s.Branch, s.Repository, s.Sender, s.Workflow = odd+s.Title, odd, "octo-org/"+odd, odd, odd
		r.Result, r.Payload = "recorded: "+odd, []byte(`{"action":"`+odd+`","`+odd+`":{"`+odd+`":["`+odd+`"]},"sender":{"login":"`+odd+`"}}`)
		for i := range r.Notifications {
			r.Notifications[i].Error = odd
		}
		r.File = r.ReceivedAt.Format("20060102_150405") + "_" + r.EventType + ".json"
		data, err := r.Encode()
		if err == nil {
			err = os.WriteFile(filepath.Join(c.Logs.Dir, r.File), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c.Filters = map[string]string{odd: "branch:" + odd}
	c.HomeName = "~/" + odd
}

// Whatever others write, each line is as wide in a terminal that counts by code points, as tmux does, as in one that counts by
// graphemes, so that what stands behind it stays in its column: in every list, box and message.
func TestOddTextMovesNoColumn(t *testing.T) {
	t.Parallel()
	for name, enter := range states() {
		t.Run(name, func(t *testing.T) {
			s := shown(t, name, 80, 24, func(c *Config) { oddLog(t, c) })
			line := `time=2026-11-24T11:30:00.000Z level=INFO msg="` + odd + `" branch="` + odd + `"` + "\n"
			if err := os.WriteFile(daemon.LogFile(s.cfg.Home), []byte(strings.Repeat(line, 3)), 0o600); err != nil {
				t.Fatal(err)
			}
			enter(s)
			for _, sz := range [][2]int{{80, 24}, {160, 40}, {200, 60}, {40, 12}} {
				s.Send(tea.WindowSizeMsg{Width: sz[0], Height: sz[1]})
				for n, l := range strings.Split(s.View().Content, "\n") {
					if by, points := ansi.StringWidth(l), ansi.StringWidthWc(l); by != points {
						t.Errorf("%dx%d, line %d: %d columns by graphemes and %d by code points: %q", sz[0], sz[1], n, by, points, ansi.Strip(l))
					}
				}
			}
		})
	}
}
