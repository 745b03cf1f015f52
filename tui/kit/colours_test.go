package kit

import (
	"fmt"
	"image/color"
	"testing"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
)

// grounds are the backgrounds of palettes that people have.
func grounds() map[string]color.Color {
	all := map[string]color.Color{}
	for name, hex := range map[string]string{
		"black": "#000000", "VS Code": "#1E1E1E", "Tango": "#2E3436", "Nord": "#2E3440", "Tokyo Night": "#1A1B26", "One Dark": "#282C34", "Dracula": "#282A36",
		"Gruvbox Dark": "#282828", "Solarized Dark": "#002B36", "Catppuccin Mocha": "#1E1E2E", "middle grey": "#777777",
		"white": "#FFFFFF", "Solarized Light": "#FDF6E3", "Gruvbox Light": "#FBF1C7", "GitHub Light": "#F6F8FA", "Tokyo Night Day": "#E1E2E7",
	} {
		all[name] = lipgloss.Color(hex)
	}
	return all
}

// Whatever is read has a contrast of 4.5 on the background of each palette, in all colours and in 256.
func TestTextIsReadableOnEveryBackground(t *testing.T) {
	for name, ground := range grounds() {
		for _, profile := range []colorprofile.Profile{colorprofile.TrueColor, colorprofile.ANSI256} {
			check := func(of *Theme, where string) {
				for role, style := range map[string]Style{
					"accent": of.Accent, "muted": of.Faint, "good": of.Good, "warn": of.Warn, "bad": of.Bad, "selected": of.Selected, "here": of.Here, "tab": of.TabOn,
					"title": of.Title, "key": of.Key, "JSON key": of.jsonKey, "JSON string": of.jsonString, "JSON other": of.jsonOther,
				} {
					if got := contrast(style.GetForeground(), ground); got < readable {
						t.Errorf("%s on %s, %s: contrast %.2f", role, name, where, got)
					}
				}
				if got := contrast(of.Border.GetForeground(), ground); got < visible {
					t.Errorf("lines on %s, %s: contrast %.2f", name, where, got)
				}
			}
			check(NewTheme(ground, profile, false), fmt.Sprint(profile))
			if name != "middle grey" && name != "Tokyo Night Day" { // these have to be asked for
				dark := contrast(color.White, ground) > contrast(color.Black, ground)
				check(NewTheme(Unknown(dark), profile, false), fmt.Sprint(profile, ", not asked"))
			}
		}
	}
}

// Where there are sixteen colours, which are the user's, nothing that is read has bright black, the one that is
// like the background in Solarized Dark.
func TestSixteenColoursLeaveTextReadable(t *testing.T) {
	for name, ground := range grounds() {
		th := NewTheme(ground, colorprofile.ANSI, false)
		for _, style := range []Style{th.Accent, th.Faint, th.Good, th.Warn, th.Bad, th.Selected, th.Key} {
			c := style.GetForeground()
			switch b, ok := c.(lipgloss.NoColor); {
			case ok && b == lipgloss.NoColor{}:
			case c == lipgloss.BrightBlack, c == lipgloss.Black, c == lipgloss.White:
				t.Errorf("%s: %v", name, c)
			case profileOf(c) != colorprofile.ANSI:
				t.Errorf("%s: %v is none of sixteen", name, c)
			}
		}
	}
}

// profileOf is the fewest colours that c needs.
func profileOf(c color.Color) colorprofile.Profile {
	if colorprofile.ANSI.Convert(c) == c {
		return colorprofile.ANSI
	}
	return colorprofile.TrueColor
}

// The theme follows what the terminal says of itself; a theme that was chosen against it stands.
func TestThemeFollowsTheTerminal(t *testing.T) {
	solarized := lipgloss.Color("#002B36")
	for chosen, want := range map[string]color.Color{"": solarized, "dark": solarized, "light": Unknown(false)} {
		s := New(t.Context(), Config{Theme: chosen})
		if _, taken := s.Take(tea.BackgroundColorMsg{Color: solarized}); !taken {
			t.Fatal("not taken")
		}
		if got := s.Theme.Faint.GetForeground(); got != NewTheme(want, colorprofile.TrueColor, false).Faint.GetForeground() {
			t.Errorf("theme %q: %v", chosen, got)
		}
	}
	s := New(t.Context(), Config{})
	s.Take(tea.ColorProfileMsg{Profile: colorprofile.ANSI})
	if got := s.Theme.Faint.GetForeground(); got != (lipgloss.NoColor{}) {
		t.Errorf("in sixteen colours muted text has %v", got)
	}
}
