package doctor

import "context"

// Repair is one thing that Fix did, or tried.
type Repair struct {
	Check  string `json:"check"`  // the check whose finding it mends
	Action string `json:"action"` // what was done
	Error  string `json:"error"`  // why it did not work
}

// Fix mends what can be mended without asking, and tells what it did. Run again afterwards to see what is left.
func Fix(ctx context.Context, cfg Config) []Repair {
	cfg = cfg.withDefaults()
	return nil
}
