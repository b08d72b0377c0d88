package m2mtest_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/gorilla/mux"
	"github.com/m2mauth/m2mauth/grpcmw"
	"github.com/m2mauth/m2mauth/httpmw"
	"github.com/m2mauth/m2mauth/httpmw/gorilla"
	"github.com/m2mauth/m2mauth/m2mtest"
	"github.com/m2mauth/m2mauth/scopes"
	"google.golang.org/grpc"
)

// TestForgotten: three of 40 routes and 20 methods have no requirement.
// Start-up and the matrix name exactly those three.
func TestForgotten(t *testing.T) {
	_, v := m2mtest.Trust(t, nil)
	m, err := httpmw.New(v, nil)
	if err != nil {
		t.Fatal(err)
	}
	root := mux.NewRouter()
	routes, err := gorilla.New(m, root)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		r := root.HandleFunc(fmt.Sprintf("/r%02d/{id}", i), func(http.ResponseWriter, *http.Request) {}).Methods("GET")
		if i != 7 && i != 23 {
			routes.Route(r, scopes.All(fmt.Sprintf("r%d", i)))
		}
	}
	policy := grpcmw.Policy{}
	var methods []grpc.MethodInfo
	for i := range 20 {
		name := fmt.Sprintf("M%02d", i)
		methods = append(methods, grpc.MethodInfo{Name: name})
		if i != 11 {
			policy["/t.v1.S/"+name] = scopes.All("m")
		}
	}
	guard, err := grpcmw.New(v, policy, nil)
	if err != nil {
		t.Fatal(err)
	}
	services := map[string]grpc.ServiceInfo{"t.v1.S": {Methods: methods}}

	want := []string{"/r07/{id}", "/r23/{id}", "/t.v1.S/M11"}
	named := regexp.MustCompile(`/r\d\d/\{id\}|/t\.v1\.S/M\d\d`)
	startUp := fmt.Sprint(routes.CheckCoverage(), "\n", guard.CheckCoverage(services))
	if got := named.FindAllString(startUp, -1); !slices.Equal(got, want) {
		t.Errorf("start-up names %q, want %q", got, want)
	}

	matrix := m2mtest.Matrix(
		m2mtest.Section{Title: "HTTP", Operations: routes.Operations()},
		m2mtest.Section{Title: "gRPC", Operations: guard.Operations(services)},
	)
	if n := len(named.FindAllString(matrix, -1)); n != 60 {
		t.Errorf("%d operations in the matrix, want 60:\n%s", n, matrix)
	}
	var got []string
	for _, line := range regexp.MustCompile(`(?m)^.*nobody ! no requirement.*$`).FindAllString(matrix, -1) {
		got = append(got, named.FindString(line))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the matrix marks %q, want %q", got, want)
	}
}
