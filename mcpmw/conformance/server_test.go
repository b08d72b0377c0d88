package conformance

//lint:file-ignore SA1019 the suite has scenarios for logging and sampling

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// pixel stands for any image or sound: the suite does not decode them.
var pixel = []byte{0x89, 'P', 'N', 'G'}

func text(s string) mcp.Content { return &mcp.TextContent{Text: s} }

func embedded(uri string) mcp.Content {
	return &mcp.EmbeddedResource{Resource: &mcp.ResourceContents{URI: uri, MIMEType: "text/plain", Text: "This is an embedded resource content."}}
}

// contents are the tools that return fixed content.
var contents = map[string][]mcp.Content{
	"test_simple_text":            {text("This is a simple text response for testing.")},
	"test_image_content":          {&mcp.ImageContent{Data: pixel, MIMEType: "image/png"}},
	"test_audio_content":          {&mcp.AudioContent{Data: pixel, MIMEType: "audio/wav"}},
	"test_embedded_resource":      {embedded("test://embedded-resource")},
	"test_multiple_content_types": {text("Multiple content types test:"), &mcp.ImageContent{Data: pixel, MIMEType: "image/png"}, embedded("test://mixed-content-resource")},
}

// calls are the tools that call the client back.
var calls = map[string]func(context.Context, *mcp.CallToolRequest, input) (string, error){
	"test_tool_with_logging": func(ctx context.Context, r *mcp.CallToolRequest, _ input) (string, error) {
		for _, message := range []string{"Tool execution started", "Tool processing data", "Tool execution completed"} {
			if err := r.Session.Log(ctx, &mcp.LoggingMessageParams{Level: "info", Data: message}); err != nil {
				return "", err
			}
		}
		return "Logged.", nil
	},
	"test_tool_with_progress": func(ctx context.Context, r *mcp.CallToolRequest, _ input) (string, error) {
		for _, done := range []float64{0, 50, 100} {
			if err := r.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{
				ProgressToken: r.Params.GetProgressToken(), Progress: done, Total: 100, Message: fmt.Sprintf("Completed step %v of 100", done),
			}); err != nil {
				return "", err
			}
		}
		return "Done.", nil
	},
	"test_error_handling": func(context.Context, *mcp.CallToolRequest, input) (string, error) {
		return "", errors.New("This tool intentionally returns an error for testing")
	},
	"test_sampling": func(ctx context.Context, r *mcp.CallToolRequest, in input) (string, error) {
		result, err := r.Session.CreateMessage(ctx, &mcp.CreateMessageParams{
			Messages: []*mcp.SamplingMessage{{Role: "user", Content: text(in.Prompt)}}, MaxTokens: 100,
		})
		if err != nil {
			return "", err
		}
		answer, _ := result.Content.(*mcp.TextContent)
		return "LLM response: " + answer.Text, nil
	},
	"test_elicitation": func(ctx context.Context, r *mcp.CallToolRequest, in input) (string, error) {
		return elicit(ctx, r, in.Message, map[string]*jsonschema.Schema{"username": {Type: "string"}, "email": {Type: "string"}})
	},
	"test_elicitation_sep1034_defaults": func(ctx context.Context, r *mcp.CallToolRequest, _ input) (string, error) {
		return elicit(ctx, r, "Please review", map[string]*jsonschema.Schema{
			"name": {Type: "string", Default: []byte(`"John Doe"`)}, "age": {Type: "integer", Default: []byte(`30`)},
			"score": {Type: "number", Default: []byte(`95.5`)}, "verified": {Type: "boolean", Default: []byte(`true`)},
			"status": {Type: "string", Enum: []any{"active", "inactive", "pending"}, Default: []byte(`"active"`)},
		})
	},
	"test_reconnection": func(_ context.Context, r *mcp.CallToolRequest, _ input) (string, error) {
		if stop := r.Extra.CloseSSEStream; stop != nil {
			stop(mcp.CloseSSEStreamArgs{RetryAfter: 500 * time.Millisecond})
		}
		return "Reconnection test completed successfully", nil
	},
}

type input struct {
	Prompt  string `json:"prompt,omitempty"`
	Message string `json:"message,omitempty"`
}

func elicit(ctx context.Context, r *mcp.CallToolRequest, message string, properties map[string]*jsonschema.Schema) (string, error) {
	result, err := r.Session.Elicit(ctx, &mcp.ElicitParams{
		Message: message, RequestedSchema: &jsonschema.Schema{Type: "object", Properties: properties, Required: slices.Sorted(maps.Keys(properties))},
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("User response: action=%s, content=%v", result.Action, result.Content), nil
}

// The resources and prompts of the suite.
const (
	staticText   = "test://static-text"
	staticBinary = "test://static-binary"
	watched      = "test://watched-resource"
	template     = "test://template/{id}/data"
	ofTemplate   = "test://template/123/data"
)

var prompts = []*mcp.Prompt{
	{Name: "test_simple_prompt", Description: "A prompt without arguments."},
	{Name: "test_prompt_with_arguments", Description: "A prompt with two arguments.", Arguments: []*mcp.PromptArgument{
		{Name: "arg1", Description: "First", Required: true}, {Name: "arg2", Description: "Second", Required: true}}},
	{Name: "test_prompt_with_embedded_resource", Description: "A prompt with a resource.", Arguments: []*mcp.PromptArgument{
		{Name: "resourceUri", Description: "The URI", Required: true}}},
	{Name: "test_prompt_with_image", Description: "A prompt with an image."},
}

// newServer returns the server that the suite's scenarios want.
func newServer() *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "conformance", Version: "v1.0.0"}, &mcp.ServerOptions{
		SubscribeHandler:   func(context.Context, *mcp.SubscribeRequest) error { return nil },
		UnsubscribeHandler: func(context.Context, *mcp.UnsubscribeRequest) error { return nil },
		CompletionHandler: func(context.Context, *mcp.CompleteRequest) (*mcp.CompleteResult, error) {
			return &mcp.CompleteResult{Completion: mcp.CompletionResultDetails{Values: []string{"paris"}, Total: 1}}, nil
		},
	})
	for name, content := range contents {
		mcp.AddTool(server, &mcp.Tool{Name: name, Description: name}, func(context.Context, *mcp.CallToolRequest, input) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{Content: content}, nil, nil
		})
	}
	for name, call := range calls {
		mcp.AddTool(server, &mcp.Tool{Name: name, Description: name}, func(ctx context.Context, r *mcp.CallToolRequest, in input) (*mcp.CallToolResult, any, error) {
			answer, err := call(ctx, r, in)
			return &mcp.CallToolResult{Content: []mcp.Content{text(answer)}}, nil, err
		})
	}
	read := func(_ context.Context, r *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		c := &mcp.ResourceContents{URI: r.Params.URI, MIMEType: "text/plain", Text: `{"id":"123","templateTest":true,"data":"Data for ID: 123"}`}
		if r.Params.URI == staticBinary {
			c = &mcp.ResourceContents{URI: r.Params.URI, MIMEType: "image/png", Blob: pixel}
		}
		return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{c}}, nil
	}
	for _, uri := range []string{staticText, staticBinary, watched} {
		server.AddResource(&mcp.Resource{URI: uri, Name: uri, Description: uri, MIMEType: "text/plain"}, read)
	}
	server.AddResourceTemplate(&mcp.ResourceTemplate{URITemplate: template, Name: template, Description: template}, read)
	for _, p := range prompts {
		server.AddPrompt(p, func(_ context.Context, r *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			content := text(fmt.Sprintf("This is a simple prompt for testing. %v", r.Params.Arguments))
			messages := []*mcp.PromptMessage{{Role: "user", Content: content}}
			switch r.Params.Name {
			case "test_prompt_with_arguments":
				messages[0].Content = text(fmt.Sprintf("Prompt with arguments: arg1='%s', arg2='%s'", r.Params.Arguments["arg1"], r.Params.Arguments["arg2"]))
			case "test_prompt_with_embedded_resource":
				messages = append(messages, &mcp.PromptMessage{Role: "user", Content: embedded(r.Params.Arguments["resourceUri"])})
			case "test_prompt_with_image":
				messages = append(messages, &mcp.PromptMessage{Role: "user", Content: &mcp.ImageContent{Data: pixel, MIMEType: "image/png"}})
			}
			return &mcp.GetPromptResult{Messages: messages}, nil
		})
	}
	return server
}
