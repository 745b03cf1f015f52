package cluster

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// While no quorum is known one record at a time tries: the rest waits for its turn, or for a quorum, and sends nothing.
func TestOneRecordAtATimeLooksForAQuorum(t *testing.T) {
	t.Parallel()
	n := followingNode(t)
	other, _ := leaseNodes(t)
	n.js, n.ready, n.engine = other.js, other.ready, &engine{conn: other.js.Conn()}
	n.cfg.Alarm = func(string, string, string) {}
	n.probe = make(chan struct{}, 1)
	stream, err := n.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: deliveries, Subjects: []string{deliverySubject + ">"}})
	if err != nil {
		t.Fatal(err)
	}
	n.probe <- struct{}{} // another record tries
	brief, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := n.publish(brief, sharedRecord(1)); !errors.Is(err, ErrNoQuorum) {
		t.Errorf("without a quorum: %v", err)
	}
	if info, err := stream.Info(t.Context()); err != nil || info.State.Msgs != 0 {
		t.Errorf("%+v, %v; want nothing sent", info, err)
	}
	n.answered()
	if err := n.publish(t.Context(), sharedRecord(1)); err != nil {
		t.Errorf("with a quorum: %v", err)
	}
}
