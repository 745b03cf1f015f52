package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"hookctl/cmd/hookctl/settings"
)

// plainEnglish is what people are not to read, each with the words to use instead.
var plainEnglish = []struct{ not, but string }{
	{`\b(tells?|told|telling)\b`, "show, notify, report, print"},
	{`\bthere (is|are|was|were) none\b`, "not set, no …"},
	{`\bwhoever\b`, "who, anyone who"},
	{`\banew\b`, "again"},
	{`\b(meanwhile|all the same|oneself)\b`, "in the meantime, anyway"},
	{`\b(gives?|gave|given|giving) up\b`, "fail, stop trying"},
	{`\bmend(s|ed|ing)?\b`, "fix"},
	{`\b(unwell|(is|are|all|not|as) well[.,;:]?$|(is|are|be) well\b)`, "healthy, failing, works"},
	{`\b(named|listed|recorded) twice\b`, "duplicates"},
	{`\b(ought|shall|lest|thereof|hereby|withal|whom)\b`, "should, will, for fear of"},
	{`\b(make|makes|made|making) (a|an|another) (new )?(hook|hooks|secret|secrets|webhook)\b`, "create, generate"},
	{`\b(one|two|three|four) a (line|day|minute|second)\b`, "one per line"},
	{`\bin vain\b`, "without success"},
	{`\banswer [2-5]xx\b`, "a 2xx answer"},
	{`\banswers while you type\b`, "updates while you type"},
	{`\bonce more (cancels|ends|stops)\b`, "press again to cancel"},
	{`\b(go|goes|going) on (with|where)\b`, "continue"},
	{`\bhonestly\b`, "leave it out"},
	{`\bwhere an? (check|hook|sink|receiver) fails\b`, "if"},
	{`, as all of\b`, "as did all of"},
}

// negated is "x is no address", but not "there is no address".
const negated = `(?i)(\S+) (?:is|are) no (\w+)`

// unplainFinder returns a function that finds the first of those words in a text.
func unplainFinder() func(text string) (found, but string) {
	list := make([]*regexp.Regexp, len(plainEnglish))
	for i, w := range plainEnglish {
		list[i] = regexp.MustCompile(`(?i)` + w.not)
	}
	none := regexp.MustCompile(negated)
	return func(text string) (found, but string) {
		for i, w := range plainEnglish {
			if found := list[i].FindString(text); found != "" {
				return found, w.but
			}
		}
		for _, m := range none.FindAllStringSubmatch(text, -1) {
			if before := strings.ToLower(m[1]); before != "there" && m[2] != "longer" {
				return m[0], "not a valid …: …"
			}
		}
		return "", ""
	}
}

// What people read is plain English: the help of every command, the README, the descriptions of the settings, and every text in
// the code that has words.
func TestWordsArePlain(t *testing.T) {
	unplain := unplainFinder()
	check := func(where, text string) {
		for line := range strings.Lines(text) {
			if found, but := unplain(line); found != "" {
				t.Errorf("%s: %q: write %s: %s", where, found, but, strings.TrimSpace(line))
			}
		}
	}
	available(quietRoot(noEnvironment), func(cmd *cobra.Command) {
		check(cmd.CommandPath()+" --help", strings.Join([]string{cmd.Short, cmd.Long, cmd.Example, cmd.LocalFlags().FlagUsages()}, "\n"))
	})
	check("the schema of the settings", string(settings.Schema()))
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	check("README.md", string(readme))
	files := token.NewFileSet()
	err = filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "githubtest" || d.Name() == "kittest" || strings.HasPrefix(d.Name(), ".git")) {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && strings.Contains(text, " ") {
					check(files.Position(lit.Pos()).String(), text)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
