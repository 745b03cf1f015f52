package tui

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"
)

// goldenSizes are the windows that every screen is kept for.
var goldenSizes = [][2]int{{80, 24}, {120, 40}, {40, 12}}

// enter is a way to a screen, from an empty one that suits it.
type enter struct {
	name  string
	on    func(t *testing.T, w, h int, change ...func(*Config)) *screen
	visit func(*screen)
}

// everyState is all screens of the frame, of the hooks and of the wizard, in
// the order of their names.
func everyState() []enter {
	var all []enter
	for name, f := range states() {
		all = append(all, enter{name, full, f})
	}
	for name, f := range hookStates() {
		all = append(all, enter{name, hooked, f})
	}
	slices.SortFunc(all, func(a, b enter) int { return strings.Compare(a.name, b.name) })
	return all
}

// The styles of every screen at every size, light and dark, as one hash each:
// a change of style shows which screens changed. Without colours each of them
// is the text that the other goldens keep.
func TestStylesOfEveryScreen(t *testing.T) {
	lines := map[string]string{}
	for _, st := range everyState() {
		s := st.on(t, 80, 24)
		st.visit(s)
		for _, sz := range goldenSizes {
			s.send(tea.WindowSizeMsg{Width: sz[0], Height: sz[1]})
			var texts []string
			for _, theme := range []string{"light", "dark"} {
				*s.theme = *newTheme(theme == "dark", false)
				content := s.View().Content
				if !coloured(content) {
					t.Errorf("%s %dx%d %s: no colours", st.name, sz[0], sz[1], theme)
				}
				plain := withoutColours(t, content)
				if coloured(plain) {
					t.Errorf("%s %dx%d %s: NO_COLOR leaves colours: %q", st.name, sz[0], sz[1], theme, plain)
				}
				if ansi.Strip(plain) != ansi.Strip(content) {
					t.Errorf("%s %dx%d %s: NO_COLOR changes the text", st.name, sz[0], sz[1], theme)
				}
				texts = append(texts, ansi.Strip(content))
				key := fmt.Sprintf("%-22s %3dx%d %-5s", st.name, sz[0], sz[1], theme)
				lines[key] = fmt.Sprintf("%s %x\n", key, sha256.Sum256([]byte(content)))[:len(key)+1+12] + "\n"
			}
			if texts[0] != texts[1] {
				t.Errorf("%s %dx%d: light and dark say different things:\n%s\n%s", st.name, sz[0], sz[1], texts[0], texts[1])
			}
		}
	}
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(lines)) {
		b.WriteString(lines[k])
	}
	golden.RequireEqual(t, []byte(b.String()))
}

// withoutColours is what the renderer makes of a frame where NO_COLOR is set.
func withoutColours(t *testing.T, frame string) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := (&colorprofile.Writer{Forward: &b, Profile: colorprofile.ASCII}).WriteString(frame); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var sgr = regexp.MustCompile(`\x1b\[([0-9;:]*)m`)

// coloured reports whether text sets a foreground or background colour.
func coloured(text string) bool {
	for _, m := range sgr.FindAllStringSubmatch(text, -1) {
		for _, p := range strings.FieldsFunc(m[1], func(r rune) bool { return r == ';' || r == ':' }) {
			if len(p) >= 2 && p != "39" && p != "49" && (strings.ContainsRune("34", rune(p[0])) || p[0] == '9' || strings.HasPrefix(p, "10")) {
				return true
			}
		}
	}
	return false
}
