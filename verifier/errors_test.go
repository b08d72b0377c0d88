package verifier_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/m2mauth/m2mauth/verifier"
)

// TestErrorIsItsReason: errors.Is matches the Reason and the cause of an
// Error, and nothing else.
func TestErrorIsItsReason(t *testing.T) {
	cause := errors.New("a cause")
	bare, caused := &verifier.Error{Code: verifier.InvalidToken, Reason: verifier.Expired}, &verifier.Error{Code: verifier.Unavailable, Reason: verifier.Canceled, Err: cause}
	for _, err := range []error{bare, fmt.Errorf("x: %w", bare)} {
		if !errors.Is(err, verifier.Expired) || errors.Is(err, verifier.TooOld) || errors.Is(err, verifier.Reason("")) || errors.Is(err, cause) {
			t.Errorf("%v", err)
		}
		if reason, ok := errors.AsType[verifier.Reason](err); !ok || reason != verifier.Expired {
			t.Errorf("%v has the Reason %q", err, reason)
		}
	}
	if !errors.Is(caused, cause) || !errors.Is(caused, verifier.Canceled) {
		t.Errorf("%v", caused)
	}
	for text, err := range map[string]error{
		"m2mauth: invalid_token: expired":         bare,
		"m2mauth: unavailable: canceled: a cause": caused,
		"m2mauth: no_credentials: ":               &verifier.Error{Code: verifier.NoCredentials},
		"m2mauth: invalid_request: ":              &verifier.Error{Code: verifier.InvalidRequest},
		"m2mauth: unknown: ":                      &verifier.Error{},
		"m2mauth: no error":                       (*verifier.Error)(nil),
	} {
		if err.Error() != text {
			t.Errorf("%q, want %q", err.Error(), text)
		}
	}
	none := (*verifier.Error)(nil)
	if errors.Is(none, verifier.Expired) || errors.Is(none, verifier.Reason("")) || none.Unwrap() != nil {
		t.Error("no error is one")
	}
}

// TestAsError: an error of another kind, or nil, becomes Unavailable,
// because it says nothing about the token.
func TestAsError(t *testing.T) {
	own := &verifier.Error{Code: verifier.InvalidToken, Reason: verifier.Expired}
	if got := verifier.AsError(fmt.Errorf("x: %w", own)); got != own {
		t.Errorf("%v, want the one that is wrapped", got)
	}
	for _, err := range []error{nil, (*verifier.Error)(nil), errors.New("x"), verifier.Reason("")} {
		if got := verifier.AsError(err); got == nil || got.Code != verifier.Unavailable || got.Reason != verifier.CheckFailed || got.Err != err {
			t.Errorf("%v: %v", err, got)
		}
	}
}

// TestAsErrorOfAReason: a Reason, alone or wrapped, has its Code, as in a
// callback.
func TestAsErrorOfAReason(t *testing.T) {
	for err, want := range map[error]string{
		verifier.Expired:   "m2mauth: invalid_token: expired",
		verifier.Forbidden: "m2mauth: insufficient_scope: operation_not_allowed",
		verifier.Closed:    "m2mauth: unavailable: verifier_closed",
		fmt.Errorf("client 1: %w", verifier.Revoked): "m2mauth: invalid_token: revoked: client 1",
	} {
		if got := verifier.AsError(err); got.Error() != want || !errors.Is(got, err) {
			t.Errorf("AsError(%v) = %v, want %s", err, got, want)
		}
	}
}

// TestMessages: the texts differ. They say what the caller should do and not
// what was wrong.
func TestMessages(t *testing.T) {
	var texts []string
	for code := verifier.NoCredentials; code <= verifier.Unavailable; code++ {
		texts = append(texts, code.Message())
	}
	slices.Sort(texts)
	if slices.Contains(texts, "") || len(slices.Compact(texts)) != 5 || verifier.Code(0).Message() != verifier.Unavailable.Message() {
		t.Errorf("%q", texts)
	}
}
