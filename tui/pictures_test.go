package tui

import (
	"bytes"
	"flag"
	"fmt"
	"html"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/vt"

	"hookctl/tui/kit"
)

// The pictures of the README are the screens themselves. `go test ./tui -run Pictures -update` draws them again.
func TestPicturesOfTheReadme(t *testing.T) {
	const w, h = 110, 30
	for name, visit := range map[string]func(*appScreen){
		"board":    func(*appScreen) {},
		"events":   func(s *appScreen) { s.Press("2", "enter") },
		"rotation": func(s *appScreen) { s.Press("3", "r") },
	} {
		on := Full
		if name == "rotation" {
			on = func(t testing.TB, w, h int, _ ...func(*Config)) *appScreen { return connected(t, w, h) }
		}
		s := on(t, w, h)
		visit(s)
		picture := svg(s.View().Content, w, h)
		file := filepath.Join("..", ".github", name+".svg")
		if flag.Lookup("update").Value.String() == "true" {
			if err := os.WriteFile(file, picture, 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		have, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, picture) {
			t.Errorf("%s does not show the screen as it is: run go test ./tui -run Pictures -update", file)
		}
	}
}

// svg draws a screen as a terminal does, on the background that the theme was made for.
func svg(content string, w, h int) []byte {
	const cell, line, size, edge = 8.4, 18.0, 14.0, 16.0 // points
	screen := vt.NewEmulator(w, h)
	_, _ = screen.WriteString(strings.ReplaceAll(content, "\n", "\r\n"))
	ground, ink := hex(kit.Unknown(true)), "#D8DEE9"
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="%.0f">`+"\n", float64(w)*cell+2*edge, float64(h)*line+2*edge, size)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", ground)
	for y := range h {
		for x := 0; x < w; {
			from := screen.CellAt(x, y)
			text, begin := "", x
			for x < w {
				c := screen.CellAt(x, y)
				if c.Style != from.Style {
					break
				}
				if c.Width > 0 {
					text += c.Content
				}
				x += max(1, c.Width)
			}
			fill, behind := ink, ground
			if from.Style.Fg != nil {
				fill = hex(from.Style.Fg)
			}
			if from.Style.Bg != nil {
				behind = hex(from.Style.Bg)
			}
			if from.Style.Attrs&uv.AttrReverse != 0 {
				fill, behind = behind, fill
			}
			left, width := edge+float64(begin)*cell, float64(x-begin)*cell
			if behind != ground {
				fmt.Fprintf(&b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", left, edge+float64(y)*line, width, line, behind)
			}
			if strings.TrimSpace(text) == "" {
				continue
			}
			more := ""
			if from.Style.Attrs&uv.AttrBold != 0 {
				more += ` font-weight="bold"`
			}
			if from.Style.Underline != uv.UnderlineNone {
				more += ` text-decoration="underline"`
			}
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" textLength="%.1f" xml:space="preserve" fill="%s"%s>%s</text>`+"\n", left, edge+float64(y)*line+size-0.5, width, fill, more, html.EscapeString(text))
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func hex(c color.Color) string {
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02X%02X%02X", r>>8, g>>8, b>>8)
}
