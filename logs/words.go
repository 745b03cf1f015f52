package logs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The table words has the trigrams of each record's title, repository and
// sender, so that filters on these need not look at every record: SQLite's
// FTS5 without a copy of the text, which finds rather too many, and the
// filter's own conditions decide. It takes about 260 bytes a record and 40 µs
// to fill, so it is filled behind everything else, from the newest record
// down to the id that meta has as "words". It is used once that is 0.
const wordsSQL = `
CREATE VIRTUAL TABLE words USING fts5(text, content='', contentless_delete=1, tokenize='trigram', detail=none);
INSERT INTO meta VALUES('words', 9223372036854775807);` // filling begins behind all ids

const (
	wordsBlock   = 1000 // records of a transaction, which others wait for
	mostTrigrams = 30
)

func wordsOf(e *Entry) string { return e.Title + "\n" + e.Repository + "\n" + e.Sender }

// putWords notes the words of a record in the part of the table that is filled. The rest will be.
func (in *inserter) putWords(ctx context.Context, e *Entry) error {
	if e.key < in.words {
		return nil
	}
	_, err := in.tx.ExecContext(ctx, `INSERT OR REPLACE INTO words(rowid, text) VALUES(?, ?)`, e.key, wordsOf(e))
	return err
}

// fillWords fills the table words, with rests between, until ctx ends, all is there, or the index needs to be made to agree.
func (x *index) fillWords(ctx context.Context) error {
	for {
		start, done := time.Now(), false
		err := x.transact(ctx, func(tx *transaction) (err error) {
			done, err = fillBlock(ctx, tx)
			return err
		})
		if err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-x.lost:
			x.lose() // that goes first
			return nil
		case <-time.After(time.Since(start)):
		}
	}
}

func fillBlock(ctx context.Context, tx *transaction) (done bool, err error) {
	var from int64
	if err := tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = 'words'`).Scan(&from); err != nil || from == 0 {
		return from == 0, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT id, title, repo, sender FROM record WHERE id < ? ORDER BY id DESC LIMIT ?`, from, wordsBlock)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	var args []any
	for rows.Next() {
		var e Entry
		if err := rows.Scan(&from, &e.Title, &e.Repository, &e.Sender); err != nil {
			return false, err
		}
		args = append(args, from, wordsOf(&e))
	}
	if err := rows.Err(); err != nil {
		return false, err
	}
	if len(args) < 2*wordsBlock {
		from = 0
	}
	if len(args) > 0 {
		if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO words(rowid, text) VALUES`+repeated(`(?,?)`, len(args)/2), args...); err != nil { // #nosec G202 -- placeholders only
			return false, err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE meta SET value = ? WHERE key = 'words'`, from)
	return from == 0, err
}

// hasWords says whether the table words is filled.
func (x *index) hasWords(ctx context.Context) bool {
	if !x.filled.Load() {
		from, err := x.number(ctx, `SELECT value FROM meta WHERE key = 'words'`)
		complete, cerr := x.number(ctx, `SELECT value FROM meta WHERE key = 'complete'`)
		x.filled.Store(err == nil && cerr == nil && from == 0 && complete == 1)
	}
	return x.filled.Load()
}

// words is what the table words is asked for a filter, "" where it has no answer: it knows nothing of less than three
// characters in a row.
func (f Filter) words() string {
	var all []string
	for i := range f.terms {
		t := &f.terms[i]
		if t.not || !slices.Contains([]string{"title", "repo", "sender"}, t.name) {
			continue
		}
		var any []string
		for _, v := range t.values {
			if grams := trigrams(v); len(grams) > 0 {
				any = append(any, "("+strings.Join(grams, " AND ")+")")
			}
		}
		if len(any) == len(t.values) && len(any) <= mostTrigrams {
			all = append(all, "("+strings.Join(any, " OR ")+")")
		}
	}
	return strings.Join(all, " AND ")
}

// trigrams are the quoted trigrams that a text must have to match a pattern.
func trigrams(pattern string) (list []string) {
	for piece := range strings.FieldsFuncSeq(pattern, func(r rune) bool { return r == '*' || r == '?' }) {
		runes := []rune(piece)
		for i := 0; i+3 <= len(runes) && len(list) < mostTrigrams; i++ {
			gram := `"` + strings.ReplaceAll(string(runes[i:i+3]), `"`, `""`) + `"`
			if !slices.Contains(list, gram) {
				list = append(list, gram)
			}
		}
	}
	return list
}

// source is the tables that a filter is asked of, the one that leads first, with the conditions, and the column of ids in it.
func (l *Log) source(ctx context.Context, f Filter) (tables, key string, conds []string, args []any) {
	conds, args, search := f.where()
	words := f.words()
	switch {
	case words != "" && l.index.hasWords(ctx):
		tables, key = "words CROSS JOIN record r ON r.id = words.rowid", "words.rowid"
		if search {
			tables += " CROSS JOIN search s ON s.id = words.rowid"
		}
		return tables, key, append([]string{"words MATCH ?"}, conds...), append([]any{words}, args...)
	case search:
		// The narrow table leads, and the wide one is asked for what was found.
		return "search s CROSS JOIN record r ON r.id = s.id", "s.id", conds, args
	}
	return "record r", "r.id", conds, args
}

// counted is source for counting, without the record table where it is not needed.
func (l *Log) counted(ctx context.Context, f Filter) (clause string, args []any) {
	if len(f.terms) == 1 && f.terms[0].name == "" {
		conds, args, _ := f.where()
		return " FROM search s" + whereClause(conds), args
	}
	return l.joined(ctx, f)
}

func (l *Log) joined(ctx context.Context, f Filter) (clause string, args []any) {
	tables, _, conds, args := l.source(ctx, f)
	return fmt.Sprintf(" FROM %s%s", tables, whereClause(conds)), args
}
