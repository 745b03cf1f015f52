package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"hookctl/hooks"
	"hookctl/logs"
)

// tool is how a tool is described to clients.
type tool struct {
	name, title, text string
	writes            bool // changes something
	destroys          bool // what it changes cannot be had back
	repeats           bool // calling it twice changes no more than calling it once
	abroad            bool // it asks GitHub
	logless           bool // it works where the log cannot be opened
}

// call is one call of a tool.
type call struct {
	*mcp.CallToolRequest
	began time.Time
	w     *World
	log   *logs.Log           // nil for a logless tool
	ask   *mcp.CallToolResult // a question to the user, in place of a result
}

// begin is a call on the world of now, and on the log of its directory.
func (f *face) begin(ctx context.Context, req *mcp.CallToolRequest, logless bool) (*call, error) {
	c := &call{CallToolRequest: req, began: time.Now()}
	var err error
	if logless {
		c.w, err = f.cfg.Open(ctx)
	} else {
		c.w, c.log, err = f.open(ctx)
	}
	return c, err
}

// read gives the record of a file, of a delivery's GUID, or the latest.
func (c *call) read(ctx context.Context, name string) (*logs.Record, error) {
	file, err := resolve(ctx, c.log, name)
	if err != nil {
		return nil, err
	}
	record, err := c.log.Read(ctx, file)
	return record, missing(err)
}

// usageError is a mistake in the arguments of a call.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// add adds a tool whose arguments are In. run returns the result as JSON takes it, and may return one beside an error, as a command
// prints what it has before it fails.
func add[In any](f *face, t tool, run func(context.Context, *call, In) (any, error)) {
	schema, err := jsonschema.For[In](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{reflect.TypeFor[json.RawMessage](): {Type: "object"}}})
	if err != nil {
		panic(fmt.Sprintf("the arguments of the tool %s: %v", t.name, err)) // a mistake in this package
	}
	for _, property := range schema.Properties { // null or a list: some clients' models take no such choice
		if i := slices.Index(property.Types, "null"); i >= 0 && len(property.Types) == 2 {
			property.Type, property.Types = property.Types[1-i], nil
		}
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		panic(fmt.Sprintf("the arguments of the tool %s: %v", t.name, err))
	}
	destroys, abroad := t.destroys, t.abroad
	f.sdk.AddTool(&mcp.Tool{
		Name: t.name, Title: t.title, Description: t.text, InputSchema: schema,
		Annotations: &mcp.ToolAnnotations{Title: t.title, ReadOnlyHint: !t.writes, DestructiveHint: &destroys, IdempotentHint: t.repeats || !t.writes, OpenWorldHint: &abroad},
	}, func(ctx context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		var in In
		if err := arguments(req.Params.Arguments, resolved, &in); err != nil {
			return f.result(nil, err)
		}
		c, err := f.begin(ctx, req, t.logless)
		if err != nil {
			return f.result(nil, err)
		}
		result, err := run(ctx, c, in)
		if c.ask != nil && err == nil {
			return c.ask, nil
		}
		return f.result(result, err)
	})
}

// arguments checks and reads the arguments of a call.
func arguments(raw json.RawMessage, schema *jsonschema.Resolved, into any) error {
	if len(raw) == 0 || string(raw) == "null" {
		raw = json.RawMessage("{}")
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return usagef("the arguments are not JSON: %w", err)
	}
	if err := schema.Validate(value); err != nil {
		return usagef("the arguments do not fit the tool's schema: %w", err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return usagef("the arguments do not fit the tool's schema: %w", err)
	}
	return nil
}

// result makes the answer to a call of what an operation returned. A failure stands in the same object as what was done in spite of it.
func (f *face) result(value any, err error) (*mcp.CallToolResult, error) {
	body := map[string]any{}
	if value != nil {
		shown, shapeErr := plain(value)
		if object, ok := shown.(map[string]any); ok {
			body = object
		}
		err = errors.Join(err, shapeErr)
	}
	if err != nil {
		failure, shapeErr := plain(f.failure(err))
		if shapeErr != nil {
			return nil, shapeErr
		}
		maps.Copy(body, failure.(map[string]any))
	}
	text, encodeErr := encode(body)
	if encodeErr != nil {
		return nil, encodeErr
	}
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: string(text)}}, StructuredContent: json.RawMessage(text), IsError: err != nil}, nil
}

// failure is an error as programs read it.
func (f *face) failure(err error) hooks.Failure {
	if errors.As(err, new(usageError)) {
		return hooks.Failure{Error: clean(err.Error()), Hint: clean(hooks.CureOf(err)), Code: "usage"}
	}
	if which := new(confirmError); errors.As(err, &which) {
		return hooks.Failure{Error: which.Error(), Hint: which.Hint(), Code: which.code}
	}
	return f.cfg.Failure(err)
}

// encode writes JSON without escapes for HTML.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, fmt.Errorf("write the result: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// plain is a value as JSON has it, with numbers that keep every digit.
func plain(value any) (any, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("write the result: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var out any
	if err := decoder.Decode(&out); err != nil {
		return nil, fmt.Errorf("read the result: %w", err)
	}
	return out, nil
}
