package redisfleet_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/m2mauth/m2mauth/redisfleet"
	"github.com/m2mauth/m2mauth/redisfleet/internal/redistest"
	"github.com/m2mauth/m2mauth/revocation"
)

// The model runs longer, and on other ways, with
//
//	go test -run TestModel -timeout 0 . -model.seed 0 -model.steps 2000
var (
	modelSeed  = flag.Uint64("model.seed", 14, "the seed of TestModel: 0 for a random one")
	modelSteps = flag.Int("model.steps", 25, "the random faults of TestModel")
)

// model is a reference of what lists must decide, and watches that they do.
//
//   - Once a list refuses a client, it never accepts it again.
//   - A view that is fresh refuses every client whose cut-off was published safely more
//     than MaxAge ago.
type model struct {
	*faulty
	random *rand.Rand

	mu        sync.Mutex
	published map[string]time.Time // when Publish had succeeded
	watchers  sync.WaitGroup
	lists     []*watched
	clients   int
}

// pause returns a random time below most.
func (m *model) pause(most time.Duration) time.Duration {
	return time.Duration(m.random.Int64N(int64(most)))
}

type watched struct {
	*revocation.List
	stop chan struct{}
}

// watch checks the properties of a list until it is closed.
func (m *model) watch(list *revocation.List) {
	w := &watched{list, make(chan struct{})}
	m.lists = append(m.lists, w)
	m.watchers.Go(func() {
		refused := map[string]bool{}
		for {
			select {
			case <-w.stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			m.mu.Lock()
			due := map[string]time.Time{}
			for client, at := range m.published {
				due[client] = at
			}
			m.mu.Unlock()
			now := time.Now()
			_, isFresh := list.View(now)
			for client, at := range due {
				is := refuses(list, client)
				if refused[client] && !is {
					m.t.Errorf("a list that refused %s accepts it", client)
				}
				refused[client] = is
				// A failed call of Publish may have written as well: due has only those
				// that are known to be safe.
				if isFresh && !is && now.Sub(at) > maxAge {
					m.t.Errorf("a fresh list accepts %s, which was cut off %v ago", client, now.Sub(at))
				}
			}
		}
	})
}

func (m *model) closeList(i int) {
	close(m.lists[i].stop)
	m.lists[i].Close()
	m.lists = slices.Delete(m.lists, i, i+1)
}

// publish tries once. The reference learns of it only if it succeeds.
func (m *model) publish() {
	m.clients++
	client := fmt.Sprint("client-", m.clients)
	if _, err := m.publisher.Publish(m.t.Context(), cutoff(client)); err == nil {
		m.mu.Lock()
		m.published[client] = time.Now()
		m.mu.Unlock()
	}
}

// lose makes the store lose everything, and restores it from the list that always runs.
func (m *model) lose() {
	keeper := m.lists[0].List
	// It holds everything that is safe: only the AOF helps if all lose their memory.
	m.settle()
	m.Do([]string{"FLUSHALL", "FLUSHDB"}[m.random.IntN(2)])
	redistest.Eventually(m.t, "the loss is noticed", func() bool {
		err := keeper.Status().LastError
		return errors.Is(err, redisfleet.ErrNotInitialized) || errors.Is(err, redisfleet.ErrLost)
	})
	redistest.Eventually(m.t, "a replica has reported itself again", func() bool { return m.Do("EXISTS", stream+":seen") == "1" })
	m.watch(m.faulty.follow(false, 0)) // a replica that starts now
	if err := m.publisher.Init(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
	time.Sleep(m.pause(time.Second))
	m.watch(m.faulty.follow(false, 0))
	if _, err := m.publisher.Restore(m.t.Context(), slices.Collect(keeper.All())...); err != nil {
		m.t.Fatal(err)
	}
}

// settle waits until every list has a view again, and all that was published safely.
func (m *model) settle() {
	for _, w := range m.lists {
		redistest.Eventually(m.t, "a list has a view again", func() bool { s := w.Status(); return s.Fresh && s.LastError == nil })
		for client := range m.published { // written by this goroutine alone
			m.waitFor(w.List, client)
		}
	}
}

func TestModel(t *testing.T) {
	t.Parallel()
	seed := *modelSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	m := &model{
		faulty: newFaulty(t, redistest.Options{AOF: true}, redisfleet.Options{}),
		random: rand.New(rand.NewPCG(seed, 0)), published: map[string]time.Time{},
	}
	for range 3 {
		m.watch(m.faulty.follow(false, 0))
	}
	pause := func() { time.Sleep(m.pause(time.Second)) }
	steps := []func(){
		func() { m.Blackhole(); m.publish(); pause(); m.publish(); m.Heal() },
		func() { m.Cut(); m.publish(); pause(); m.Heal() },
		func() { m.Pause(); pause(); m.Resume() },
		func() { m.Server.Kill(); m.publish(); m.Restart() },
		func() { // killed while it writes
			var writing sync.WaitGroup
			writing.Go(m.publish)
			time.Sleep(m.pause(5 * time.Millisecond))
			m.Server.Kill()
			writing.Wait()
			m.Restart()
		},
		func() { m.watch(m.faulty.follow(false, 0)) },
		func() {
			if len(m.lists) > 3 {
				m.closeList(1 + m.random.IntN(len(m.lists)-1))
			}
		},
		func() { m.Do("CLIENT", "KILL", "TYPE", "normal") },
		func() { m.Delay(m.pause(100 * time.Millisecond)) },
		func() { m.lose() },
		func() { m.settle() },
	}
	for range *modelSteps {
		for range m.random.IntN(3) {
			m.publish()
		}
		steps[m.random.IntN(len(steps))]()
		if t.Failed() {
			break
		}
	}
	m.Delay(0)
	if !t.Failed() {
		m.settle()
	}
	for len(m.lists) > 0 {
		m.closeList(0)
	}
	m.watchers.Wait()
	redistest.Eventually(t, "no connection is left", func() bool { return m.Proxy.Clients() == 0 })
}
