module github.com/m2mauth/m2mauth

go 1.26
