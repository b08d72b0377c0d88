package jose

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"
	"slices"

	"filippo.io/edwards25519"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/m2mauth/m2mauth/internal/strictjson"
)

// Key is a public key that verifies signatures. It is immutable.
type Key struct {
	ID         string   // "kid", or ""
	Algorithm  string   // the only one it may be used with; "" for an RSA key that names none
	Thumbprint [32]byte // RFC 7638 with SHA-256: equal for equal keys

	public any // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// UsableFor returns the one algorithm that k serves for an issuer that signs with
// the allowed ones, so that a token can't choose. An RSA key that names no
// algorithm serves the allowed RSA algorithm, if there is exactly one. ok is
// false if k serves none.
func (k *Key) UsableFor(allowed []string) (algorithm string, ok bool) {
	if k.Algorithm != "" {
		return k.Algorithm, slices.Contains(allowed, k.Algorithm)
	}
	for _, a := range allowed {
		if !IsRSA(a) {
			continue
		}
		if algorithm != "" {
			return "", false
		}
		algorithm = a
	}
	return algorithm, algorithm != ""
}

// Options relaxes the checks of keys. The zero value is the strictest.
type Options struct {
	AllowExponent3 bool // RSA keys with the public exponent 3

	// Bundle reads the document as a SPIFFE bundle ("The SPIFFE Trust Domain and
	// Bundle" §4.2.2): it takes the keys with the use "jwt-svid" alone, and skips
	// those of other kinds of SVID. With UseOptional it takes keys without a use, too: the
	// bundles of the Workload API have none.
	Bundle, UseOptional bool
}

// checkUse returns why a key with such a "use" is dropped, or nil.
func (o Options) checkUse(v strictjson.Value, found bool) *unusable {
	use, _ := v.Text()
	switch {
	case !o.Bundle && found && use != "sig":
		return drop(`its "use" is not "sig"`)
	case o.Bundle && found && use != useJWT || o.Bundle && !found && !o.UseOptional:
		return drop(`its "use" is not "jwt-svid"`)
	}
	return nil
}

// The uses of the keys in a SPIFFE bundle. A WIT-SVID is another kind of JWT (WIMSE).
const (
	useJWT  = "jwt-svid"
	useX509 = "x509-svid"
	useWIT  = "wit-svid"
)

// unusable holds the reason for which a key is dropped.
type unusable struct {
	reason string
	secret bool
}

func drop(reason string) *unusable { return &unusable{reason: reason} }

// withoutEmpty returns jwk without the members whose value is null, an empty
// array or an empty string. Serializers of .NET, Java, PHP and Go write such
// members for everything that a key lacks: "key_ops":[], "d":null, "use":"". They
// count as absent, because an empty "d" reveals nothing. A required member that
// is empty is then missing.
func withoutEmpty(jwk strictjson.Object) strictjson.Object {
	return slices.DeleteFunc(jwk, func(m strictjson.Member) bool {
		items, isArray := m.Value.Array()
		return isArray && len(items) == 0 || m.Value.JSON() == "null" || m.Value.JSON() == `""`
	})
}

// parseKey checks one JWK (RFC 7517 §4) and prepares it for use.
func parseKey(jwk strictjson.Object, opts Options) (*Key, *unusable) {
	kty, ok := textMember(jwk, "kty")
	if !ok {
		return nil, drop(`"kty" is missing`)
	}
	use, found := jwk.Get("use")
	if bad := opts.checkUse(use, found); bad != nil {
		return nil, bad
	}
	if v, found := jwk.Get("key_ops"); found {
		if ops, ok := v.Texts(16); !ok || !slices.Contains(ops, "verify") {
			return nil, drop(`its "key_ops" do not include "verify"`)
		}
	}
	k := &Key{}
	if v, found := jwk.Get("alg"); found {
		name, _ := v.Text()
		if k.Algorithm, ok = CanonicalAlgorithm(name); !ok {
			return nil, drop(`its "alg" is not an asymmetric signature algorithm`)
		}
	}
	var bad *unusable
	switch kty {
	case keyRSA:
		bad = k.loadRSA(jwk, opts)
	case keyEC:
		bad = k.loadEC(jwk)
	case keyOKP:
		bad = k.loadOKP(jwk)
	case "oct":
		// Without "k", as node-jose publishes it, the secret is not revealed.
		bad = drop(`its "kty" is "oct": it is a shared secret`)
	default:
		bad = drop(`its "kty" is unknown`)
	}
	if bad != nil {
		return nil, bad
	}
	return k, nil
}

const (
	minModulusBits = 2048 // RFC 7518 §3.3; crypto/rsa has no such minimum
	maxModulusBits = 8192 // 16384 bits with a large exponent cost 19 ms a signature
	minExponent    = 65537
)

func (k *Key) loadRSA(jwk strictjson.Object, opts Options) *unusable {
	if k.Algorithm != "" && algorithms[k.Algorithm].keyType != keyRSA {
		return drop(`its "alg" does not fit its "kty"`)
	}
	nBytes, nOK := octets(jwk, "n")
	eBytes, eOK := octets(jwk, "e")
	if !nOK || !eOK {
		return drop(`"n" or "e" is missing or not base64url`)
	}
	n, e := new(big.Int).SetBytes(nBytes), new(big.Int).SetBytes(eBytes)
	if bits := n.BitLen(); bits < minModulusBits || bits > maxModulusBits {
		return drop("its modulus is not of 2048 to 8192 bits")
	}
	if n.Bit(0) == 0 {
		return drop("its modulus is even")
	}
	if e.BitLen() > 31 || e.Bit(0) == 0 {
		// crypto/rsa accepts none above 2^31 - 1.
		return drop("its exponent is even or not below 2^31")
	}
	if e.Int64() < minExponent && !(opts.AllowExponent3 && e.Int64() == 3) {
		return drop("its exponent is below 65537")
	}
	if isROCA(n) {
		return drop("its modulus has the ROCA weakness (CVE-2017-15361)")
	}
	members := [][2]string{{"e", encode(e.Bytes())}, {"kty", keyRSA}, {"n", encode(n.Bytes())}}
	return k.load(members, &rsa.PublicKey{})
}

func (k *Key) loadEC(jwk strictjson.Object) *unusable {
	crv, _ := textMember(jwk, "crv")
	curve, algorithm := curveOf(crv)
	if curve == nil {
		return drop(`its "crv" is unknown`)
	}
	if k.Algorithm != "" && k.Algorithm != algorithm {
		return drop(`its "alg" does not fit its "crv"`)
	}
	k.Algorithm = algorithm
	x, xOK := octets(jwk, "x")
	y, yOK := octets(jwk, "y")
	// Coordinates have full size, with leading zeros (RFC 7518 §6.2.1.2).
	if size := (curve.Params().BitSize + 7) / 8; !xOK || !yOK || len(x) != size || len(y) != size {
		return drop(`"x" or "y" is missing, not base64url or not as long as its curve demands`)
	}
	point := slices.Concat([]byte{4}, x, y)
	if _, err := ecdsa.ParseUncompressedPublicKey(curve, point); err != nil {
		return drop("its point is not on its curve")
	}
	return k.load([][2]string{{"crv", crv}, {"kty", keyEC}, {"x", encode(x)}, {"y", encode(y)}}, &ecdsa.PublicKey{})
}

func (k *Key) loadOKP(jwk strictjson.Object) *unusable {
	if crv, _ := textMember(jwk, "crv"); crv != "Ed25519" {
		return drop(`its "crv" is unknown`)
	}
	if k.Algorithm != "" && k.Algorithm != "EdDSA" {
		return drop(`its "alg" does not fit its "crv"`)
	}
	k.Algorithm = "EdDSA"
	x, ok := octets(jwk, "x")
	if !ok || len(x) != ed25519.PublicKeySize {
		return drop(`"x" is missing, not base64url or not of 32 bytes`)
	}
	// crypto/ed25519 checks the point only when it verifies a signature. Under a
	// point of small order, anyone can make signatures.
	point, err := new(edwards25519.Point).SetBytes(x)
	if err != nil || !bytes.Equal(point.Bytes(), x) {
		return drop("its point is not on its curve")
	}
	if new(edwards25519.Point).MultByCofactor(point).Equal(edwards25519.NewIdentityPoint()) == 1 {
		return drop("its point has a small order")
	}
	return k.load([][2]string{{"crv", "Ed25519"}, {"kty", keyOKP}, {"x", encode(x)}}, &ed25519.PublicKey{})
}

// load makes the public key from the members that define it, in the order of
// RFC 7638 §3.2. jwx sees only these: other members of a JWK, such as a
// certificate, must not make the key unusable.
func (k *Key) load(members [][2]string, public any) *unusable {
	doc := []byte{'{'}
	for i, m := range members {
		if i > 0 {
			doc = append(doc, ',')
		}
		doc = fmt.Appendf(doc, "%q:%q", m[0], m[1])
	}
	doc = append(doc, '}')

	parsed, err := jwk.ParseKey(doc)
	if err == nil {
		err = jwk.Export(parsed, public)
	}
	if err != nil {
		return drop("it is not a valid public key")
	}
	switch p := public.(type) {
	case *ed25519.PublicKey:
		k.public = *p
	default:
		k.public = p
	}
	k.Thumbprint = sha256.Sum256(doc)
	return nil
}

func textMember(o strictjson.Object, name string) (string, bool) {
	v, _ := o.Get(name)
	return v.Text()
}

// octets reads a base64url member (RFC 7518 §2).
func octets(o strictjson.Object, name string) ([]byte, bool) {
	text, ok := textMember(o, name)
	if !ok || text == "" {
		return nil, false
	}
	b, err := DecodeBase64URL(nil, text)
	return b, err == nil
}
