package fleet

import "encoding/json"

// marshalList writes a list as JSON, an empty one as [] and not as null.
func marshalList[T any](list []T) ([]byte, error) { return json.Marshal(append([]T{}, list...)) }

func marshalAside(a Aside) ([]byte, error) {
	return json.Marshal(struct {
		Repository string `json:"repository"`
		HookID     int64  `json:"hook_id,omitempty"`
		Error      string `json:"error"`
		Cure       string `json:"cure,omitempty"`
	}{a.Target.String(), a.HookID, a.Err.Error(), a.Cure()})
}
