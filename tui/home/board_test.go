package home

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"hookctl/logs"
	"hookctl/tui/kit"
)

// Names of branches and workflows are other people's words: what stands behind them keeps its column in every terminal.
func TestColumnsOfFailuresStayInPlace(t *testing.T) {
	p := New(kit.New(t.Context(), kit.Config{}), Config{})
	var reds []red
	for _, name := range []string{"main", "👩‍💻/fix", "क्षि-नमस्ते", "圆形/部件", "ویجت"} {
		reds = append(reds, red{CIState: logs.CIState{Repository: "octo-org/web", Branch: name, Workflow: "build"}})
	}
	for _, w := range []int{60, 100} {
		want := -1
		for _, r := range p.redRows(reds, w) {
			before, _, ok := strings.Cut(ansi.Strip(r.text), "build")
			if !ok {
				t.Fatalf("no workflow in %q", r.text)
			}
			by, points := ansi.StringWidth(before), ansi.StringWidthWc(before)
			if want < 0 {
				want = by
			}
			if by != want || points != want {
				t.Errorf("%d columns: the workflow is at %d by graphemes and %d by code points, not %d: %q", w, by, points, want, r.text)
			}
		}
	}
}
