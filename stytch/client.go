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

// Options are the optional parts of a [Client]. The zero value is the default.
type Options struct {
	// BaseURL is the API's base URL, such as a custom domain or a local authority.
	// It must be https, or http on loopback. If it is "", the project ID determines
	// it.
	BaseURL string

	// Transport sends the requests. If nil, the Client uses a copy of
	// http.DefaultTransport.
	Transport http.RoundTripper

	// Timeout limits one attempt: 10 s if zero.
	Timeout time.Duration

	// Retries limits the attempts after the first one, for calls that are safe to
	// repeat: 3 if zero, none if negative.
	Retries int
}

// Client calls Stytch's API for M2M clients. All methods are safe for concurrent
// use and return when their context ends. Make one with [New]: the zero Client
// fails every call.
//
// GetClient, SearchClients, UpdateClient and DeleteClient are repeated after network
// failures, 429, and the statuses 500, 502, 503 and 504. The pauses grow. A
// Retry-After of up to 30 s is followed; a longer one ends the call.
//
// CreateClient and the three calls of a rotation are sent once. A repeated
// CreateClient could make a second client. A late retry of a rotation's call could
// act on a newer rotation and activate a secret that no instance has received. After
// an error other than *[Error], the call may have taken effect. GetClient shows the
// state: NextSecretLastFour is "" unless a rotation is in progress, and
// SecretLastFour identifies the current secret.
type Client struct {
	projectID string
	secret    Secret
	base      string
	http      *http.Client
	timeout   time.Duration
	retries   int
}

// New returns a Client for a project. secret is the project's own secret, as the
// dashboard shows it. opts may be nil. New does no I/O. Its error reports every
// mistake in the arguments.
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
		return errors.New("the project's secret holds white space or control characters, " +
			"perhaps a line break: write it without")
	default:
		return nil
	}
}

func checkRetries(n int) error {
	if n > 10 {
		return fmt.Errorf("option Retries is %d: write at most 10, or a negative number for none", n)
	}
	return nil
}
