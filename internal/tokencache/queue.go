package tokencache

// queue links the entries from the newest to the oldest. Its hand moves from the
// oldest to the newest, and starts again. The zero queue is empty.
type queue[V any] struct {
	newest, oldest *entry[V]
	hand           *entry[V] // the next to be considered; nil for the oldest
}

// maxSpared bounds how far the hand moves in one call, which must not walk through
// a hundred thousand entries. If all of these were read, the next one is evicted
// even if it was read.
const maxSpared = 256

// victim returns the entry to evict: the first one from the hand on that was not
// read since the hand last passed it. The queue must not be empty.
func (q *queue[V]) victim() *entry[V] {
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

// at returns e, or the oldest entry if e is nil, after the newest.
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
