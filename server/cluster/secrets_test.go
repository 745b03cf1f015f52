package cluster

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// The answer to what a node shared may be lost while another server comes to lead. The node knows its own secrets when it sees
// them, also in the middle of its rotation; what another node changed in the meantime does not undo that.
func TestANodeKnowsItsOwnSecretsInARotation(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		shared string
		want   bool
	}{"its own": {"both secrets", true}, "another node's": {"something else", false}} {
		n := followingNode(t)
		n.cfg.Secret, n.cfg.Name = newTestKey(t), "hooks"
		n.board.init()
		n.place.path = positionFile(n.cfg.Log.Log().Dir())
		n.place.now.Secrets, n.place.now.Digest = 7, "of before"
		n.cfg.Secrets = Secrets{
			Export:   func() ([]byte, error) { return []byte("both secrets"), nil },
			Import:   func(context.Context, []byte) error { t.Errorf("%s: imported", name); return nil },
			Rotating: func() bool { return true },
		}
		sealed, err := n.cfg.Secret.seal(n.cfg.Name, []byte(tt.shared))
		if err != nil {
			t.Fatal(err)
		}
		n.board.note(secretsKey, entry{value: sealed, revision: 8}, jetstream.KeyValuePut)
		if err := n.syncSecrets(t.Context()); (err == nil) != tt.want || (n.place.now.Secrets == 8) != tt.want {
			t.Errorf("%s: %v, version %d", name, err, n.place.now.Secrets)
		}
	}
}
