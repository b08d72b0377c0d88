// Package redisfleet shares state between the replicas of a service, on one Redis or
// Valkey server.
package redisfleet
