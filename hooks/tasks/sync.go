package tasks

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"hookctl/hooks"
	"hookctl/logs/text"
)

// Sync is project sync of one home. Its methods are safe for concurrent use.
type Sync struct {
	cfg  Config
	busy sync.Map // a *sync.Mutex for each repository: one plan at a time
	mu   sync.Mutex
	// client is opened once, and again after an error that another login may fix.
	client *hooks.Client
}

// New returns a Sync. It reads nothing and asks nobody yet.
func New(cfg Config) *Sync {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Sync{cfg: cfg}
}

// github is the client that sync works with.
func (s *Sync) github() (*hooks.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	client, err := s.cfg.GitHub()
	if err == nil {
		s.client = client
	}
	return client, err
}

// noted drops the client after an error that another login may fix.
func (s *Sync) noted(err error) {
	if errors.Is(err, hooks.ErrNotLoggedIn) || errors.Is(err, hooks.ErrScope) || errors.Is(err, hooks.ErrSSO) {
		s.mu.Lock()
		s.client = nil
		s.mu.Unlock()
	}
}

func (s *Sync) now() time.Time { return s.cfg.Now() }

// Verdict is what a delivery alone says.
type Verdict struct {
	// Matters says that it has to be handled.
	Matters bool
	Key     string // of what it is about; deliveries of one key are handled in order
	// Why says why it does not matter although it nearly does; "" where it has nothing to do with sync.
	Why string
}

// Judge says from a delivery alone, without asking anybody, whether it matters.
func (s *Sync) Judge(d Delivery) Verdict {
	if s.cfg.Mode != ModeSuggest && s.cfg.Mode != ModeAct {
		return Verdict{}
	}
	t, why := s.read(d.Event, d.Payload)
	if t == nil {
		return Verdict{Why: why}
	}
	if d.Source == "test" {
		return Verdict{Why: "it is a sample: sync changes nothing at GitHub for it"}
	}
	switch {
	case t.kind == kindCI:
		return Verdict{Matters: true, Key: t.ciKey("")}
	case t.kind == kindOurs && parseBody(t.issue.body).key == "" && t.issue.action != "closed":
		return Verdict{}
	}
	return Verdict{Matters: true, Key: t.numberKey()}
}

// wanted reports whether sync is for a repository.
func (s *Sync) wanted(ctx context.Context, repo hooks.Target) (bool, error) {
	if len(s.cfg.Repositories) > 0 {
		return slices.ContainsFunc(s.cfg.Repositories, func(p string) bool {
			return matches([]string{strings.ToLower(p)}, strings.ToLower(repo.String()))
		}), nil
	}
	return s.known(ctx, repo)
}

// known reports whether the fleet has a repository, itself or through its owner.
func (s *Sync) known(ctx context.Context, repo hooks.Target) (bool, error) {
	if s.cfg.Targets == nil {
		return true, nil
	}
	targets, err := s.cfg.Targets(ctx)
	return slices.ContainsFunc(targets, func(t hooks.Target) bool {
		return strings.EqualFold(t.Owner, repo.Owner) && (t.IsOrg() || strings.EqualFold(t.Repo, repo.Repo))
	}), err
}

// Handle does what a delivery asks for: in the mode act it carries the plan out, in the mode suggest it keeps the plan for a
// person. An error may be tried again, unless it is a [*backoff.PermanentError]; nothing is done twice then.
func (s *Sync) Handle(ctx context.Context, d Delivery) (Outcome, error) {
	return s.handle(ctx, d, s.cfg.Mode == ModeAct)
}

// Apply does what a delivery asks for, whatever the mode. A person asks for it.
func (s *Sync) Apply(ctx context.Context, d Delivery) (Outcome, error) { return s.handle(ctx, d, true) }

func (s *Sync) handle(ctx context.Context, d Delivery, act bool) (Outcome, error) {
	t, why := s.read(d.Event, d.Payload)
	if t == nil {
		return Outcome{Status: Skipped, Text: why}, nil
	}
	busy, _ := s.busy.LoadOrStore(t.repo.id, &sync.Mutex{})
	busy.(*sync.Mutex).Lock()
	defer busy.(*sync.Mutex).Unlock()
	if ok, err := s.wanted(ctx, t.repo.target()); err != nil || !ok {
		return Outcome{Status: Skipped, Text: "sync is not for this repository"}, err
	}
	works, err := s.plan(ctx, t, d)
	if err != nil {
		return Outcome{}, s.failed(ctx, works, err)
	}
	var out Outcome
	var texts []string
	for _, w := range works {
		one, err := s.carryOut(ctx, w, act)
		if err != nil {
			return out, s.failed(ctx, []*work{w}, err)
		}
		out.Problem = errors.Join(out.Problem, one.Problem)
		out.Notices = append(out.Notices, one.Notices...)
		if out.Status == "" || one.Status != Skipped && out.Status == Skipped {
			texts = nil
			out.Status, out.Key, out.Issue, out.URL = one.Status, one.Key, one.Issue, one.URL
		}
		if one.Text != "" && !slices.Contains(texts, one.Text) {
			texts = append(texts, one.Text)
		}
	}
	out.Text = text.Cut(strings.Join(texts, "; "), 500)
	if len(out.Notices) > 1 && out.Notices[0].Type == out.Notices[1].Type {
		out.Notices = out.Notices[:1] // a message for each record and type; the text names all
	}
	if out.Status == "" {
		out.Status, out.Text = Skipped, "there is nothing to do"
	}
	return out, nil
}

// carryOut does, or suggests, one work and notes it in the ledger.
func (s *Sync) carryOut(ctx context.Context, w *work, act bool) (Outcome, error) {
	out := Outcome{Status: Skipped, Key: w.key, Text: w.skip, Issue: w.issue, URL: w.url}
	if len(w.steps) == 0 {
		err := s.update(ctx, func(l *ledger) {
			w.learn(l)
			e := l.Entries[w.key]
			if e != nil && e.State == "suggested" && w.t.kind == kindCI && w.t.ci.green {
				delete(l.Entries, w.key) // it is over before anybody looked
			} else if e != nil {
				e.failing(nil)
				if w.issue != 0 { // it was created, and nobody lived to note its number
					e.Issue, e.URL, e.Creating = w.issue, w.url, time.Time{}
				}
				if w.keep != nil {
					w.keep(e)
				}
			}
		})
		return out, err
	}
	if !act {
		out.Status, out.Text = Suggested, w.summary()
		return out, w.note(ctx, "suggested", func(e *entry) { e.Title, e.Issue, e.URL = w.title, w.issue, w.url })
	}
	if w.owes != nil {
		if err := s.update(ctx, func(l *ledger) { l.Owed[w.owedKey()] = w.owes }); err != nil {
			return out, err
		}
	}
	problem, err := w.apply(ctx)
	problem = errors.Join(w.problem, problem)
	if err != nil {
		return out, err
	}
	out.Status, out.Text, out.Issue, out.URL, out.Notices, out.Problem = Done, w.summary(), w.issue, w.url, w.notices, problem
	if problem != nil {
		s.noted(problem)
		out.Text = strings.TrimPrefix(out.Text+"; not all of it: "+line(problem.Error(), 200), "; ")
	}
	for i := range out.Notices {
		out.Notices[i].complete(w)
	}
	return out, w.note(ctx, "open", func(e *entry) {
		e.Title, e.Issue, e.URL, e.Creating = w.title, w.issue, w.url, time.Time{}
		e.failing(problem)
		if w.keep != nil {
			w.keep(e)
		}
	})
}

// failed notes in the ledger what keeps failing, and says whether another attempt may help.
func (s *Sync) failed(ctx context.Context, works []*work, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.noted(err)
	for _, w := range works {
		if w.key == "" {
			continue
		}
		noteErr := w.note(ctx, "", func(e *entry) {
			e.failing(err)
			e.Title = cmp.Or(e.Title, w.title)
		})
		if noteErr != nil {
			return errors.Join(err, noteErr)
		}
	}
	if lasting(err) {
		return backoff.Permanent(err)
	}
	return err
}

// Preview makes the plan of a delivery and writes nothing, neither at GitHub nor in the ledger. why says why the plan is empty.
func (s *Sync) Preview(ctx context.Context, d Delivery) (actions []Action, why string, err error) {
	actions = []Action{}
	t, why := s.read(d.Event, d.Payload)
	if t == nil {
		return actions, cmp.Or(why, "this event does not concern sync"), nil
	}
	if ok, err := s.wanted(ctx, t.repo.target()); err != nil || !ok {
		return actions, "sync is not for " + t.repo.name, err
	}
	works, err := s.plan(ctx, t, d)
	if err != nil {
		return actions, "", err
	}
	for _, w := range works {
		for _, st := range w.steps {
			actions = append(actions, st.Action)
		}
		if w.skip != "" {
			why = w.skip
		}
	}
	return actions, why, nil
}

// complete gives a notice what all have in common.
func (n *Notice) complete(w *work) {
	if n.Context == nil {
		n.Context = map[string]any{}
	}
	for key, value := range map[string]any{"source": "hookctl", "notification_type": n.Type, "event": w.d.Event, "repository": w.t.repo.name, "url": w.url, "number": w.issue, "sync_key": w.key} {
		if _, set := n.Context[key]; !set {
			n.Context[key] = value
		}
	}
}
