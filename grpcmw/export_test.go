package grpcmw

// Pushback is for tests.
var Pushback = pushback
