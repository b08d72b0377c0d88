// Package differential compares our decisions on tokens with those of other
// libraries: they must accept every token that we accept. It contains only tests.
package differential

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/m2mauth/m2mauth/verifier"
)

var usual = sync.OnceValue(func() *verifier.Verifier { return us(published) })

// compare gives one input to all libraries. It reports whether we accepted it, and
// which exceptions the peers needed to agree.
func compare(t *testing.T, in input) (accepted bool, excepted []string) {
	doc, v := published, usual()
	if in.keySet != "" && in.keySet != published {
		if doc = in.keySet; len(doc) > 16<<10 {
			return false, nil
		}
		if v = us(doc); v == nil {
			return false, nil
		}
		defer v.Close()
	}
	token := in.token()
	client, err := v.Verify(context.Background(), token)
	if err != nil {
		return false, nil
	}
	for _, p := range peers {
		refusal := p.accept(doc, token)
		q := question{keys[in.signer()], doc, token, client.KeyID}
		for _, e := range exceptions {
			if refusal == nil {
				break
			}
			again, ok := e.without(q)
			if !ok {
				continue
			}
			// There may be several reasons, so continue without this one.
			if q = again; p.accept(q.keySet, q.token) == nil {
				refusal = nil
				excepted = append(excepted, p.name+": "+e.why)
			}
		}
		if refusal != nil {
			t.Errorf("%s refuses what we accept: %v\nheader  %s\npayload %s\ntoken   %s\nkeys    %s",
				p.name, refusal, in.header, in.payload, token, doc)
		}
	}
	return true, excepted
}

func seeds() []input {
	var list []input
	for i, k := range keys {
		key := uint8(i)
		good := goodHeader(k.Algorithm, k.ID)
		list = append(list,
			input{key: key, header: good, payload: goodClaims},
			input{key: key, header: fmt.Sprintf(`{"alg":%q}`, k.Algorithm), payload: goodClaims},
			input{key: key, header: good, payload: goodClaims, keySet: keySet(k)},
			input{key: key, header: good, payload: goodClaims, spoil: 16 * 200},
			input{key: (key + 1) % uint8(len(keys)), header: good, payload: goodClaims},
		)
	}
	for _, name := range slices.Sorted(maps.Keys(headerValues)) {
		for _, value := range headerValues[name] {
			list = append(list, input{key: 5, header: with(goodHeader("EdDSA", "ed"), name, value), payload: goodClaims})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(claimValues)) {
		for _, value := range claimValues[name] {
			list = append(list, input{key: 5, header: goodHeader("EdDSA", "ed"), payload: with(goodClaims, name, value)})
		}
	}
	return list
}

// with returns object with a member set.
func with(object, name, value string) string {
	members := make(map[string]json.RawMessage)
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		panic(err)
	}
	delete(members, name)
	text := string(must(json.Marshal(members)))
	return text[:len(text)-1] + fmt.Sprintf(",%q:%s}", name, value)
}

// TestDifferential compares the seeds, and as many mutations as take some seconds.
// They are the same in every run.
func TestDifferential(t *testing.T) {
	accepted, why := 0, make(map[string]int)
	put := func(in input) bool {
		ok, excepted := compare(t, in)
		if ok {
			accepted++
		}
		for _, e := range excepted {
			why[e]++
		}
		return ok
	}
	for i, k := range keys {
		if !put(input{key: uint8(i), header: goodHeader(k.Algorithm, k.ID), payload: goodClaims}) {
			t.Errorf("we refuse a good token of %s", k.Algorithm)
		}
	}
	for _, in := range seeds() {
		put(in)
	}
	r := rand.New(rand.NewPCG(4, 2))
	const n = 4000
	for range n {
		put(randomInput(r))
	}
	t.Logf("accepted %d", accepted)
	for _, e := range slices.Sorted(maps.Keys(why)) {
		t.Logf("%4d by the exception of %s", why[e], e)
	}
	if accepted < n/10 {
		t.Errorf("only %d of some %d were accepted: the mutations are too rough to tell anything", accepted, n)
	}
	for _, e := range exceptions {
		met := false
		for _, p := range peers {
			met = met || why[p.name+": "+e.why] > 0
		}
		if !met {
			t.Errorf("nothing needs the exception any more: %s", e.why)
		}
	}
}

// FuzzDifferential checks that jwx, golang-jwt and go-jose accept what we accept.
func FuzzDifferential(f *testing.F) {
	for _, in := range seeds() {
		f.Add(in.key, in.header, in.payload, in.keySet, in.spoil)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 100 {
		in := randomInput(r)
		f.Add(in.key, in.header, in.payload, in.keySet, in.spoil)
	}
	f.Fuzz(func(t *testing.T, key uint8, header, payload, keySet string, spoil uint32) {
		compare(t, input{key, header, payload, keySet, spoil})
	})
}
