package settings

import (
	"slices"
	"testing"
)

func TestTrust(t *testing.T) {
	for name, tc := range map[string]struct {
		file, mode, origin string
		authors            []string
	}{
		"default":          {"", "on", "default", []string{"OWNER", "MEMBER", "COLLABORATOR"}},
		"short":            {"trust: off\n", "off", "hookctl.yaml:1", []string{"OWNER", "MEMBER", "COLLABORATOR"}},
		"short, in quotes": {"log: {keep: 1d}\ntrust: \"off\"\n", "off", "hookctl.yaml:2", []string{"OWNER", "MEMBER", "COLLABORATOR"}},
		"long":             {"trust: {mode: off}\n", "off", "hookctl.yaml:1", []string{"OWNER", "MEMBER", "COLLABORATOR"}},
		"authors":          {"trust:\n  authors: [OWNER]\n  bots: [\"dependabot[bot]\"]\n", "on", "default", []string{"OWNER"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := loadText(t, tc.file, nil)
			if err != nil {
				t.Fatal(err)
			}
			if s.Trust.Mode != tc.mode || s.Origin("trust.mode") != tc.origin || !slices.Equal(s.Trust.Authors, tc.authors) {
				t.Errorf("%+v from %s", s.Trust, s.Origin("trust.mode"))
			}
		})
	}
}
