package server

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"hookctl/logs"
	"hookctl/server/route"
)

// TestConditionsAndTemplatesBuildABoundedAmount runs what would take gigabytes. None of it counts as matched, and each raises an
// alarm that names its route.
func TestConditionsAndTemplatesBuildABoundedAmount(t *testing.T) {
	for name, rule := range map[string]route.Route{
		"a product":        {When: `"a" * 1000000000 | length > 5`},
		"a turned product": {When: `1000000000 * "a" | length > 5`},
		"products":         {When: `"a" * 1000000 * 1000 | length > 5`},
		"of the payload":   {When: `.action * (.many | tonumber) | length > 5`},
		"in an update":     {When: `.action *= 1000000000 | .action | length > 5`},
		"in a function":    {When: `def f(x): x * 1000000000; f("a") | length > 5`},
		"in a string":      {When: `"\("a" * 1000000000)" | length > 5`},
		"doubling":         {When: `reduce range(40) as $i ("a"; . + .) | length > 5`},
		"doubling a list":  {When: `reduce range(40) as $i ([1]; . + .) | length > 5`},
		"a long list":      {When: `[range(1000000000)] | length > 5`},
		"a far place":      {When: `.far as $n | [] | .[$n] = 1 | length > 5`},
		"a far update":     {When: `[] | .[500000000] |= 1 | length > 5`},
		"a far sum":        {When: `[] | .[500000000] += 1 | length > 5`},
		"a far product":    {When: `[] | .[500000000] *= 1 | length > 5`},
		"a set path":       {When: `null | setpath(["a", 500000000]; 1) | .a | length > 5`},
		"a picked path":    {When: `pick(.list[500000000]) | .list | length > 5`},
		"a stream":         {When: `[fromstream([[500000000], 1], [[500000000]])] | length > 5`},
		"in a path":        {When: `.list[.many | tonumber].a.b = 1 | .list | length > 5`},
		"a long number":    {When: `reduce range(40) as $i (12345678901234567890; . * .) | . > 5`},
		"one long step":    {When: `def deep(n): reduce range(n) as $i (1; [., .]); deep(28) == deep(28)`},
		"a loop without output": {
			Subject: `{{range 1000000000000}}{{end}}x`,
		},
		"a loop of a condition": {
			Subject: `{{range 1000000000000}}{{if false}}x{{end}}{{end}}x`,
		},
		"a template of itself": {
			Message: `{{define "a"}}{{range 1000000}}{{template "b"}}{{end}}{{end}}{{define "b"}}{{range 1000000}}{{end}}{{end}}{{template "a"}}`,
		},
		"a template": {
			Subject: `{{$x := "aaaaaaaaaaaaaaaa"}}{{range .Payload.list}}{{$x = printf "%s%s" $x $x}}{{end}}{{len $x}}`,
		},
		"a slow template": {
			Message: `{{range $.Payload.list}}{{range $.Payload.list}}{{range $.Payload.list}}{{range $.Payload.list}}{{range $.Payload.list}}{{""}}{{end}}{{end}}{{end}}{{end}}{{end}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			condition := rule.When != ""
			rule.Event, rule.Notify = "*", "matched"
			s := newTestServer(t, func(c *Config) { c.Routes = []route.Route{rule} })
			defer s.log.Close()
			payload := fmt.Sprintf(`{"action":"published","many":"500000000","far":500000000,"list":[%s1]}`, strings.Repeat("1,", 60))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			if _, err := s.Ingest(t.Context(), &logs.Record{EventType: "release", DeliveryID: guid(1), Payload: []byte(payload)}); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("it took %s", took)
			}
			runtime.ReadMemStats(&after)
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 1024*mib {
				t.Errorf("%d MiB were allocated", grown/mib)
			}
			all := s.Stats().Alarms
			if len(all) != 1 || all[0].Key != "route.0" || !strings.Contains(all[0].Text, "routes[0] (* → matched)") || all[0].Hint == "" {
				t.Errorf("alarms %+v", all)
			}
			_, rec := onlyRecord(t, s)
			if matched := strings.HasPrefix(rec.Result, "matched"); matched == condition {
				t.Errorf("result %q", rec.Result)
			}
			cfg := testConfig(s.log)
			if err := s.Reload(cfg); err != nil {
				t.Fatal(err)
			}
			if all := s.Stats().Alarms; len(all) > 0 {
				t.Errorf("after new settings: %+v", all)
			}
		})
	}
}

func onlyRecord(t *testing.T, s *Server) (file string, rec *logs.Record) {
	t.Helper()
	found, err := s.log.Log().Find(t.Context(), guid(1))
	if err != nil || len(found) != 1 {
		t.Fatalf("%d records, %v", len(found), err)
	}
	rec, err = s.log.Log().Read(t.Context(), found[0].File)
	if err != nil {
		t.Fatal(err)
	}
	return found[0].File, rec
}
