package kit

import (
	"image/color"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/lucasb-eyer/go-colorful"
)

// palette is the colour of each role; text itself has the terminal's own foreground.
type palette struct {
	accent, muted, good, warn, bad color.Color
	rule                           color.Color // lines and borders, which nobody reads
}

const (
	readable = 4.5 // the least contrast of text, after WCAG 2.2, 1.4.3
	visible  = 1.6 // that of a line
)

// paletteOn computes the colours for a background, nil for one that is not known, in as many colours as profile has.
//
// The sixteen colours of a terminal are the user's, and where they lie is not known: bright black is invisible in Solarized
// Dark. So with more than sixteen each role has a hue and a lightness that moves away from the background until it is
// readable there; with sixteen, muted text is plain.
func paletteOn(background color.Color, profile colorprofile.Profile) palette {
	if background == nil {
		background = Unknown(true)
	}
	light := contrast(color.Black, background) > contrast(color.White, background)
	pick := lipgloss.LightDark(!light)
	if profile < colorprofile.ANSI256 {
		return palette{
			accent: pick(lipgloss.Blue, lipgloss.Cyan), muted: lipgloss.NoColor{},
			good: lipgloss.Green, warn: pick(lipgloss.Magenta, lipgloss.Yellow), bad: lipgloss.Red, rule: lipgloss.BrightBlack,
		}
	}
	away := 0.01
	if light {
		away = -away
	}
	role := func(hue, saturation, onLight, onDark, least float64) color.Color {
		l := onDark
		if light {
			l = onLight
		}
		for {
			c := profile.Convert(colorful.HSLuv(hue, saturation, l))
			if contrast(c, background) >= least || l <= 0 || l >= 1 {
				return c
			}
			l += away
		}
	}
	return palette{
		accent: role(266, 0.85, 0.42, 0.74, readable),
		muted:  role(255, 0.12, 0.46, 0.60, readable),
		good:   role(132, 0.80, 0.45, 0.74, readable),
		warn:   role(48, 0.90, 0.45, 0.78, readable),
		bad:    role(12, 0.85, 0.46, 0.66, readable),
		rule:   role(255, 0.12, 0.75, 0.35, visible),
	}
}

// Unknown is the background to reckon with where the terminal does not say its own: what is readable on the palest of the
// usual dark ones is so on the others, and likewise with the dullest of the light ones.
func Unknown(dark bool) color.Color {
	if dark {
		return lipgloss.Color("#2E3440") // Nord
	}
	return lipgloss.Color("#FBF1C7") // Gruvbox Light
}

// contrast is that of two colours after WCAG 2.2: 1 for the same, 21 for black and white.
func contrast(a, b color.Color) float64 {
	la, lb := luminance(a)+0.05, luminance(b)+0.05
	return max(la, lb) / min(la, lb)
}

func luminance(c color.Color) float64 {
	f, _ := colorful.MakeColor(c)
	r, g, b := f.LinearRgb()
	return 0.2126*r + 0.7152*g + 0.0722*b
}
