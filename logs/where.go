package logs

import "strings"

// where puts a filter into SQL. table r is record, s is search; search says
// that s is asked for.
func (f Filter) where() (conds []string, args []any, search bool) {
	for i := range f.terms {
		t := &f.terms[i]
		cond, more := t.where()
		if t.not {
			cond = "NOT " + cond
		}
		conds, args = append(conds, cond), append(args, more...)
		search = search || t.field == ""
	}
	return conds, args, search
}

func (t *term) where() (cond string, args []any) {
	column := map[string]string{"event": "r.event", "action": "r.action", "repo": "r.repo", "sender": "r.sender", "branch": "r.branch",
		"title": "r.title", "conclusion": "r.conclusion", "result": "r.result", "source": "r.source", "id": "r.delivery",
		"hook": "r.hook", "number": "r.number", "type": "r.ntype", "priority": "r.npriority"}[t.field]
	switch t.field {
	case "":
		return "(s.text GLOB ?)", []any{"*" + globQuote(t.values[0], "*?[") + "*"}
	case "since":
		// The second bound is the one with an index.
		return "(r.at >= ? AND r.id >= ?)", []any{orderKey(t.time), orderKey(t.time)}
	case "until":
		return "(r.at < ? AND r.id < ?)", []any{orderKey(t.time), orderKey(t.time) + 1_000_000}
	case "verified":
		return "(r.verified = ?)", []any{t.values[0] == "yes"}
	}
	var parts []string
	for _, v := range t.values {
		switch {
		case t.field == "status":
			// The first two are rare, and their small indexes must lead.
			parts = append(parts, map[string]string{
				StatusPending: "r.id IN (SELECT id FROM record INDEXED BY record_pending WHERE pending > 0)",
				StatusFailed:  "r.id IN (SELECT id FROM record INDEXED BY record_failed WHERE failed > 0)",
				StatusSent:    "(r.notified AND r.pending = 0 AND r.failed = 0)",
				"none":        "NOT r.notified",
			}[v])
		case t.field == "number" || t.field == "hook":
			parts = append(parts, "ifnull(CAST("+column+" AS TEXT), '') = ?")
			args = append(args, v)
		case strings.ContainsAny(v, "*?"):
			parts = append(parts, "lower("+column+") GLOB ?")
			args = append(args, globQuote(v, "["))
		default:
			parts = append(parts, column+" = ?")
			args = append(args, v)
		}
	}
	return "(" + balanced(parts, " OR ") + ")", args
}

// balanced joins conditions so that thousands of them are nested a few deep only: SQLite refuses what is nested deeper
// than 1000, as a plain chain of them is.
func balanced(conds []string, by string) string {
	const few = 100
	if len(conds) <= few {
		return strings.Join(conds, by)
	}
	half := len(conds) / 2
	return "(" + balanced(conds[:half], by) + ")" + by + "(" + balanced(conds[half:], by) + ")"
}

// globQuote takes the meaning from characters of SQLite's GLOB.
func globQuote(s, special string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune(special, r) {
			b.WriteString("[" + string(r) + "]")
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func whereClause(conds []string) string {
	if len(conds) == 0 {
		return ""
	}
	return " WHERE " + balanced(conds, " AND ")
}
