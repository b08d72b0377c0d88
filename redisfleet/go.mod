module github.com/m2mauth/m2mauth/redisfleet

go 1.26.0

replace github.com/m2mauth/m2mauth => ..

require (
	github.com/m2mauth/m2mauth v0.0.0
	github.com/redis/rueidis v1.0.79
)

require golang.org/x/sys v0.48.0 // indirect
