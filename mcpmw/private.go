package mcpmw

import "github.com/modelcontextprotocol/go-sdk/mcp"

// private returns a result that caches must not share between clients: the SDK marks
// results as public by default. It copies what it changes, because handlers may answer
// with a result that they keep.
func private(result mcp.Result) mcp.Result {
	const scope = "private"
	switch r := result.(type) {
	case *mcp.ListToolsResult:
		c := *r
		c.CacheScope = scope
		return &c
	case *mcp.ListPromptsResult:
		c := *r
		c.CacheScope = scope
		return &c
	case *mcp.ListResourcesResult:
		c := *r
		c.CacheScope = scope
		return &c
	case *mcp.ListResourceTemplatesResult:
		c := *r
		c.CacheScope = scope
		return &c
	case *mcp.ReadResourceResult:
		c := *r
		c.CacheScope = scope
		return &c
	}
	return result
}
