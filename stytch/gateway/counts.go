package gateway

import (
	"iter"
	"maps"
	"net/http"
	"sync"
)

// Count is a kind of response to a token request, of [TokenEndpoint.Counts].
type Count struct {
	Status  int    // the HTTP status
	Code    string // the error code; "" for a token
	Guessed bool   // Answer.FailedFrom is not 0: somebody may guess the client's secret
	Local   bool   // Answer.LimiterErr is not nil: the limits of this process alone applied
}

// counts counts the responses of a TokenEndpoint. The zero value has none.
type counts struct {
	mu sync.Mutex
	by map[Count]uint64
}

// standardCounts are reported from the start, so that a rate can be computed from the
// first response on.
var standardCounts = []Count{
	{Status: http.StatusOK},
	{Status: http.StatusUnauthorized, Code: "invalid_client"},
	{Status: http.StatusUnauthorized, Code: "invalid_client", Guessed: true},
	{Status: http.StatusTooManyRequests, Code: codeUnavailable},
	{Status: http.StatusServiceUnavailable, Code: codeUnavailable},
}

func (c *counts) add(a *Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = make(map[Count]uint64)
	}
	c.by[Count{a.Status, a.Code, a.FailedFrom > 0, a.LimiterErr != nil}]++
}

// Counts returns how many responses of each kind there were since the TokenEndpoint was
// made, whether or not Observe is set. No label is chosen by a caller.
// promm2m.Collector.AddTokenEndpoints exposes them to Prometheus.
func (e *TokenEndpoint) Counts() iter.Seq2[Count, uint64] {
	all := make(map[Count]uint64)
	for _, c := range standardCounts {
		all[c] = 0
	}
	e.counts.mu.Lock()
	maps.Copy(all, e.counts.by)
	e.counts.mu.Unlock()
	return maps.All(all)
}
