package githubtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// call is one API call on its way through the simulation. To its route it is also the ResponseWriter, because ServeMux hands on
// nothing else.
type call struct {
	s        *Server
	r        *http.Request
	body     []byte
	base     string // https://api.github.com or https://HOST/api/v3
	signedIn bool
	t        *target  // the repository or organization that the path names, if it names one
	rest     string   // of the path, after t
	accepted []string // the scopes that would do
	link     string   // to other pages
	answer   answer
}

// Header is for what ServeMux says by itself about a path that is not clean;
// GitHub knows no such path, so it is lost.
func (*call) Header() http.Header { return http.Header{} }

// Write loses its bytes for the same reason.
func (*call) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader loses its status for the same reason.
func (*call) WriteHeader(int) {}

// answer is what a call gets: a status, headers and a value to send as JSON.
type answer struct {
	status int
	header http.Header
	body   any // nil for none
}

func (a answer) with(key, value string) answer {
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(key, value)
	return a
}

// bytes is the body as it is sent. What the simulation builds always marshals.
func (a answer) bytes() []byte {
	switch body := a.body.(type) {
	case nil:
		return nil
	case rawBody:
		return []byte(body)
	}
	data, err := json.Marshal(a.body)
	if err != nil {
		panic(fmt.Sprintf("githubtest: marshal an answer: %v", err))
	}
	return data
}

func (a answer) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	data := a.bytes()
	if _, raw := a.body.(rawBody); data != nil && !raw {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(data) // a caller that went away needs no answer
}

func ok(body any) answer { return answer{status: http.StatusOK, body: body} }

func created(body any) answer { return answer{status: http.StatusCreated, body: body} }

// apiError is the body of GitHub's refusals.
type apiError struct {
	Message string       `json:"message"`
	Errors  []fieldError `json:"errors,omitempty"`
	URL     string       `json:"url,omitempty"`
	Docs    string       `json:"documentation_url"`
	Status  string       `json:"status,omitempty"`
}

// fieldError is one entry of errors in a 422.
type fieldError struct {
	Resource string `json:"resource"`
	Code     string `json:"code"`
	Field    string `json:"field,omitempty"`
	Message  string `json:"message,omitempty"`
}

const docs = "https://docs.github.com/rest"

func refuse(status int, message string, errs ...fieldError) answer {
	return answer{status: status, body: apiError{Message: message, Errors: errs, Docs: docs, Status: strconv.Itoa(status)}}
}

func notFound() answer { return refuse(http.StatusNotFound, "Not Found") }

// invalid is the 422 of a field that breaks a rule.
func invalid(resource, field, code string) answer {
	return refuse(http.StatusUnprocessableEntity, "Validation Failed", fieldError{Resource: resource, Field: field, Code: code})
}

// invalidHook is the 422 of a hook that breaks a rule of GitHub's model.
func invalidHook(field, message string) answer {
	return refuse(http.StatusUnprocessableEntity, "Validation Failed", fieldError{Resource: "Hook", Code: "custom", Field: field, Message: message})
}

// badRequest is the 422 of a body that breaks the schema of the call.
func badRequest(format string, args ...any) answer {
	return refuse(http.StatusUnprocessableEntity, "Invalid request.\n\n"+fmt.Sprintf(format, args...))
}

func baseURL(r *http.Request) string {
	if r.Host == "" || strings.HasPrefix(r.Host, "api.") {
		return "https://" + r.Host
	}
	return "https://" + r.Host + "/api/v3"
}

// page cuts items as per_page and page ask, and has the answer link to the other pages.
func (c *call) page(items []map[string]any) []map[string]any {
	per, at := intQuery(c.r, "per_page", 30, 100), intQuery(c.r, "page", 1, 1<<30)
	last := max(1, (len(items)+per-1)/per)
	from := min((at-1)*per, len(items))
	if at > 1 {
		c.linkTo("prev", "page", strconv.Itoa(at-1))
	}
	if at < last {
		c.linkTo("next", "page", strconv.Itoa(at+1))
		c.linkTo("last", "page", strconv.Itoa(last))
	}
	if at > 1 {
		c.linkTo("first", "page", "1")
	}
	return items[from:min(from+per, len(items))]
}

// linkTo adds the address of another page, which differs in one parameter. As with GitHub, it names a repository by number.
func (c *call) linkTo(rel, key, value string) {
	self := c.base + c.r.URL.Path
	if c.t != nil {
		self = c.base + c.t.path() + c.rest
	}
	q := c.r.URL.Query()
	q.Set(key, value)
	if c.link != "" {
		c.link += ", "
	}
	c.link += fmt.Sprintf(`<%s?%s>; rel=%q`, self, q.Encode(), rel)
}

// intQuery reads a positive number; anything else is the default, as with GitHub.
func intQuery(r *http.Request, key string, unset, most int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(key))
	if err != nil || n < 1 {
		return unset
	}
	return min(n, most)
}
