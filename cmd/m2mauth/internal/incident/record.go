package incident

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/operate"
)

// record holds what has happened, for the next run after an interruption. It holds
// no secret: only the last four characters, which Stytch shows as well. Everything
// that Stytch can tell is asked again.
type record struct {
	Version    int       `json:"version"`
	Client     string    `json:"client_id"`
	Issuer     string    `json:"issuer"`
	Note       string    `json:"note,omitempty"`
	Leaked     string    `json:"leaked_last_four"`
	Next       string    `json:"next_last_four,omitempty"`
	Deactivate bool      `json:"deactivate,omitempty"`
	Began      time.Time `json:"began"`

	Stopgap     time.Time `json:"stopgap_bound,omitzero"`
	Stopped     bool      `json:"stopgap_published,omitempty"`
	Starting    time.Time `json:"starting,omitzero"` // the rotation may have begun
	Distributed time.Time `json:"distributed,omitzero"`
	Dead        time.Time `json:"leaked_secret_dead,omitzero"` // completed or deactivated
	Bound       time.Time `json:"final_bound,omitzero"`
	Position    string    `json:"final_position,omitempty"`
	Finished    time.Time `json:"finished,omitzero"` // every replica has seen it
}

const version = 1

// load returns the record of a file, or nil if there is none.
func load(path string) (*record, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	r := &record{}
	if err == nil {
		err = json.Unmarshal(text, r)
	}
	switch {
	case err != nil:
		return nil, errors.New("-state: the file can't be read as the state of an incident: name another one, or remove it")
	case r.Version != version:
		return nil, fmt.Errorf("-state: the file is of version %d, and this command knows %d", r.Version, version)
	}
	return r, nil
}

func (r *record) save(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return operate.WriteFile("-state", path, append(text, '\n'))
}
