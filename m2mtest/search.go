package m2mtest

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"

	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// search returns one page of the clients that match the query.
func (s *clientStore) search(req stytchwire.SearchRequest) ([]stytchwire.Client, stytchwire.ResultsMetadata, *apiError) {
	var meta stytchwire.ResultsMetadata
	limit := req.Limit
	if limit == 0 {
		limit = stytchwire.DefaultSearchLimit
	}
	if limit < 0 || limit > stytchwire.MaxSearchLimit {
		return nil, meta, badRequest(stytchwire.TypeBadRequest, "The limit must be between 1 and 1000.")
	}
	after, ok := parseCursor(req.Cursor)
	if !ok {
		return nil, meta, badRequest(stytchwire.TypeBadRequest, "The cursor is malformed.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	page := []stytchwire.Client{}
	var last uint64
	for _, c := range s.all {
		if req.Query != nil && !meets(c, req.Query) {
			continue
		}
		meta.Total++
		switch {
		case c.seq <= after:
		case len(page) < limit:
			page = append(page, c.snapshot())
			last = c.seq
		case meta.NextCursor == nil:
			next := formatCursor(last)
			meta.NextCursor = &next
		}
	}
	return page, meta, nil
}

func meets(c *client, q *stytchwire.SearchQuery) bool {
	if len(q.Operands) == 0 {
		return true
	}
	and := q.Operator == stytchwire.OperatorAnd
	for _, o := range q.Operands {
		var met bool
		switch o.FilterName {
		case stytchwire.FilterClientID:
			met = slices.Contains(o.FilterValue, c.ClientID)
		case stytchwire.FilterClientName:
			met = slices.Contains(o.FilterValue, c.ClientName)
		case stytchwire.FilterScopes:
			met = slices.ContainsFunc(o.FilterValue, func(v string) bool { return slices.Contains(c.Scopes, v) })
		}
		if met != and {
			return met
		}
	}
	return and
}

// A cursor is the position of the last client of a page. It stays valid when
// clients are added or deleted between two pages.

func formatCursor(seq uint64) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, seq))
}

func parseCursor(cursor string) (seq uint64, ok bool) {
	if cursor == "" {
		return 0, true
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) != 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(b), true
}

// looseQuery is a search's query before its members are checked: the API has an
// error for each wrong type.
type looseQuery struct {
	Query *struct {
		Operator string                       `json:"operator"`
		Operands []map[string]json.RawMessage `json:"operands"`
	} `json:"query"`
}

func checkQuery(body []byte) *apiError {
	var loose looseQuery
	if err := unmarshal(body, &loose); err != nil {
		return badRequest(stytchwire.TypeBadRequest, "The request body is malformed.")
	}
	if loose.Query == nil {
		return nil
	}
	op := loose.Query.Operator
	if op == "" && len(loose.Query.Operands) == 0 {
		return nil // "query":{} lists all clients
	}
	if op != stytchwire.OperatorAnd && op != stytchwire.OperatorOr {
		return badRequest(stytchwire.TypeBadRequest, `The operator must be "AND" or "OR".`)
	}
	for _, operand := range loose.Query.Operands {
		if bad := checkOperand(operand); bad != nil {
			return bad
		}
	}
	return nil
}

func checkOperand(operand map[string]json.RawMessage) *apiError {
	rawName, named := operand["filter_name"]
	rawValue, valued := operand["filter_value"]
	var name string
	var values []string
	switch {
	case !named:
		return badRequest(stytchwire.TypeFilterNameMissing, "An operand has no filter_name.")
	case unmarshal(rawName, &name) != nil:
		return badRequest(stytchwire.TypeFilterNameNoString, "A filter_name is not a string.")
	case name != stytchwire.FilterClientID && name != stytchwire.FilterClientName && name != stytchwire.FilterScopes:
		return badRequest(stytchwire.TypeFilterNameUnknown, "A filter_name is not client_id, client_name or scopes.")
	case !valued:
		return badRequest(stytchwire.TypeFilterValueMissing, "An operand has no filter_value.")
	case unmarshal(rawValue, &values) != nil || values == nil:
		return badRequest(stytchwire.TypeFilterValueNoTexts, "A filter_value is not an array of strings.")
	}
	return nil
}
