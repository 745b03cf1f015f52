package route

import (
	"bytes"
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"hookctl/logs/jsonscan"
)

// slow reads a few fields the way encoding/json does, to hold the walk against.
func slow(t *testing.T, payload []byte) (action, login, fullName, branch, ref string, id int64, commits int) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatal(err)
	}
	get := func(m map[string]any, path ...string) any {
		var v any = m
		for _, key := range path {
			inner, _ := v.(map[string]any)
			v = inner[key]
		}
		return v
	}
	text := func(path ...string) string { s, _ := get(m, path...).(string); return s }
	if n, ok := get(m, "workflow_run", "id").(json.Number); ok {
		id = jsonscan.Integer([]byte(n))
	}
	all, _ := get(m, "commits").([]any)
	return text("action"), text("sender", "login"), text("repository", "full_name"), text("workflow_run", "head_branch"), text("ref"), id, len(all)
}

func compareWalk(t *testing.T, payload []byte) {
	t.Helper()
	action, login, fullName, branch, ref, id, commits := slow(t, payload)
	members, ok := jsonscan.Object(payload)
	if !ok {
		t.Fatalf("%.200q is refused", payload)
	}
	p := members
	e := ReadEvent("push", payload, members)
	if p.Text("action") != action || p.Text("sender", "login") != login || p.Text("repository", "full_name") != fullName || p.Text("ref") != ref || e.Commits != commits {
		t.Errorf("%.200q: the walk read %+v", payload, e)
	}
	if p.Text("workflow_run", "head_branch") != branch || jsonscan.Integer(p.Get("workflow_run", "id")) != id {
		t.Errorf("%.200q: the walk read %+v", payload, e)
	}
}

func TestWalkReadsWhatEncodingJSONReads(t *testing.T) {
	files, err := filepath.Glob("testdata/decide/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		_, payload := sample(t, strings.TrimSuffix(filepath.Base(file), ".json"))
		compareWalk(t, payload)
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, payload, "\t", " \r\n"[:1]); err != nil {
			t.Fatal(err)
		}
		compareWalk(t, pretty.Bytes())
	}
	for _, payload := range []string{
		`{}`, ` { } `, `{"action":null}`, `{"action":"a\"b\\","ref":"\\\\\""}`, `{"action":"é\u00e9\ud83d\ude00"}`, `{"commits":[]}`, `{"commits":[1,{"a":[2,3]},"x,y]",null]}`,
		`{"sender":{"x":{"login":"no"},"login":"yes"},"repository":{"owner":{"full_name":"no"},"full_name":"o/r"}}`,
		`{"workflow_run":{"id":9007199254740993,"head_branch":"a]}\"b"},"action":"last"}`, `{"action":"first","action":"second"}`,
		`{"a":[[[[{"action":"deep"}]]]],"action":"top"}`, `{"workflow_run":{"id":1e3}}`, `{"workflow_run":[]}`,
	} {
		compareWalk(t, []byte(payload))
	}
}

// jsonscan.Object proves what is walked before; the parts below it are looked into without.
func TestWalkOnWhatIsNoJSON(t *testing.T) {
	for _, b := range []string{
		``, `{`, `{"`, `{"a`, `{"action"`, `{"action":`, `{"action":"`, `{"action":"x\`, `{"action":"x\"`, `{"action":"x"`, `{"action":"x",`, `{"action" "x"}`,
		`{action:"x"}`, `{"sender":{`, `{"sender":{"login":"x"`, `{"commits":[`, `{"commits":[1,`, `[{"action":"x"}]`, `{"action":]}`, `{,}`, `{"a":}}`, "{\"a\":\x00}", `{"a":1}}`, `\`, `"\"`,
	} {
		for cut := range len(b) { // It must end, without a panic.
			_ = ReadEvent("push", nil, []jsonscan.Member{{Key: []byte("repository"), Value: []byte(b[:cut])}, {Key: []byte("commits"), Value: []byte(b[:cut])}})
		}
		if _, err := NewEvent("push", []byte(b)); err == nil {
			t.Errorf("%q is taken for a payload", b)
		}
	}
	if n := jsonscan.Integer([]byte("9223372036854775807")); n != math.MaxInt64 {
		t.Error(n)
	}
	for _, b := range []string{"9223372036854775808", "1.5", "1e3", `"1"`, "null", ""} {
		if n := jsonscan.Integer([]byte(b)); n != 0 {
			t.Errorf("%s is %d", b, n)
		}
	}
}

// FuzzWalk holds the walk against encoding/json where that reads an object, and lets it loose on everything.
func FuzzWalk(f *testing.F) {
	for _, name := range []string{"workflow_run_failure", "push_main", "pull_request_hostile_title"} {
		_, payload := sample(f, name)
		f.Add(payload)
	}
	f.Add([]byte(`{"commits":[1,[2],{"a":"]"}],"action":"\\"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		members, ok := jsonscan.Object(payload)
		if object := json.Valid(payload) && bytes.TrimLeft(payload, " \n\r\t")[0] == '{'; ok != object {
			t.Errorf("%q is taken for an object: %v", payload, ok)
		}
		_ = ReadEvent("push", payload, members)
		if !json.Valid(payload) || bytes.Contains(payload, []byte(`\`)) || bytes.TrimLeft(payload, " \n\r\t")[0] != '{' {
			return // Keys with escapes are none of GitHub's.
		}
		compareWalk(t, payload)
	})
}
