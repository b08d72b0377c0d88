package urlpath

// Reduce returns a decoded path as the laxest servers read it: decoded until
// nothing changes, in lower case, with backslashes as slashes, cut at a query or
// a fragment, and without parameters, trailing dots, trailing spaces and empty
// segments. ok is false if servers disagree about the result: see Normalize and
// MaxDecodings.
//
// The path of a url.URL counts as decoded once.
func Reduce(path string) (reduced string, ok bool) {
	buf := []byte(path)
	for decodings := 1; ; decodings++ {
		if buf, ok = Normalize(buf); !ok {
			return "", false
		}
		decoded, changed, undecodable := Decode(buf)
		if undecodable || changed && decodings == MaxDecodings {
			return "", false
		}
		if buf = decoded; !changed {
			break
		}
	}
	rest := Whole(buf)
	var out []byte
	for {
		seg, tail, slash := Next(rest, true)
		if len(seg) == 0 {
			if slash || len(out) == 0 {
				out = append(out, '/')
			}
			return string(out), true
		}
		out = append(append(out, '/'), seg...)
		rest = tail
	}
}
