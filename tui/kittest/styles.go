package kittest

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
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/golden"

	"hookctl/tui/kit"
)

// Styles are the styles of screens, one hash for each at every size, on a light, a dark and Solarized's background. Without colours
// each of them is the text that other goldens keep.
type Styles struct {
	t     *testing.T
	lines map[string]string
}

// NewStyles is empty.
func NewStyles(t *testing.T) *Styles { return &Styles{t, map[string]string{}} }

// Add takes a screen in. It fails where two backgrounds, or colours and none, say different things.
func (st *Styles) Add(name string, s *Screen, theme *kit.Theme) {
	t := st.t
	t.Helper()
	for _, sz := range sizes {
		s.Send(tea.WindowSizeMsg{Width: sz[0], Height: sz[1]})
		var texts []string
		for _, kind := range []string{"light", "dark", "solarized"} {
			ground := kit.Unknown(kind == "dark")
			if kind == "solarized" {
				ground = lipgloss.Color("#002B36")
			}
			*theme = *kit.NewTheme(ground, colorprofile.TrueColor, false)
			content := s.View().Content
			key := fmt.Sprintf("%-22s %3dx%d %-9s", name, sz[0], sz[1], kind)
			if !Coloured(content) {
				t.Errorf("%s: no colours", key)
			}
			for _, m := range sgr.FindAllStringSubmatch(content, -1) {
				if foreign.MatchString(rgb.ReplaceAllString(m[1], "")) {
					t.Errorf("%s: %q is a colour that is not of the theme", key, m[1])
				}
			}
			plain := withoutColours(t, content)
			if Coloured(plain) {
				t.Errorf("%s: NO_COLOR leaves colours: %q", key, plain)
			}
			if ansi.Strip(plain) != ansi.Strip(content) {
				t.Errorf("%s: NO_COLOR changes the text", key)
			}
			texts = append(texts, ansi.Strip(content))
			st.lines[key] = fmt.Sprintf("%s %x\n", key, sha256.Sum256([]byte(content)))[:len(key)+1+12] + "\n"
		}
		for _, text := range texts[1:] {
			if text != texts[0] {
				t.Errorf("%s %dx%d: two backgrounds say different things:\n%s\n%s", name, sz[0], sz[1], texts[0], text)
			}
		}
	}
}

// RequireEqual compares them with the golden file of the test.
func (st *Styles) RequireEqual() {
	st.t.Helper()
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(st.lines)) {
		b.WriteString(st.lines[k])
	}
	golden.RequireEqual(st.t, []byte(b.String()))
}

// withoutColours is what the renderer makes of a frame where NO_COLOR is set.
func withoutColours(t testing.TB, frame string) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := (&colorprofile.Writer{Forward: &b, Profile: colorprofile.ASCII}).WriteString(frame); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// foreign is a style with one of sixteen or 256 colours; those of the theme are computed from the background, and rgb.
var (
	foreign = regexp.MustCompile(`(^|;)([34]8[;:]5[;:]|(3|4|9|10)[0-7](;|$))`)
	rgb     = regexp.MustCompile(`[34]8[;:]2([;:][0-9]+){3}`)
)

var sgr = regexp.MustCompile(`\x1b\[([0-9;:]*)m`)

// Coloured reports whether text sets a foreground or background colour.
func Coloured(text string) bool {
	for _, m := range sgr.FindAllStringSubmatch(text, -1) {
		for _, p := range strings.FieldsFunc(m[1], func(r rune) bool { return r == ';' || r == ':' }) {
			if len(p) >= 2 && p != "39" && p != "49" && (strings.ContainsRune("34", rune(p[0])) || p[0] == '9' || strings.HasPrefix(p, "10")) {
				return true
			}
		}
	}
	return false
}
