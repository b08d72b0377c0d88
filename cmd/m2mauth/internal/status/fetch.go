package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/m2mauth/m2mauth/cmd/m2mauth/internal/screen"
	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/telemetry"
)

const (
	maxReport = 4 << 20 // bytes
	maxAtOnce = 16      // requests
)

// fetcher reads reports.
type fetcher struct {
	client  *http.Client
	timeout time.Duration
}

// newFetcher returns a fetcher that follows no redirect and uses no proxy: the page
// refuses requests that went through one.
func newFetcher(timeout time.Duration) *fetcher {
	return &fetcher{client: outbound.NewClient(outbound.NewDirectTransport(nil, nil)), timeout: timeout}
}

// all reads the report of every URL at once, and returns them in order.
func (f *fetcher) all(ctx context.Context, urls []*url.URL) []replica {
	list := make([]replica, len(urls))
	slots := make(chan struct{}, maxAtOnce)
	var wg sync.WaitGroup
	for i, u := range urls {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			list[i].URL = u.String()
			report, err := f.read(ctx, u)
			if err != nil {
				list[i].Error = screen.Plain(err.Error(), maxText)
				return
			}
			list[i].Report = report
		})
	}
	wg.Wait()
	return list
}

// read reads one report.
func (f *fetcher) read(ctx context.Context, u *url.URL) (*telemetry.Report, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, f.timeout, fmt.Errorf("no answer after %v", f.timeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, outbound.WithoutURL(err)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, failure(ctx, err)
	}
	defer resp.Body.Close()
	switch kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); {
	case resp.StatusCode == http.StatusMisdirectedRequest:
		return nil, errors.New("status 421: it answers its own machine alone; forward its port, or name its host in StatusConfig.Hosts")
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return nil, fmt.Errorf("status %d: there is a guard before it; forward the port of the page itself", resp.StatusCode)
	case resp.StatusCode >= 300 && resp.StatusCode <= 399:
		return nil, fmt.Errorf("status %d: a redirect, which is not followed", resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	case kind != "application/json":
		return nil, errors.New("the answer is not JSON: no status page is at this URL")
	}
	body, err := outbound.ReadBody(resp.Body, maxReport)
	if err != nil {
		return nil, failure(ctx, err)
	}
	report := new(telemetry.Report)
	switch err := json.Unmarshal(body, report); {
	case err != nil || report.Version == 0:
		return nil, errors.New("the answer is no report: no status page is at this URL")
	case report.Version != telemetry.ReportVersion:
		return nil, fmt.Errorf("the report has version %d, and this command reads version %d", report.Version, telemetry.ReportVersion)
	case !known(report.State):
		return nil, errors.New("the report has a state that this command does not know")
	}
	return report, nil
}

// failure returns why a request got no whole answer.
func failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return outbound.WithoutURL(err)
}

func known(s telemetry.State) bool {
	return s == telemetry.Well || s == telemetry.Degraded || s == telemetry.Failing
}
