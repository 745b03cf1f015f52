package server

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"hookctl/logs/text"
	"hookctl/server/sink"
)

// Extra is what a message says beyond what its payload has.
type Extra struct {
	Note    string         // a sentence of ours below the message
	Facts   map[string]any // fields beside those of the notice: numbers, times, yes and no
	Text    string         // lines with the words of others, which [Trust] may withhold
	Context map[string]any // likewise
}

// enrichTime is how long a message waits for what [Config.Enrich] adds.
const enrichTime = 10 * time.Second

// enrich adds to a failure of CI what Enrich finds, once for all attempts. Where the words of an event are not to be trusted,
// neither are those of its jobs; and what fails or takes too long is left out.
func (q *queue) enrich(ctx context.Context, it *item, m sink.Message) sink.Message {
	ask := q.s.settings.Load().Enrich
	if ask == nil || it.summary || m.Kind != "ci_failure" {
		return m
	}
	if it.extra == nil {
		it.extra = &Extra{}
		ctx, cancel := context.WithTimeout(ctx, enrichTime)
		defer cancel()
		rec, err := q.s.log.Log().Read(ctx, it.refs[0].file)
		if err == nil {
			*it.extra, err = ask(ctx, rec)
		}
		if err != nil {
			q.s.logger.Info("a notification goes without the jobs of its run", "file", it.refs[0].file, "error", err)
		}
	}
	texts, fields := []string{m.Text, it.extra.Note}, []map[string]any{it.extra.Facts}
	if m.Context["trusted"] != false {
		texts, fields = append(texts, it.extra.Text), append(fields, it.extra.Context)
	}
	m.Text = text.ForAgent(strings.Join(slices.DeleteFunc(texts, func(s string) bool { return s == "" }), "\n"), 8000)
	m.Context = maps.Clone(m.Context)
	for _, more := range fields {
		for key, value := range more {
			if _, there := m.Context[key]; !there {
				m.Context[key] = value
			}
		}
	}
	return m
}
