package tui

import (
	"reflect"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
)

const (
	frameEvery = time.Second / 60       // while something changes
	restEvery  = time.Second            // while nothing does
	awake      = 100 * time.Millisecond // how long after a change
)

// pace lets the renderer rest. Bubble Tea looks for a changed frame sixty times a second for as long as it runs, which is
// nearly all that an idle interface costs; its one option lowers the rate of all frames. So its ticker runs at the full
// rate for a moment after each change, and once a second otherwise. The ticker is not exported: where a version has it no
// more, frames come as Bubble Tea likes, and TestTheRendererRests fails.
type pace struct {
	program *tea.Program
	ticker  *time.Ticker
	content string // of the last frame
	cursor  tea.Cursor

	mu      sync.Mutex
	timer   *time.Timer // ends the time awake
	until   time.Time
	resting bool
}

// frame is called with each frame, by the loop that shows it next.
func (p *pace) frame(v tea.View) {
	if p == nil {
		return
	}
	var cursor tea.Cursor
	if v.Cursor != nil {
		cursor = *v.Cursor
	}
	if p.ticker != nil && v.Content == p.content && cursor == p.cursor {
		return
	}
	p.content, p.cursor = v.Content, cursor
	if p.ticker == nil {
		if p.ticker = tickerOf(p.program); p.ticker == nil {
			return
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = time.Now().Add(awake)
	switch {
	case p.timer == nil:
		p.timer = time.AfterFunc(awake, p.rest)
	case p.resting:
		p.resting = false
		p.ticker.Reset(frameEvery)
		p.timer.Reset(awake)
	}
}

func (p *pace) rest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if more := time.Until(p.until); more > 0 {
		p.timer.Reset(more)
		return
	}
	p.resting = true
	p.ticker.Reset(restEvery)
}

// tickerOf is the ticker of a program that runs, nil where it cannot be found.
func tickerOf(p *tea.Program) *time.Ticker {
	field := reflect.ValueOf(p).Elem().FieldByName("ticker")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*time.Ticker]() {
		return nil
	}
	return (*time.Ticker)(field.UnsafePointer())
}
