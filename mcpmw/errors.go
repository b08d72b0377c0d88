package mcpmw

import "errors"

var (
	errOtherResult   = errors.New("mcpmw: a page of a list has another type than the first")
	errUnknownStream = errors.New("the stream is not one that was opened through this Handler, or is too old to be resumed")
	errUndecided     = errors.New("the call that opened the stream is not decided yet")
)
