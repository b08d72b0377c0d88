package stytch

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// SearchParams selects M2M clients. The zero value selects all.
//
// A nil filter selects every client. An empty filter that is not nil is an error,
// because a list that is empty by mistake would select every client too.
type SearchParams struct {
	IDs    []string // clients with one of these IDs
	Names  []string // clients with exactly one of these names
	Scopes []string // clients with at least one of these scopes

	// Any selects clients that match one filter. By default they must match all.
	Any bool

	// PageSize sets the clients per request: 100 if zero, at most 1000.
	PageSize int
}

// SearchClients returns an iterator over the selected M2M clients. It requests a new
// page when the loop reaches it:
//
//	for c, err := range client.SearchClients(ctx, stytch.SearchParams{}) {
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// The loop ends after an error. Clients that are created or deleted during the loop
// may be listed or not.
func (c *Client) SearchClients(ctx context.Context, p SearchParams) iter.Seq2[M2MClient, error] {
	return func(yield func(M2MClient, error) bool) {
		req, err := p.wire()
		if err != nil {
			yield(M2MClient{}, err)
			return
		}
		for {
			var page stytchwire.SearchResponse
			_, err := c.do(ctx, call{
				name: "SearchClients", method: "POST", path: stytchwire.SearchPath, body: req, repeat: true,
			}, &page)
			if err != nil {
				yield(M2MClient{}, err)
				return
			}
			for _, machine := range page.M2MClients {
				if !yield(fromWire(machine), nil) {
					return
				}
			}
			next := page.ResultsMetadata.NextCursor
			switch {
			case next == nil || *next == "":
				return
			case *next == req.Cursor: // the loop would never end
				yield(M2MClient{}, errors.New("stytch: SearchClients: the response's next_cursor is the request's own"))
				return
			}
			req.Cursor = *next
		}
	}
}

func (p SearchParams) wire() (stytchwire.SearchRequest, error) {
	if p.PageSize < 0 || p.PageSize > stytchwire.MaxSearchLimit {
		return stytchwire.SearchRequest{}, fmt.Errorf("stytch: SearchClients: PageSize is %d: write 1 to %d, or 0 for %d",
			p.PageSize, stytchwire.MaxSearchLimit, stytchwire.DefaultSearchLimit)
	}
	req := stytchwire.SearchRequest{Limit: outbound.OrDefault(p.PageSize, stytchwire.DefaultSearchLimit)}
	var operands []stytchwire.Operand
	for _, f := range []struct {
		field, name string
		values      []string
	}{
		{"IDs", stytchwire.FilterClientID, p.IDs},
		{"Names", stytchwire.FilterClientName, p.Names},
		{"Scopes", stytchwire.FilterScopes, p.Scopes},
	} {
		if f.values == nil {
			continue
		}
		if len(f.values) == 0 {
			return req, fmt.Errorf("stytch: SearchClients: %s is empty: write nil to list clients regardless of it", f.field)
		}
		operands = append(operands, stytchwire.Operand{FilterName: f.name, FilterValue: f.values})
	}
	if operands != nil {
		req.Query = &stytchwire.SearchQuery{Operator: stytchwire.OperatorAnd, Operands: operands}
		if p.Any {
			req.Query.Operator = stytchwire.OperatorOr
		}
	}
	return req, nil
}
