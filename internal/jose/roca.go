package jose

import "math/big"

// rocaPrimes are the primes that reveal the moduli of CVE-2017-15361: each such
// modulus is a power of 65537 modulo every one of them (Nemec et al., "The Return
// of Coppersmith's Attack", 2017). The list omits primes for which every residue
// but 0 is a power of 65537.
var rocaPrimes = []int64{
	11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
}

// isROCA reports whether n is the modulus of an RSA key of the Infineon library,
// whose private keys can be computed from the public ones. It is wrong about an
// unaffected modulus with a probability of about 2^-28.
func isROCA(n *big.Int) bool {
	residue, p := new(big.Int), new(big.Int)
	for _, prime := range rocaPrimes {
		want := residue.Mod(n, p.SetInt64(prime)).Int64()
		power := int64(1)
		for power != want {
			if power = power * 65537 % prime; power == 1 {
				return false // all powers were tried
			}
		}
	}
	return true
}
