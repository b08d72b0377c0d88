// Package redisfleet shares state between the replicas of a service, on one Redis or
// Valkey server.
//
// [Revocations] deliver cut-offs to a revocation.List in every replica, about a second
// after a [Publisher] wrote them:
//
//	source, err := redisfleet.NewRevocations(redisfleet.Options{Server: server, MinReplicas: 1})
//	list, err := revocation.New(revocation.Config{Source: source})
//	v, err := verifier.New(verifier.Config{Issuers: issuers, Revocations: list})
//
// An operator's command calls [Publisher.Init] once, [Publisher.Publish] in an incident,
// and [Publisher.Seen] until every replica has the cut-off.
//
// # The server
//
// Redis 6.2 or later, or Valkey, as a primary with or without replicas. It keeps what it
// acknowledged: "appendonly yes", "maxmemory-policy noeviction", and with replicas
// "min-replicas-to-write 1". A Publisher refuses to write to a server without the first
// two. docs/redis.md has the reasons, and what is known of Sentinel, clusters and managed
// services.
//
// Who can write the keys can shut everyone out, and who can delete them lets new replicas
// accept what was cut off. Give services and operators users of their own, with passwords
// of their own (Redis 7; the keys are those of the default Options.Name):
//
//	user m2mauth-follower on >PASSWORD resetkeys resetchannels -@all %R~{m2mauth:revocations} %RW~{m2mauth:revocations}:seen %RW~{m2mauth:revocations}:lost +xread +xinfo|stream +hset +hdel +get +set +wait +role +time
//	user m2mauth-operator on >PASSWORD resetkeys resetchannels -@all %RW~{m2mauth:revocations} %RW~{m2mauth:revocations}:* +xread +xinfo|stream +xadd +xdel +hgetall +hdel +get +set +del +wait +role +time +info
//
// # Limits and proofs
//
// [Limits] count token requests for all replicas of a stytch/gateway, and [Replay]
// remembers DPoP proofs for all replicas of a service. Both need Redis 7 or Valkey, and
// "maxmemory-policy noeviction". Their users:
//
//	user m2mauth-gateway on >PASSWORD resetkeys resetchannels -@all %RW~m2mauth:limits:* +eval +evalsha +get +set +time
//	user m2mauth-service on >PASSWORD resetkeys resetchannels -@all %RW~m2mauth:replay:* +set
package redisfleet
