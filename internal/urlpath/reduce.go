package urlpath

// Reduce returns the path that the laxest servers make of a decoded path:
// decoded until nothing changes, with backslashes as slashes, cut at a query or
// a fragment, without parameters, trailing dots and spaces, and empty segments,
// in lower case. ok is false if servers disagree about it even then: see
// Normalize, and a path that MaxDecodings do not decode.
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
