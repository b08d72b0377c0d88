package mcpmw

import (
	"context"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// list answers a list with the items that the client may call. It reads the pages of the
// server and answers with one: a page's cursor names its last item, which the client may
// not know.
//
// Who resumes the stream of the answer must meet the requirement of each item in it. They
// are known, and recorded, once the answer is complete.
func (g *Guard) list(ctx context.Context, method string, req mcp.Request, next mcp.MethodHandler, p *passport, demands []demand) (mcp.Result, error) {
	defer func() { p.decide(demands) }()
	permits := func(operation string) bool {
		need, ok := g.permits(ctx, operation)
		if ok {
			demands = append(demands, demand{operation, need})
		}
		return ok
	}
	result, err := next(ctx, method, req)
	if err != nil {
		return nil, err
	}
	switch first := result.(type) {
	case *mcp.ListToolsResult:
		all := *first
		all.Tools, err = collect(first, func(r *mcp.ListToolsResult) ([]*mcp.Tool, string) { return r.Tools, r.NextCursor },
			func(cursor string) (mcp.Result, error) {
				r := *req.(*mcp.ListToolsRequest)
				r.Params = &mcp.ListToolsParams{Cursor: cursor}
				return next(ctx, method, &r)
			}, func(t *mcp.Tool) bool { return permits(ofTool + t.Name) })
		all.NextCursor = ""
		result = &all
	case *mcp.ListPromptsResult:
		all := *first
		all.Prompts, err = collect(first, func(r *mcp.ListPromptsResult) ([]*mcp.Prompt, string) { return r.Prompts, r.NextCursor },
			func(cursor string) (mcp.Result, error) {
				r := *req.(*mcp.ListPromptsRequest)
				r.Params = &mcp.ListPromptsParams{Cursor: cursor}
				return next(ctx, method, &r)
			}, func(t *mcp.Prompt) bool { return permits(ofPrompt + t.Name) })
		all.NextCursor = ""
		result = &all
	case *mcp.ListResourcesResult:
		all := *first
		all.Resources, err = collect(first, func(r *mcp.ListResourcesResult) ([]*mcp.Resource, string) { return r.Resources, r.NextCursor },
			func(cursor string) (mcp.Result, error) {
				r := *req.(*mcp.ListResourcesRequest)
				r.Params = &mcp.ListResourcesParams{Cursor: cursor}
				return next(ctx, method, &r)
			}, func(t *mcp.Resource) bool { return permits(ofResource + t.URI) })
		all.NextCursor = ""
		result = &all
	}
	return private(result), err
}

// collect returns the items of a first page, and of those that follow, that keep accepts.
func collect[R mcp.Result, Item any](first R, read func(R) ([]Item, string), page func(cursor string) (mcp.Result, error), keep func(Item) bool) ([]Item, error) {
	kept := []Item{} // not nil, which JSON shows as null
	items, cursor := read(first)
	for {
		for _, item := range items {
			if keep(item) {
				kept = append(kept, item)
			}
		}
		if cursor == "" {
			return kept, nil
		}
		result, err := page(cursor)
		if err != nil {
			return nil, err
		}
		following, ok := result.(R)
		if !ok {
			return nil, errOtherResult
		}
		items, cursor = read(following)
	}
}
