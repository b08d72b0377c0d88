package stytch

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// SearchParams says which machines to list. The zero value lists all.
//
// A filter that is nil is none. One that is empty and not nil is an error: it
// comes of a list that was to hold something, and would select every machine.
type SearchParams struct {
	IDs    []string // machines of one of these IDs
	Names  []string // of exactly one of these names
	Scopes []string // with at least one of these scopes

	// Any lists machines that meet one of the filters; else they meet all.
	Any bool

	// PageSize is how many come with one request: 100 if zero, at most 1000.
	PageSize int
}

// SearchClients lists machines, and asks for page after page as long as the
// loop goes on:
//
//	for machine, err := range client.SearchClients(ctx, stytch.SearchParams{}) {
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// An error is the last thing that it yields. Machines that come or go during
// the loop may be missed or listed.
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
			case *next == req.Cursor: // it would never end
				yield(M2MClient{}, errors.New("stytch: SearchClients: the answer's next_cursor is the request's own"))
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
			return req, fmt.Errorf("stytch: SearchClients: %s is empty: write nil to list machines regardless of it", f.field)
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
