package main

import (
	"math"

	"github.com/m2mauth/m2mauth/benchmarks/internal/svg"
)

// chart holds the figures of each peer that results.svg shows.
type chart struct {
	names []string
	first map[string][]float64 // × raw at first sight, one of each algorithm
	again map[string]float64   // ns when seen again, RS256
	floor float64              // ns of raw, RS256
}

// add adds the figures of one algorithm.
func (c *chart) add(algorithm string, all peerFigures) {
	if c.first == nil {
		c.first, c.again = make(map[string][]float64), make(map[string]float64)
	}
	floor, _ := all.of(raw)
	for i, p := range all.peers {
		switch p.name {
		case raw, cachedNew, oursStytch, cachedStytch:
			continue
		}
		name := p.name
		if p.name == cached {
			name = ours
		} else {
			c.first[name] = append(c.first[name], all.serial[i].over(floor))
		}
		if algorithm != algorithms[0] {
			continue
		}
		if p.name != cached {
			c.names = append(c.names, name)
		}
		c.again[name] = all.serial[i].time() // m2mauth's own first sight is replaced
		c.floor = floor.time()
	}
}

// colors holds the color of each algorithm; the last is m2mauth's own.
var colors = []string{"#1f6feb", "#7fb2f5", "#c3cdd8", "#1a7f37"}

// svg draws the chart.
func (c *chart) svg() string {
	d := svg.Drawing{Y: 30}
	d.Text(16, d.Y, "start", "bold", "First sight of a token: time as a multiple of raw")
	d.Y += 20
	d.Text(16, d.Y, "start", "", "raw = the standard library's signature check alone (the line at 1.0); shorter is better")
	d.Y += 14
	d.Legend(algorithms, colors, 90)
	top := d.Y
	widest := 1.0
	for _, all := range c.first {
		for _, v := range all {
			widest = max(widest, v)
		}
	}
	unit := svg.BarsWidth / (math.Ceil(widest*5) / 5)
	for _, name := range c.names {
		d.Row(name, name == ours, len(c.first[name]), func(i, y int) {
			v := c.first[name][i]
			d.Bar(y, 0, v*unit, colors[i], ratio(v))
		})
	}
	d.Line(svg.BarsLeft+unit, top-4, d.Y-6)

	d.Y += 34
	d.Text(16, d.Y, "start", "bold", "The same token again: time in ns, on a logarithmic scale")
	d.Y += 20
	d.Text(16, d.Y, "start", "", "RS256; who remembers no tokens verifies it anew; shorter is better")
	d.Y += 32
	top = d.Y
	const lowest = 2.0 // 10^2 ns
	highest := math.Log10(c.floor)
	for _, v := range c.again {
		highest = max(highest, math.Log10(v))
	}
	decade := svg.BarsWidth / (math.Ceil(2*highest)/2 - lowest)
	for _, name := range c.names {
		d.Row(name, name == ours, 1, func(_, y int) {
			color := colors[0]
			if name == ours {
				color = colors[3]
			}
			v := c.again[name]
			d.Bar(y, 0, max(math.Log10(v)-lowest, 0.02)*decade, color, nanos(v)+" ns")
		})
	}
	for power := lowest; power < highest; power++ {
		x := svg.BarsLeft + (power-lowest)*decade
		d.Line(x, top-4, d.Y-6)
		d.Text(int(x), top-9, "middle", "", count(int(math.Pow(10, power)))+" ns")
	}
	return d.Finish("m2mauth beside other ways to verify an access token in Go")
}
