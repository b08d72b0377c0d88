module github.com/m2mauth/m2mauth/redisfleet

go 1.26.0

replace github.com/m2mauth/m2mauth => ..
