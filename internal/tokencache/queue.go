package tokencache

// queue is the entries from the newest to the oldest, and the hand that goes
// from the oldest towards the newest and around again. The zero queue is empty.
type queue[V any] struct {
	newest, oldest *entry[V]
	hand           *entry[V] // where it looks next; nil for the oldest
}

// maxSpared bounds how far the hand goes at once: whoever has a token verified
// must not wait for a walk through a hundred thousand others. If all of these
// were read, the next gives way, whether it was read or not.
const maxSpared = 256

// leastWorthy is the entry that should give way: the first from the hand on
// that was not read since the hand last came by. The queue must not be empty.
func (q *queue[V]) leastWorthy() *entry[V] {
	e := q.at(q.hand)
	for range maxSpared {
		if !e.read.Load() {
			break
		}
		e.read.Store(false)
		e = q.at(e.newer)
	}
	q.hand = e
	return e
}

// at is e, or the oldest behind the newest.
func (q *queue[V]) at(e *entry[V]) *entry[V] {
	if e == nil {
		return q.oldest
	}
	return e
}

func (q *queue[V]) push(e *entry[V]) {
	e.older = q.newest
	if q.newest != nil {
		q.newest.newer = e
	} else {
		q.oldest = e
	}
	q.newest = e
}

func (q *queue[V]) remove(e *entry[V]) {
	if q.hand == e {
		q.hand = e.newer
	}
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		q.newest = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		q.oldest = e.newer
	}
	e.newer, e.older = nil, nil
}
