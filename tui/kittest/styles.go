package kittest

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"image/color"
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

// RequireStyles compares the styles of screens with the golden file of the test: one hash for each at every size, on a light, a dark
// and Solarized's background. Without colours each of them is the text that other goldens keep. It fails where two backgrounds, or
// colours and none, say different things.
func RequireStyles(t *testing.T, screens func(add func(name string, s *Screen, theme *kit.Theme))) {
	t.Helper()
	var lines []string
	screens(func(name string, s *Screen, theme *kit.Theme) {
		for _, sz := range sizes {
			s.Send(tea.WindowSizeMsg{Width: sz[0], Height: sz[1]})
			first := ""
			for _, on := range []struct {
				kind   string
				ground color.Color
			}{{"light", kit.Unknown(false)}, {"dark", kit.Unknown(true)}, {"solarized", lipgloss.Color("#002B36")}} {
				*theme = *kit.NewTheme(on.ground, colorprofile.TrueColor, false)
				content := s.View().Content
				key := fmt.Sprintf("%-22s %3dx%d %-9s", name, sz[0], sz[1], on.kind)
				requireThemed(t, key, content)
				text := ansi.Strip(content)
				if first = cmp.Or(first, text); text != first {
					t.Errorf("%s: two backgrounds say different things:\n%s\n%s", key, first, text)
				}
				sum := sha256.Sum256([]byte(content))
				lines = append(lines, fmt.Sprintf("%s %x\n", key, sum[:6]))
			}
		}
	})
	slices.Sort(lines)
	golden.RequireEqual(t, []byte(strings.Join(lines, "")))
}

// requireThemed fails unless a frame has the colours of the theme, and none where NO_COLOR is set.
func requireThemed(t *testing.T, key, frame string) {
	t.Helper()
	for _, m := range sgr.FindAllStringSubmatch(frame, -1) {
		if foreign.MatchString(rgb.ReplaceAllString(m[1], "")) {
			t.Errorf("%s: %q is a colour that is not of the theme", key, m[1])
		}
	}
	var plain strings.Builder // as the renderer makes it of the frame
	if _, err := (&colorprofile.Writer{Forward: &plain, Profile: colorprofile.ASCII}).WriteString(frame); err != nil {
		t.Fatal(err)
	}
	if !Coloured(frame) || Coloured(plain.String()) || ansi.Strip(plain.String()) != ansi.Strip(frame) {
		t.Errorf("%s: without colours, or NO_COLOR leaves some or changes the text: %q", key, plain.String())
	}
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
