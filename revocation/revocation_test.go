package revocation_test

import (
	"errors"
	"testing"

	"github.com/m2mauth/m2mauth/revocation"
)

func TestNewIsUnsupported(t *testing.T) {
	if l, err := revocation.New(revocation.Config{}); l != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("New() = %v, %v, want nil, %v", l, err, errors.ErrUnsupported)
	}
}
