package mcpmw

import (
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Methods by the way in which they are decided. A method that is in none of these is
// decided by its key "method/NAME".
var (
	// free methods need a verified client and no more.
	free = map[string]bool{
		"initialize": true, "ping": true, "server/discover": true,
		"notifications/initialized": true, "notifications/cancelled": true,
		"notifications/progress": true, "notifications/roots/list_changed": true,
	}
	// lists need a verified client, and contain what it may call.
	lists = map[string]bool{"tools/list": true, "prompts/list": true, "resources/list": true}
	// named methods are decided by what they name.
	named = map[string]bool{"tools/call": true, "prompts/get": true, "resources/read": true}
)

// maxName bounds a name or URI that a caller sends, in bytes: it goes to logs.
const maxName = 2048

// operationOf returns the operation of what a caller names, and for a name that is too
// long an operation that no Policy can name.
func operationOf(kind, name string) string {
	if len(name) > maxName {
		return "oversized/" + kind
	}
	return kind + name
}

// demand is one requirement that a message must meet.
type demand struct {
	operation string
	need      scopes.Requirement
}

// demands returns what a parsed message must meet, at least one demand. It returns a
// demand that nobody meets for params of an unknown form.
func (p policy) demands(method string, params mcp.Params) []demand {
	if free[method] || lists[method] {
		return []demand{{method, scopes.Authenticated()}}
	}
	var operations []string
	if !named[method] {
		operations = append(operations, ofMethod+method)
	}
	about, ok := subjects(method, params)
	if !ok {
		return []demand{{method, scopes.Requirement{}}}
	}
	var all []demand
	for _, operation := range append(operations, about...) {
		all = append(all, demand{operation, p.need(operation)})
	}
	return all
}

// subjects returns the tools, prompts and resources that a message names. ok is false if
// the params have not the type that the SDK gives those of the method.
func subjects(method string, params mcp.Params) (operations []string, ok bool) {
	switch method {
	case "tools/call":
		if p, ok := params.(*mcp.CallToolParamsRaw); ok && p != nil {
			return []string{operationOf(ofTool, p.Name)}, true
		}
	case "prompts/get":
		if p, ok := params.(*mcp.GetPromptParams); ok && p != nil {
			return []string{operationOf(ofPrompt, p.Name)}, true
		}
	case "resources/read":
		if p, ok := params.(*mcp.ReadResourceParams); ok && p != nil {
			return []string{operationOf(ofResource, p.URI)}, true
		}
	case "resources/subscribe":
		if p, ok := params.(*mcp.SubscribeParams); ok && p != nil {
			return []string{operationOf(ofResource, p.URI)}, true
		}
	case "resources/unsubscribe":
		if p, ok := params.(*mcp.UnsubscribeParams); ok && p != nil {
			return []string{operationOf(ofResource, p.URI)}, true
		}
	case "subscriptions/listen":
		if p, ok := params.(*mcp.SubscriptionsListenParams); ok && p != nil {
			if p.Notifications != nil {
				for _, uri := range p.Notifications.ResourceSubscriptions {
					operations = append(operations, operationOf(ofResource, uri))
				}
			}
			return operations, true
		}
	case "completion/complete":
		if p, ok := params.(*mcp.CompleteParams); ok && p != nil && p.Ref != nil {
			if p.Ref.Name != "" {
				operations = append(operations, operationOf(ofPrompt, p.Ref.Name))
			}
			if p.Ref.URI != "" {
				operations = append(operations, operationOf(ofResource, p.Ref.URI))
			}
			return operations, true
		}
	default:
		return nil, true
	}
	return nil, false
}
