// Package thirdparty shows m2mauth with frameworks that the module itself does
// not depend on.
package thirdparty
