package mcpmw

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// CheckCoverage compares the Policy with what a server has registered. It reports each
// tool, prompt, resource and resource template that the Policy does not name, which is
// refused, and each key of the Policy that names nothing of the server, which guards
// nothing. It can't see which methods a server has, and does not report resources that a
// template may serve. Call it when everything is registered, at start-up or in a test.
//
// It protects the server, see [Guard.Protect], and lists what it has through a session
// in memory: the server's InitializedHandler is called, if it has one.
func (g *Guard) CheckCoverage(ctx context.Context, server *mcp.Server) error {
	if g == nil || g.verifier == nil {
		return errors.New("mcpmw: CheckCoverage: the Guard is not made by New")
	}
	if server == nil {
		return errors.New("mcpmw: CheckCoverage: the server is nil")
	}
	served, templates, err := g.inventory(ctx, server)
	if err != nil {
		return fmt.Errorf("mcpmw: CheckCoverage: can't list what the server has: %w", err)
	}
	var errs []error
	for _, operation := range served {
		if g.policy.need(operation).IsZero() {
			errs = append(errs, fmt.Errorf("mcpmw: %q is served, and the policy does not name it: every call of it is refused", operation))
		}
	}
	for _, template := range templates {
		if !g.policy.names(ofResource) {
			errs = append(errs, fmt.Errorf("mcpmw: the resource template %q is served, and the policy names no resource: "+
				"every call of it is refused", template))
		}
	}
	for key := range g.Operations() {
		if !serves(served, key, len(templates) > 0) {
			errs = append(errs, fmt.Errorf("mcpmw: the policy names %q, and nothing of that name is served: "+
				"is it misspelt, or gone?", key))
		}
	}
	return errors.Join(errs...)
}

// names reports whether the policy has a key of a kind.
func (p policy) names(kind string) bool {
	for key := range p.needs {
		if strings.HasPrefix(key, kind) {
			return true
		}
	}
	return false
}

// serves reports whether a key of a Policy may name anything that a server has.
func serves(served []string, key string, templates bool) bool {
	switch kind, name, _ := strings.Cut(key, "/"); {
	case kind+"/" == ofMethod, kind+"/" == ofResource && templates:
		return true
	case name == "*":
		return slices.ContainsFunc(served, func(s string) bool { return strings.HasPrefix(s, kind+"/") })
	}
	return slices.Contains(served, key)
}

// inventory returns the tools, prompts and resources of a server as operations, and its
// resource templates.
func (g *Guard) inventory(ctx context.Context, server *mcp.Server) (operations, templates []string, err error) {
	g.Protect(server)
	ours, theirs := mcp.NewInMemoryTransports()
	serving, err := server.Connect(g.InsecureLocal(ctx), theirs, nil)
	if err != nil {
		return nil, nil, err
	}
	defer serving.Close()
	client := mcp.NewClient(&mcp.Implementation{Name: "mcpmw", Version: "v0"}, nil)
	session, err := client.Connect(ctx, ours, nil)
	if err != nil {
		return nil, nil, err
	}
	defer session.Close()
	has := session.InitializeResult().Capabilities
	if has.Tools != nil {
		for tool, err := range session.Tools(ctx, nil) {
			if err != nil {
				return nil, nil, err
			}
			operations = append(operations, ofTool+tool.Name)
		}
	}
	if has.Prompts != nil {
		for prompt, err := range session.Prompts(ctx, nil) {
			if err != nil {
				return nil, nil, err
			}
			operations = append(operations, ofPrompt+prompt.Name)
		}
	}
	if has.Resources != nil {
		for resource, err := range session.Resources(ctx, nil) {
			if err != nil {
				return nil, nil, err
			}
			operations = append(operations, ofResource+resource.URI)
		}
		for template, err := range session.ResourceTemplates(ctx, nil) {
			if err != nil {
				return nil, nil, err
			}
			templates = append(templates, template.URITemplate)
		}
	}
	return operations, templates, nil
}
