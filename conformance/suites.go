package main

const (
	ownKeyOtherAlg = "its JWK says another \"alg\" than the token: "
	exponent3      = "a public exponent of 3 is opt-in; once opted in, it agrees"
	derNotJOSE     = "DER in place of r and s side by side (RFC 7518 §3.4)"
	otherHash      = "another hash than the algorithm's"
	otherPSS       = "PSS with another salt length or mask than the algorithm's (RFC 7518 §3.5)"
)

var suites = []suite{
	{file: rfcVectors, judge: judgeTokens},
	{file: "json_web_signature_test.json", judge: judgeTokens, known: map[int]string{
		346: ownKeyOtherAlg + "PS256 and PS384",
		347: ownKeyOtherAlg + "\"ES521\", which is none, and ES512",
		350: ownKeyOtherAlg + "PS256 and PS384",
		351: ownKeyOtherAlg + "\"ES521\", which is none, and ES512",
	}},
	{file: "json_web_key_test.json", judge: judgeTokens},
	{file: "json_web_crypto_test.json", judge: judgeTokens},
	{file: "json_web_encryption_test.json", judge: judgeTokens},

	signatures("ecdsa_secp256r1_sha256_p1363", "ES256"),
	signatures("ecdsa_secp384r1_sha384_p1363", "ES384"),
	signatures("ecdsa_secp521r1_sha512_p1363", "ES512"),
	signatures("ed25519", "EdDSA"),

	signatures("rsa_signature_2048_sha256", "RS256"),
	signatures("rsa_signature_2048_sha384", "RS384"),
	signatures("rsa_signature_2048_sha512", "RS512"),
	signatures("rsa_signature_3072_sha256", "RS256"),
	signatures("rsa_signature_3072_sha384", "RS384"),
	signatures("rsa_signature_3072_sha512", "RS512"),
	signatures("rsa_signature_4096_sha256", "RS256"),
	signatures("rsa_signature_4096_sha384", "RS384"),
	signatures("rsa_signature_4096_sha512", "RS512"),
	signatures("rsa_signature_8192_sha256", "RS256"),
	signatures("rsa_signature_8192_sha384", "RS384"),
	signatures("rsa_signature_8192_sha512", "RS512"),

	signatures("rsa_pss_2048_sha256_mgf1_32", "PS256"),
	signatures("rsa_pss_3072_sha256_mgf1_32", "PS256"),
	signatures("rsa_pss_4096_sha256_mgf1_32", "PS256"),
	signatures("rsa_pss_2048_sha384_mgf1_48", "PS384"),
	signatures("rsa_pss_4096_sha384_mgf1_48", "PS384"),
	signatures("rsa_pss_4096_sha512_mgf1_64", "PS512"),
	{file: "rsa_pss_misc_test.json", algorithm: "PS256, PS384, PS512", judge: judgePSS},

	// Good signatures of algorithms that JOSE does not have.
	refused("rsa_pss_2048_sha256_mgf1_0", "PS256", otherPSS).but(69, "its salt is as long as the hash"),
	refused("rsa_pss_2048_sha256_mgf1sha1_20", "PS256", otherPSS),
	refused("rsa_pss_4096_sha512_mgf1_32", "PS512", otherPSS),
	refused("rsa_signature_2048_sha3_256", "RS256", otherHash).but(221, "its hash is SHA-256"),
	refused("rsa_signature_2048_sha512_256", "RS256", otherHash).but(221, "its hash is SHA-256"),
	refused("ecdsa_secp256r1_sha512_p1363", "ES256", otherHash),
	refused("ecdsa_secp384r1_sha512_p1363", "ES384", otherHash),
	refused("ecdsa_secp256r1_sha256", "ES256", derNotJOSE),
	refused("ecdsa_secp384r1_sha384", "ES384", derNotJOSE),
	refused("ecdsa_secp521r1_sha512", "ES512", derNotJOSE),
}

func signatures(name, algorithm string) suite {
	s := suite{file: name + "_test.json", algorithm: algorithm, judge: judgeSignatures, known: map[int]string{}}
	for _, id := range smallExponents[name] {
		s.known[id] = exponent3
	}
	return s
}

func refused(name, algorithm, design string) suite {
	return suite{file: name + "_test.json", algorithm: algorithm, judge: judgeSignatures, design: design}
}

func (s suite) but(id int, why string) suite {
	s.ours = map[int]string{id: why}
	return s
}

// smallExponents lists the valid cases of keys with the exponent 3.
var smallExponents = map[string][]int{
	"rsa_signature_2048_sha256": {258, 259},
	"rsa_signature_2048_sha512": {259},
	"rsa_signature_3072_sha256": {259},
	"rsa_signature_3072_sha512": {260},
}
