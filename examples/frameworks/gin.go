package frameworks

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/scopes"
	"github.com/m2mauth/m2mauth/verifier"
)

// ginRequire guards a route or a group of gin. gin.WrapH would not do: it does not
// abort the chain after a refusal, and it loses the client.
func ginRequire(guard *httpmw.Middleware, need scopes.Requirement) gin.HandlerFunc {
	return func(c *gin.Context) {
		allowed := false
		next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			allowed, c.Request = true, r
			c.Next()
		})
		guard.Serve(c.Writer, c.Request, c.Request.Method+" "+c.FullPath(), need, next)
		if !allowed {
			c.Abort()
		}
	}
}

func newGin(guard *httpmw.Middleware) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.GET("/health", func(c *gin.Context) { c.String(200, "ok") })
	r.GET("/orders", ginRequire(guard, scopes.All("orders:read")), func(c *gin.Context) {
		client, _ := verifier.ClientFromContext(c.Request.Context())
		c.String(200, client.ID)
	})
	r.DELETE("/orders/:id", ginRequire(guard, scopes.All("orders:write")), func(c *gin.Context) {
		c.String(200, "deleted "+c.Param("id"))
	})
	return r
}
