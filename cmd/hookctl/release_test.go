package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// releasePlan is what .goreleaser.yaml uses of goreleaser's schema. A key that is not here is a mistake until it is.
type releasePlan struct {
	Version     int      `yaml:"version"`
	ProjectName string   `yaml:"project_name"`
	Env         []string `yaml:"env"`
	Before      struct {
		Hooks []string `yaml:"hooks"`
	} `yaml:"before"`
	Builds []struct {
		ID           string   `yaml:"id"`
		Main         string   `yaml:"main"`
		Binary       string   `yaml:"binary"`
		Env          []string `yaml:"env"`
		Flags        []string `yaml:"flags"`
		Ldflags      []string `yaml:"ldflags"`
		ModTimestamp string   `yaml:"mod_timestamp"`
		Goos         []string `yaml:"goos"`
		Goarch       []string `yaml:"goarch"`
	} `yaml:"builds"`
	Archives []struct {
		ID              string   `yaml:"id"`
		IDs             []string `yaml:"ids"`
		Formats         []string `yaml:"formats"`
		FormatOverrides []struct {
			Goos    string   `yaml:"goos"`
			Formats []string `yaml:"formats"`
		} `yaml:"format_overrides"`
		NameTemplate string `yaml:"name_template"`
		Files        []any  `yaml:"files"`
	} `yaml:"archives"`
	Nfpms []struct {
		ID               string   `yaml:"id"`
		IDs              []string `yaml:"ids"`
		PackageName      string   `yaml:"package_name"`
		Formats          []string `yaml:"formats"`
		FileNameTemplate string   `yaml:"file_name_template"`
		Maintainer       string   `yaml:"maintainer"`
		Description      string   `yaml:"description"`
		License          string   `yaml:"license"`
		Section          string   `yaml:"section"`
		Recommends       []string `yaml:"recommends"`
		MTime            string   `yaml:"mtime"`
		Contents         []struct {
			Src      string         `yaml:"src"`
			Dst      string         `yaml:"dst"`
			Packager string         `yaml:"packager"`
			FileInfo map[string]any `yaml:"file_info"`
		} `yaml:"contents"`
	} `yaml:"nfpms"`
	Casks   []map[string]any `yaml:"homebrew_casks"`
	Scoops  []map[string]any `yaml:"scoops"`
	Dockers []struct {
		ID         string   `yaml:"id"`
		IDs        []string `yaml:"ids"`
		Dockerfile string   `yaml:"dockerfile"`
		Images     []string `yaml:"images"`
		Tags       []string `yaml:"tags"`
		Platforms  []string `yaml:"platforms"`
	} `yaml:"dockers_v2"`
	Checksum struct {
		NameTemplate string `yaml:"name_template"`
		Algorithm    string `yaml:"algorithm"`
	} `yaml:"checksum"`
	SBOMs []struct {
		Artifacts string `yaml:"artifacts"`
	} `yaml:"sboms"`
	Changelog map[string]any `yaml:"changelog"`
	Release   map[string]any `yaml:"release"`
}

func readReleasePlan(t *testing.T) (plan releasePlan, text string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", ".goreleaser.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&plan); err != nil {
		t.Fatal(err)
	}
	return plan, string(data)
}

func TestReleaseIsForAllSixTargets(t *testing.T) {
	plan, _ := readReleasePlan(t)
	if plan.Version != 2 || plan.ProjectName != "hookctl" || len(plan.Builds) != 1 {
		t.Fatalf("version %d of %s with %d builds", plan.Version, plan.ProjectName, len(plan.Builds))
	}
	build := plan.Builds[0]
	for what, pair := range map[string][2][]string{
		"goos":    {build.Goos, {"linux", "darwin", "windows"}},
		"goarch":  {build.Goarch, {"amd64", "arm64"}},
		"env":     {build.Env, {"CGO_ENABLED=0"}},
		"flags":   {build.Flags, {"-trimpath", "-buildvcs=true"}},
		"formats": {plan.Nfpms[0].Formats, {"deb", "rpm", "apk"}},
		"archive": {plan.Archives[0].Formats, {"tar.gz"}},
	} {
		if !slices.Equal(pair[0], pair[1]) {
			t.Errorf("%s is %v, not %v", what, pair[0], pair[1])
		}
	}
	if build.Main != "./cmd/hookctl" || build.Binary != "hookctl" {
		t.Errorf("builds %s as %s", build.Main, build.Binary)
	}
	if plan.Checksum.Algorithm != "sha256" || len(plan.SBOMs) != 1 {
		t.Errorf("checksums by %q, %d lists of parts", plan.Checksum.Algorithm, len(plan.SBOMs))
	}
}

// gh takes the asset that ends with its own <os>-<arch>, and no other file may end so.
func TestReleaseHasWhatGHExpectsOfAnExtension(t *testing.T) {
	plan, _ := readReleasePlan(t)
	asset := regexp.MustCompile(`\{\{ ?\.Os ?\}\}-\{\{ ?\.Arch ?\}\}$`)
	var found int
	for _, a := range plan.Archives {
		if asset.MatchString(a.NameTemplate) {
			found++
			if !slices.Equal(a.Formats, []string{"binary"}) || !strings.HasPrefix(a.NameTemplate, extensionName+"_") {
				t.Errorf("%s of format %v is no program that gh could run", a.NameTemplate, a.Formats)
			}
		}
	}
	if found != 1 {
		t.Errorf("%d archives end with <os>-<arch>", found)
	}
}

// Everything that a package takes from .release has to be made by a hook before it.
func TestReleasePacksPagesAndCompletions(t *testing.T) {
	plan, text := readReleasePlan(t)
	made := strings.Join(plan.Before.Hooks, "\n")
	for _, file := range regexp.MustCompile(`src: (\.release/[\w./*-]+)`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(made, strings.TrimSuffix(file[1], "/*")) {
			t.Errorf("nothing makes %s", file[1])
		}
	}
	for _, word := range []string{"hookctl man ", "completion bash", "completion zsh", "completion fish", "completion powershell"} {
		if !strings.Contains(made, word) {
			t.Errorf("no hook runs %q", word)
		}
	}
	targets := map[string]bool{}
	for _, c := range plan.Nfpms[0].Contents {
		targets[c.Dst] = true
	}
	for _, dst := range []string{
		"/usr/share/man/man1/", "/usr/share/bash-completion/completions/hookctl", "/usr/share/zsh/vendor-completions/_hookctl",
		"/usr/share/fish/vendor_completions.d/hookctl.fish", "/usr/lib/systemd/user/hookctl.service",
	} {
		if !targets[dst] {
			t.Errorf("the packages put nothing into %s", dst)
		}
	}
	ignored, err := os.ReadFile(filepath.Join("..", "..", ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"/.release/", "/dist/"} {
		if !slices.Contains(strings.Split(string(ignored), "\n"), dir) {
			t.Errorf("git sees %s, so a release's binaries would be marked as modified", dir)
		}
	}
}
