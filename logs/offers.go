package logs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"hookctl/logs/jsonfile"
)

// Offer is a record that was shown to an agent. It stays offered until somebody acknowledges it, because a push to a session can
// be lost without a trace.
type Offer struct {
	File           string    `json:"file"`
	OfferedAt      time.Time `json:"offered_at,omitzero"` // zero for one that was acknowledged without having been offered
	AcknowledgedAt time.Time `json:"acknowledged_at,omitzero"`
}

// offers is the content of .hookctl/offers.json.
type offers struct {
	List []Offer         `json:"offers"`
	Next map[string]Mark `json:"next,omitempty"` // how far each channel is, by its name
}

const (
	// ackedFor is how long it is remembered that a record was acknowledged, so that nobody offers it again.
	ackedFor = 8 * 24 * time.Hour
	// maxOffers bounds the list; the oldest go first.
	maxOffers = 10_000
)

// MarshalText writes [Mark.String].
func (m Mark) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText is [ParseMark].
func (m *Mark) UnmarshalText(text []byte) (err error) {
	*m, err = ParseMark(string(text))
	return err
}

// ReadOffers returns the records that were offered and never acknowledged, oldest first. Those that were pruned are left out. It
// reads one small file, and creates none.
func ReadOffers(cfg Config) ([]Offer, error) {
	o, err := readOffers(cfg.withDefaults())
	if err != nil {
		return nil, err
	}
	open := []Offer{}
	for _, offer := range o.List {
		if _, err := os.Lstat(filepath.Join(cfg.Dir, offer.File)); err == nil && offer.AcknowledgedAt.IsZero() {
			open = append(open, offer)
		}
	}
	return open, nil
}

// Offers is [ReadOffers] for this log.
func (l *Log) Offers() ([]Offer, error) { return ReadOffers(l.cfg) }

// Offer notes, durably, that records are offered through a channel, and from where a Wait of that channel goes on. It returns those
// of files that nobody has acknowledged yet.
func (l *Log) Offer(ctx context.Context, channel string, next Mark, files ...string) (open []string, err error) {
	err = l.changeOffers(ctx, func(o *offers, now time.Time) {
		for _, file := range files {
			offer := o.of(file)
			if offer.OfferedAt.IsZero() {
				offer.OfferedAt = now
			}
			if offer.AcknowledgedAt.IsZero() {
				open = append(open, file)
			}
		}
		o.Next[channel] = next
	})
	return open, err
}

// ChannelMark is where a channel goes on; the zero Mark for one that never offered anything.
func (l *Log) ChannelMark(channel string) (Mark, error) {
	o, err := readOffers(l.cfg)
	return o.Next[channel], err
}

// Acknowledge notes, durably, that somebody has taken care of records, and returns them as they are then. Acknowledging twice, or
// what was not offered, is no error; of a file that is not in the log it is [ErrNotFound], and nothing is noted then.
func (l *Log) Acknowledge(ctx context.Context, files ...string) ([]Offer, error) {
	done := []Offer{}
	for _, file := range files {
		if !isRecordName(file) || !l.index.exists(file) {
			return nil, fmt.Errorf("%w: %q", ErrNotFound, file)
		}
	}
	err := l.changeOffers(ctx, func(o *offers, now time.Time) {
		for _, file := range files {
			offer := o.of(file)
			if offer.AcknowledgedAt.IsZero() {
				offer.AcknowledgedAt = now
			}
			done = append(done, *offer)
		}
	})
	return done, err
}

// of is the offer of a file, made where it is missing.
func (o *offers) of(file string) *Offer {
	at := slices.IndexFunc(o.List, func(offer Offer) bool { return offer.File == file })
	if at < 0 {
		at, o.List = len(o.List), append(o.List, Offer{File: file})
	}
	return &o.List[at]
}

func offersFile(dir string) string { return filepath.Join(dir, hiddenDir, "offers.json") }

// readOffers reads what there is. A file that cannot be understood is as good as none: what it knew is offered once more.
func readOffers(cfg Config) (offers, error) {
	o, err := jsonfile.Read[offers](offersFile(cfg.Dir))
	if missing := errors.Is(err, fs.ErrNotExist); err != nil && !missing && !errors.As(err, new(*fs.PathError)) {
		cfg.Logger.Warn("the list of what was offered to agents is damaged and begins again", "file", offersFile(cfg.Dir))
	} else if err != nil && !missing {
		return o, fmt.Errorf("read what was offered to agents: %w", err)
	}
	if o.Next == nil {
		o.Next = map[string]Mark{}
	}
	return o, nil
}

// changeOffers changes the list while no other process does.
func (l *Log) changeOffers(ctx context.Context, change func(*offers, time.Time)) error {
	read := func() (offers, error) { return readOffers(l.cfg) }
	err := jsonfile.Update(ctx, offersFile(l.cfg.Dir), read, func(o *offers) {
		now := l.cfg.Now().UTC()
		change(o, now)
		o.List = slices.DeleteFunc(o.List, func(offer Offer) bool {
			return !offer.AcknowledgedAt.IsZero() && now.Sub(offer.AcknowledgedAt) > ackedFor
		})
		o.List = o.List[max(0, len(o.List)-maxOffers):]
	})
	if err != nil {
		return fmt.Errorf("note what agents have seen: %w", err)
	}
	return nil
}
