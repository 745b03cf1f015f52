package githubtest

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// overSocket is a client of a simulation's socket.
func overSocket(t *testing.T, socket string) *http.Client {
	t.Helper()
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		}}}
}

func send(t *testing.T, c *http.Client, method, path, body string) (int, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://api.github.com"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "token "+DefaultToken)
	resp, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

func TestFaultsStrike(t *testing.T) {
	path := "/repos/" + widgets + "/hooks"
	for _, test := range []struct {
		name   string
		fault  Fault
		status int // 0: no answer
		acted  bool
	}{
		{"status", Fault{Method: "POST", Path: "/repos/*/*/hooks", Status: 502}, 502, false},
		{"drop before", Fault{Path: "/repos/**", DropBefore: true}, 0, false},
		{"drop after", Fault{Method: "post", DropAfter: true}, 0, true},
		{"delay", Fault{Delay: time.Millisecond}, 201, true},
		{"another method", Fault{Method: "PATCH", Status: 500}, 201, true},
		{"another path", Fault{Path: "/repos/*/hooks", Status: 500}, 201, true},
		{"delay and status", Fault{Delay: time.Millisecond, Status: 504}, 504, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, socket := start(t, Options{Resolve: func(string) string { return "" }})
			s.AddRepository(widgets, Repository{})
			s.Fault(test.fault)
			status, err := send(t, overSocket(t, socket), "POST", path, body(goodConfig, ""))
			if status != test.status || (test.status == 0) != (err != nil) {
				t.Errorf("%d %v", status, err)
			}
			if acted := len(s.Hooks(widgets)) == 1; acted != test.acted {
				t.Errorf("acted: %v", acted)
			}
		})
	}
}

func TestFaultsEnd(t *testing.T) {
	s := quiet(t, Options{})
	s.Fault(Fault{Status: 500, Times: 2})
	lift := s.Fault(Fault{Status: 503})
	var have []int
	for range 3 {
		have = append(have, octocat(t, s, "GET", "/user", "").status)
	}
	lift()
	have = append(have, octocat(t, s, "GET", "/user", "").status)
	s.Fault(Fault{Status: 500, Header: http.Header{"Retry-After": {"7"}}, Body: "<html>"})
	if r := octocat(t, s, "GET", "/user", ""); r.header.Get("Retry-After") != "7" || r.text != "<html>" {
		t.Errorf("%v %s", r.header, r.text)
	}
	s.ClearFaults()
	have = append(have, octocat(t, s, "GET", "/user", "").status)
	for i, want := range []int{500, 500, 503, 200, 200} {
		if have[i] != want {
			t.Errorf("answers %v", have)
			break
		}
	}
}

func TestProbabilityIsSeeded(t *testing.T) {
	run := func(seed uint64) string {
		s := quiet(t, Options{Seed: seed})
		s.Fault(Fault{Status: 500, Probability: 0.3})
		var marks strings.Builder
		for range 200 {
			if octocat(t, s, "GET", "/user", "").status == 500 {
				marks.WriteByte('x')
			} else {
				marks.WriteByte('.')
			}
		}
		return marks.String()
	}
	first := run(7)
	if n := strings.Count(first, "x"); n < 40 || n > 80 {
		t.Errorf("%d of 200 struck", n)
	}
	if run(7) != first {
		t.Error("the same seed gave other faults")
	}
	if run(8) == first {
		t.Error("another seed gave the same faults")
	}
}

func TestRequestsAreKept(t *testing.T) {
	s := quiet(t, Options{})
	octocat(t, s, "GET", "/user?x=1", "")
	api(t, s, "", "POST", "/repos/"+widgets+"/hooks", `{"a":1}`)
	s.Fault(Fault{Status: 500})
	octocat(t, s, "GET", "/user", "")
	list := s.Requests()
	if len(list) != 3 || list[0].Query != "x=1" || list[0].Status != 200 ||
		string(list[1].Body) != `{"a":1}` || list[1].Status != 401 || list[2].Status != 500 {
		t.Errorf("%+v", list)
	}
}

func TestStartTwiceAndCloseTwice(t *testing.T) {
	s, socket := start(t, Options{})
	if err := s.Start(socket + "2"); err == nil {
		t.Error("started twice")
	}
	s.Close()
	s.Close()
	if _, err := net.Dial("unix", socket); err == nil {
		t.Error("it listens after Close")
	}
}
