package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"hookctl/logs"
)

func TestMistakesInTheSettingsAreNamed(t *testing.T) {
	t.Parallel()
	good := func() Settings {
		return Settings{Name: "hooks", Node: "a", Embed: &Embed{Listen: "10.0.0.1:6222", Peers: []string{"10.0.0.2:6222", "10.0.0.3:6222"}}}
	}
	if problems := good().Check(); len(problems) > 0 {
		t.Fatal(problems[0])
	}
	for want, change := range map[string]func(*Settings){
		"cluster.name: not a valid name":               func(s *Settings) { s.Name = "a.b" },
		"cluster.node: not a valid name":               func(s *Settings) { s.Node = "" },
		"cluster.embed: set embed":                     func(s *Settings) { s.Embed = nil },
		"cluster.urls: set embed or urls":              func(s *Settings) { s.URLs = []string{"nats://x:4222"} },
		"cluster.embed.listen: not a valid":            func(s *Settings) { s.Embed.Listen = "10.0.0.1" },
		"a cluster of two is worse than one":           func(s *Settings) { s.Embed.Peers = s.Embed.Peers[:1] },
		"cluster.embed.peers[1]: this is the no":       func(s *Settings) { s.Embed.Peers[1] = s.Embed.Listen },
		"cluster.embed.peers[1]: named more than once": func(s *Settings) { s.Embed.Peers[1] = s.Embed.Peers[0] },
		"cluster.embed.tls: set cert, key":             func(s *Settings) { s.Embed.Cert = "x" },
	} {
		s := good()
		change(&s)
		if all := fmt.Sprint(s.Check()); !strings.Contains(all, want) {
			t.Errorf("got %s, want %s", all, want)
		}
	}
}

func newTestKey(t *testing.T) Key {
	t.Helper()
	text, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeyIsShownNowhere(t *testing.T) {
	t.Parallel()
	key := newTestKey(t)
	for _, shown := range []string{key.String(), fmt.Sprintf("%+v %#v %s", key, key, key), fmt.Sprint(Config{Secret: key})} {
		if strings.Contains(shown, fmt.Sprintf("%x", key.raw)) {
			t.Error(shown)
		}
	}
	for _, bad := range []string{"", "abc", strings.Repeat("x", 64), strings.Repeat("0", 62)} {
		if _, err := ParseKey(bad); err == nil {
			t.Errorf("%q is a key", bad)
		}
	}
}

func TestSecretsAreSealedForOneCluster(t *testing.T) {
	t.Parallel()
	key, other := newTestKey(t), newTestKey(t)
	sealed, err := key.seal("hooks", []byte("secret"))
	if err != nil || bytes.Contains(sealed, []byte("secret")) {
		t.Fatalf("%q %v", sealed, err)
	}
	if plain, err := key.open("hooks", sealed); err != nil || string(plain) != "secret" {
		t.Errorf("%q %v", plain, err)
	}
	for what, open := range map[string]func() ([]byte, error){
		"another key":     func() ([]byte, error) { return other.open("hooks", sealed) },
		"another cluster": func() ([]byte, error) { return key.open("other", sealed) },
		"a cut text":      func() ([]byte, error) { return key.open("hooks", sealed[:5]) },
	} {
		if _, err := open(); !errors.Is(err, errForeign) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func tlsOf(t *testing.T, ctx context.Context, key Key, node string) *tls.Config {
	t.Helper()
	conf, _, err := key.tls(ctx, &Embed{}, node, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return conf
}

// meet dials one side of a connection and accepts the other. It returns whether both took part.
func meet(t *testing.T, dial, accept *tls.Config) (dialed, accepted error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() { // writes one byte to who is welcome
		a, err := listener.Accept()
		if err == nil {
			_, err = tls.Server(a, accept).Write([]byte("x"))
			err = errors.Join(err, a.Close())
		}
		answered <- err
	}()
	b, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, dialed = tls.Client(b, dial).Read(make([]byte, 1))
	_ = errors.Join(b.Close(), listener.Close())
	return dialed, <-answered
}

// Who has the key is a member; who has not is refused in both directions, and so is who shows no certificate.
func TestOnlyMembersConnect(t *testing.T) {
	t.Parallel()
	key := newTestKey(t)
	node := tlsOf(t, t.Context(), key, "a")
	none := tlsOf(t, t.Context(), key, "x")
	none.Certificates = nil
	for who, tt := range map[string]struct {
		dial *tls.Config
		want bool
	}{
		"a member":   {tlsOf(t, t.Context(), key, "b"), true},
		"a stranger": {tlsOf(t, t.Context(), newTestKey(t), "b"), false},
		"nobody":     {none, false},
	} {
		dialed, accepted := meet(t, tt.dial, node)
		if got := dialed == nil && accepted == nil; got != tt.want {
			t.Errorf("%s: the node says %v, the other side %v", who, accepted, dialed)
		}
	}
}

// Of two nodes that dial each other, one lets the other's connection go first, and stops waiting when it ends.
func TestOneOfTwoNodesYields(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	end()
	key := newTestKey(t)
	a, b := tlsOf(t, ended, key, "a"), tlsOf(t, ended, key, "b")
	ab, _ := meet(t, a, b)
	ba, _ := meet(t, b, a)
	if (ab == nil) == (ba == nil) || !errors.Is(errors.Join(ab, ba), context.Canceled) {
		t.Errorf("the connections end with %v and %v; want one that waited", ab, ba)
	}
	for _, pair := range [][2]string{{"x", "y"}, {"y", "x"}} {
		first, second := yields([]byte(pair[0]), []byte(pair[1])), yields([]byte(pair[1]), []byte(pair[0]))
		if min(first, second) != 0 || max(first, second) != yieldTime {
			t.Errorf("%v: they wait %s and %s", pair, first, second)
		}
	}
	if same := yields([]byte("x"), []byte("x")); same < 0 || same >= yieldTime {
		t.Errorf("with one certificate for all a node waits %s", same)
	}
}

func TestSubjectsNameDeliveries(t *testing.T) {
	t.Parallel()
	for _, rec := range []*logs.Record{
		{DeliveryID: "72D3162E-cc78-11e3-81ab-4c9367dc0958"},
		{DeliveryID: "72d3162e", Headers: map[string]string{logs.PathHeader: "team_a-1"}},
	} {
		id := identityOf(rec)
		if got, ok := idOf(id.subject(deliverySubject), deliverySubject); !ok || got != id {
			t.Errorf("%+v became %q and %+v", id, id.subject(deliverySubject), got)
		}
	}
	if _, ok := idOf("hookctl.o.x.=", deliverySubject); ok {
		t.Error("an outcome is taken for a delivery")
	}
}

func TestCompleteMeansThatEveryNodeHasEverything(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*Status)
		want   bool
	}{
		"complete":           {func(*Status) {}, true},
		"no quorum":          {func(s *Status) { s.Quorum = false }, false},
		"no secrets":         {func(s *Status) { s.Ready = false }, false},
		"one is away":        {func(s *Status) { s.Members[1].Up = false }, false},
		"one has to file":    {func(s *Status) { s.Members[1].Lag = 1 }, false},
		"one has to share":   {func(s *Status) { s.Members[1].Waiting = 1 }, false},
		"one has to join":    {func(s *Status) { s.Members[1].Secrets = nil }, false},
		"one was never seen": {func(s *Status) { s.Members = s.Members[:2] }, false},
	} {
		s := Status{Quorum: true, Ready: true}
		for _, node := range []string{"a", "b", "c"} {
			s.Members = append(s.Members, Member{Node: node, Up: true, Secrets: []string{"7e71259f"}})
		}
		tt.change(&s)
		if got := s.Complete(3); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
