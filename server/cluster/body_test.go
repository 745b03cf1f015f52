package cluster

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/nats-io/nats.go/jetstream"

	"hookctl/logs"
)

// clumsy is an object store that damages the first bodies that it gets.
type clumsy struct {
	jetstream.ObjectStore

	damage int
	has    map[string][]byte // nil for a damaged one
}

func (c *clumsy) PutBytes(_ context.Context, name string, data []byte) (*jetstream.ObjectInfo, error) {
	if c.damage > 0 {
		c.damage--
		data = nil
	}
	c.has[name] = data
	return &jetstream.ObjectInfo{}, nil
}

func (c *clumsy) GetBytes(_ context.Context, name string, _ ...jetstream.GetObjectOpt) ([]byte, error) {
	data, found := c.has[name]
	if !found {
		return nil, jetstream.ErrObjectNotFound
	}
	if data == nil {
		return nil, jetstream.ErrDigestMismatch
	}
	return data, nil
}

func (c *clumsy) Delete(_ context.Context, name string) error {
	delete(c.has, name)
	return nil
}

// What the store damages on its way in is never named: the other nodes would wait for it in vain, and everything behind it too.
func TestLargeBodiesAreReadBackBeforeTheyAreNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &clumsy{damage: 2, has: map[string][]byte{}}
		n := &Node{log: slog.New(slog.DiscardHandler), objects: store, life: t.Context()}
		rec := &logs.Record{File: "x.json", DeliveryID: "72d3162e-cc78-11e3-81ab-000000000001", Payload: []byte("large")}
		name, err := n.upload(t.Context(), rec)
		if err != nil || !bytes.Equal(store.has[name], rec.Payload) || len(store.has) != 1 {
			t.Errorf("%s %v, the store has %q", name, err, store.has)
		}
		again, err := n.upload(t.Context(), rec)
		if err != nil || again != name {
			t.Errorf("sent again as %s, %v; it was there as %s", again, err, name)
		}
		n.uploads.all.Wait()
	})
}

// A body that stays away or damaged is given up some time, with an error that says so.
func TestBodyThatIsGoneIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := &Node{objects: &clumsy{has: map[string][]byte{"damaged": nil}}}
		for _, name := range []string{"damaged", "missing"} {
			if _, err := n.body(t.Context(), name, bodyPatience); !lacksBody(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
