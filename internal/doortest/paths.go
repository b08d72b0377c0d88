package doortest

// Disguise describes a request that a router can match to a catch-all, and that
// some later server reads as one for "/admin/secret.txt".
type Disguise struct {
	Name string
	Line string // of the request, without the version
	Host string // "example.com" if empty
}

// Disguises returns requests for "/admin/secret.txt" that avoid a route for
// "/admin/", named after the servers that read them so.
func Disguises() []Disguise {
	return []Disguise{
		{Name: "an encoded slash: http.FileServer, httputil.ReverseProxy", Line: "GET /admin%2Fsecret.txt"},
		{Name: "an encoded slash in lower case", Line: "GET /admin%2fsecret.txt"},
		{Name: "an encoded letter", Line: "GET /%61dmin%2Fsecret.txt"},
		{Name: "two slashes, one of them encoded", Line: "GET /%2Fadmin/secret.txt"},
		{Name: "a slash encoded twice", Line: "GET /admin%252Fsecret.txt"},
		{Name: "a slash encoded three times", Line: "GET /admin%25252Fsecret.txt"},
		{Name: "a slash encoded four times", Line: "GET /admin%2525252Fsecret.txt"},
		{Name: "a letter encoded twice", Line: "GET /%2561dmin/secret.txt"},
		{Name: "an encoding of IIS", Line: "GET /admin%25u002fsecret.txt"},
		{Name: "a backslash: IIS, WHATWG URL", Line: "GET /admin%5Csecret.txt"},
		{Name: "a bare backslash", Line: `GET /admin\secret.txt`},
		{Name: "a parameter: Tomcat, Jetty", Line: "GET /admin;a=b/secret.txt"},
		{Name: "an encoded parameter", Line: "GET /admin%3Ba=b/secret.txt"},
		{Name: "an empty parameter", Line: "GET /admin;/secret.txt"},
		{Name: "a parameter of nothing", Line: "GET /;a=b/admin/secret.txt"},
		{Name: "a parameter with an encoded slash: Tomcat", Line: "GET /;%2Fx/admin/secret.txt"},
		{Name: "dot segments with a parameter: Tomcat", Line: "GET /public/..;/admin/secret.txt"},
		{Name: "dot segments encoded twice", Line: "GET /public/%252e%252e/admin/secret.txt"},
		{Name: "dot segments with a space: Windows", Line: "GET /public/..%20/admin/secret.txt"},
		{Name: "a dot segment before a query", Line: "GET /public/..%3F/admin/secret.txt"},
		{Name: "full-width dot segments", Line: "GET /public/%EF%BC%8E%EF%BC%8E/admin/secret.txt"},
		{Name: "a trailing dot: Windows", Line: "GET /admin./secret.txt"},
		{Name: "a trailing space: Windows", Line: "GET /admin%20/secret.txt"},
		{Name: "upper case: Express, IIS, APFS", Line: "GET /Admin/secret.txt"},
		{Name: "full-width letters: NFKC", Line: "GET /%EF%BD%81dmin/secret.txt"},
		{Name: "an encoded question mark", Line: "GET /admin%3Fx"},
		{Name: "an encoded fragment", Line: "GET /admin%23x"},
		{Name: "NUL", Line: "GET /admin%00/secret.txt"},
		{Name: "NUL, encoded twice", Line: "GET /admin%2500/secret.txt"},
		{Name: "a line feed", Line: "GET /admin%0A/secret.txt"},
		{Name: "a C1 control", Line: "GET /admin%C2%85/secret.txt"},
		{Name: "an overlong slash", Line: "GET /admin%C0%AFsecret.txt"},
		{Name: "invalid UTF-8 after two decodings", Line: "GET /admin%25C0%25AFsecret.txt"},
		{Name: "an absolute target", Line: "GET http://example.com/admin%2Fsecret.txt"},
		{Name: "HEAD", Line: "HEAD /admin%2Fsecret.txt"},
		{Name: "a method in lower case", Line: "get /admin%2Fsecret.txt"},
	}
}

// Undisguised returns requests that a catch-all beside "/admin/" serves: no
// server reads them as another path.
func Undisguised() []Disguise {
	return []Disguise{
		{Name: "plain", Line: "GET /index.txt"},
		{Name: "a query", Line: "GET /index.txt?path=/admin/secret.txt"},
		{Name: "a slash within", Line: "GET /files%2Findex.txt"},
		{Name: "upper case", Line: "GET /README.txt"},
		{Name: "an encoded space", Line: "GET /a%20b.txt"},
		{Name: "not ASCII", Line: "GET /%C3%A4.txt"},
		{Name: "a percent sign", Line: "GET /100%25.txt"},
		{Name: "the same beginning", Line: "GET /administration.txt"},
		{Name: "deeper", Line: "GET /files/admin/index.txt"},
		{Name: "dots", Line: "GET /a..b.txt"},
		{Name: "a parameter elsewhere", Line: "GET /index.txt;v=1"},
	}
}
