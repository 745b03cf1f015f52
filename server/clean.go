package server

import "hookctl/logs/text"

func line(s string, limit int) string { return text.Line(s, limit) }

func paragraphs(s string, limit int) string { return text.ForAgent(s, limit) }
