package m2mtest

import "runtime"

// AwaitHanging returns when n requests hang.
func (a *Authority) AwaitHanging(n int) {
	for {
		a.outages.mu.Lock()
		hanging := len(a.outages.waiting)
		a.outages.mu.Unlock()
		if hanging == n {
			return
		}
		runtime.Gosched()
	}
}
