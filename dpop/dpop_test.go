package dpop_test

import (
	"errors"
	"testing"

	"github.com/m2mauth/m2mauth/dpop"
)

func TestNewCheckerIsUnsupported(t *testing.T) {
	if c, err := dpop.NewChecker(dpop.Config{}); c != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("NewChecker() = %v, %v, want nil, %v", c, err, errors.ErrUnsupported)
	}
}
