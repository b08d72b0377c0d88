package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// answer is an HTTP response. body is nil unless it is a JSON object.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

func send(ctx context.Context, method, url, contentType, body string) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return do(http.DefaultClient, req)
}

func do(client *http.Client, req *http.Request) (*answer, error) {
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	a := &answer{status: res.StatusCode, header: res.Header}
	_ = json.Unmarshal(text, &a.body) // a body that is not JSON has no members
	return a, nil
}

func wantStatus(ctx context.Context, client *http.Client, method, url string, status int) error {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return err
	}
	a, err := do(client, req)
	if err == nil && a.status != status {
		err = fmt.Errorf("%s: HTTP status %d, want %d", method, a.status, status)
	}
	return err
}
