package stytch

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/m2mauth/m2mauth/internal/outbound"
	"github.com/m2mauth/m2mauth/internal/stytchwire"
)

// Options are the optional parts of a [Client]. The zero value is every
// default.
type Options struct {
	// BaseURL is where the API is, if it is not where the project ID says: a
	// custom domain, or a local authority. It is https, or on loopback.
	BaseURL string

	// Transport makes the requests: if nil, one like http.DefaultTransport.
	Transport http.RoundTripper

	// Timeout is how long one attempt may take: 10 s if zero.
	Timeout time.Duration

	// Retries is how often a call that is safe to repeat is tried again: 3 if
	// zero, never if negative.
	Retries int
}

// Client makes Stytch's calls about machines. All methods are safe for
// concurrent use, and end when their context does.
//
// Calls that read (GetClient, SearchClients) and calls whose repetition changes
// nothing (UpdateClient, DeleteClient) are repeated after network failures, 429
// and 5xx, with growing pauses, or the one that Retry-After asks for if that is
// at most 30 s.
//
// CreateClient and the three calls of a rotation are sent once. A second
// creation makes a second client. After a lost answer nobody knows whether a
// rotation was started, and a completion or cancellation that comes too late
// would hit the next rotation, and make a secret the only one that nobody has
// yet. On an error other than *[Error], look with GetClient:
// NextSecretLastFour says whether a rotation is under way, and SecretLastFour
// which secret is in force.
type Client struct {
	projectID string
	secret    Secret
	base      string
	http      *http.Client
	timeout   time.Duration
	retries   int
}

// New makes a Client of a project, whose secret is that of the dashboard. opts
// may be nil. It does no I/O, and reports all mistakes at once.
func New(projectID string, secret Secret, opts *Options) (*Client, error) {
	if opts == nil {
		opts = &Options{}
	}
	if err := outbound.Mistakes("stytch",
		stytchwire.CheckProjectID(projectID),
		checkSecret(secret),
		outbound.CheckOrigin("BaseURL", opts.BaseURL),
		outbound.CheckNotNegative("Timeout", opts.Timeout),
		checkRetries(opts.Retries),
	); err != nil {
		return nil, err
	}
	return &Client{
		projectID: projectID,
		secret:    secret,
		base:      stytchwire.BaseURL(projectID, opts.BaseURL),
		http:      outbound.NewClient(opts.Transport),
		timeout:   outbound.OrDefault(opts.Timeout, outbound.DefaultTimeout),
		retries:   max(0, outbound.OrDefault(opts.Retries, 3)),
	}, nil
}

func checkSecret(s Secret) error {
	switch text := s.Reveal(); {
	case text == "":
		return errors.New("the project's secret is empty: write the one that the dashboard shows")
	case strings.HasPrefix(text, "project-"):
		return errors.New("the project's secret is a project ID: the ID comes first, then the secret")
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return errors.New("the project's secret holds white space or control characters: " +
			"a line's end, perhaps; write it without")
	default:
		return nil
	}
}

func checkRetries(n int) error {
	if n > 10 {
		return fmt.Errorf("Retries is %d: write at most 10, or a negative number for none", n)
	}
	return nil
}
