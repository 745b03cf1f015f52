package receiver

import (
	"os"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"hookctl/server/daemon"
	"hookctl/tui/kit"
	"hookctl/tui/kittest"
)

func TestMain(m *testing.M) { os.Exit(kittest.Main(m)) }

// pageScreen is the page on a screen.
type pageScreen struct {
	*kittest.Screen
	*kittest.World
	receiver *Page
}

func newReceiverScreen(t testing.TB, cfg kittest.Settings, w, h int) *pageScreen {
	t.Helper()
	a := kittest.NewWorld(t, cfg)
	a.Waits = func(tea.Cmd) tea.Cmd { return nil }
	p := New(a.Shell, Config{Home: a.Cfg.Home, Daemon: a.Cfg.Daemon, Receiver: &a.Status, Poll: a.Poll})
	a.Put(p)
	return &pageScreen{kittest.NewScreen(t, a, w, h), a, p}
}

// receiving is a screen with a receiver that runs.
func receiving(t testing.TB, w, h int, change ...func(*kittest.Settings)) *pageScreen {
	t.Helper()
	cfg := kittest.FullSettings(t)
	for _, c := range change {
		c(&cfg)
	}
	s := newReceiverScreen(t, cfg, w, h)
	s.Send(kittest.Says(kittest.RunningStatus(), nil))
	return s
}

// refused is the page with requests that the receiver refused.
func refusedRequests(s *pageScreen) {
	s.Press("4", "v")
	s.receiver.rejected = []daemon.Rejected{
		{Time: kittest.Noon.Add(-time.Hour), Address: "192.0.2.7:55555", Reason: "no signature"},
		{Time: kittest.Noon.Add(-2 * time.Minute), Address: "140.82.112.3:40000", Reason: "the signature does not match", Event: "push", Fingerprints: []string{"a1b2c3d4"}, Former: "0f1e2d3c"},
		{Time: kittest.Noon.Add(-time.Minute), Address: "140.82.112.3:40001", Reason: "wrong signature", Event: "push", DeliveryID: "72d3162e-cc78-11e3-81ab-4c9367dc0958", Fingerprints: []string{"a1b2c3d4"}},
	}
}

// inACluster is the page of a node: one is away, one catches up, and this one publishes its records again.
func inACluster(s *pageScreen) {
	s.Press("4")
	status := kittest.RunningStatus()
	status.Cluster = &daemon.Cluster{Name: "hooks", Node: "a", Quorum: true, Ready: true, Notifier: "a", Republishing: &daemon.Republishing{Records: 12_000, Of: 80_000},
		Members: []daemon.ClusterMember{{Node: "a", Up: true}, {Node: "b"}, {Node: "c", Up: true, Lag: 12_345}}}
	s.Send(kittest.Says(status, nil))
}

func shots() kittest.States[*pageScreen] {
	return kittest.States[*pageScreen]{
		List: map[string]func(*pageScreen){"receiver-rejected": refusedRequests, "receiver-cluster": inACluster}, Open: receiving,
		Of: func(s *pageScreen) (*kittest.Screen, *kit.Shell) { return s.Screen, s.Shell },
	}
}

func TestGoldenScreensOfReceiver(t *testing.T) { shots().Golden(t) }

func TestEverySizeOfReceiverFits(t *testing.T) { shots().Fit(t) }

func TestStylesOfEveryScreen(t *testing.T) { shots().Styles(t) }
