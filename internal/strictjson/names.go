package strictjson

// names holds the member names of the objects that are open, to find duplicates.
type names struct {
	// open holds the positions of the names, innermost object last; each object
	// knows where its own begin. The array has room for an ordinary token. It
	// holds positions, because strings would move it to the heap.
	open  [24]span
	more  []span // from the 25th on
	count int    // in open and more

	// index holds the names of objects that have many, or that have a name with
	// an escape. There is one index for the whole document, because a map for
	// each of many small objects would be a hundred times as large as the
	// document.
	index map[indexed]struct{}
}

// span is the position of a name in a document, without its quotes.
type span struct{ start, end int }

// indexed is an unescaped name in the nth object.
type indexed struct {
	object int
	name   string
}

// manyNames is the number of members from which comparing a name with each
// earlier one costs more than a map, and would become quadratic.
const manyNames = 32

func (n *names) push(name span) {
	if n.count < len(n.open) {
		n.open[n.count] = name
	} else {
		n.more = append(n.more, name)
	}
	n.count++
}

// closeTo forgets all names but the first count.
func (n *names) closeTo(count int) {
	n.count = count
	n.more = n.more[:max(0, count-len(n.open))]
}

// name returns the n-th open name, as the document spells it.
func (s *scanner) name(n int) string {
	at := span{}
	if n < len(s.open) {
		at = s.open[n]
	} else {
		at = s.more[n-len(s.open)]
	}
	return s.doc[at.start:at.end]
}

// isOpen reports whether name is among the open names from the given one on.
func (s *scanner) isOpen(name string, from int) bool {
	for n := from; n < s.count; n++ {
		if s.name(n) == name {
			return true
		}
	}
	return false
}

// addToIndex adds name, and reports whether it is new in its object.
func (s *scanner) addToIndex(object int, name string) (isNew bool) {
	if s.index == nil {
		const member = 8 // bytes at least, such as `"12":0,` and a bracket
		s.index = make(map[indexed]struct{}, min(s.limits.Members, len(s.doc)/member))
	}
	before := len(s.index)
	s.index[indexed{object, name}] = struct{}{}
	return len(s.index) > before
}

// markOf returns one bit for a name. Names with different marks differ, so that
// most names need not be compared with the earlier ones.
func markOf(name string) uint64 {
	if name == "" {
		return 1
	}
	return 1 << ((uint(name[0])*5 + uint(name[len(name)-1])*3 + uint(len(name))) % 64)
}
