package main

import (
	"fmt"
	"html"
	"math"
	"strings"
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

// Positions in the SVG's units. The drawing is 800 wide.
const (
	chartWidth = 800
	barsLeft   = 230
	barsWidth  = 490
	barHeight  = 14
	rowGap     = 12
)

// colors holds the color of each algorithm; the last is m2mauth's own.
var colors = []string{"#1f6feb", "#7fb2f5", "#c3cdd8", "#1a7f37"}

// svg draws the chart.
func (c *chart) svg() string {
	d := drawing{y: 30}
	d.text(16, d.y, "start", "bold", "First sight of a token: time as a multiple of raw")
	d.y += 20
	d.text(16, d.y, "start", "", "raw = the standard library's signature check alone (the line at 1.0); shorter is better")
	d.y += 14
	d.legend()
	top := d.y
	widest := 1.0
	for _, all := range c.first {
		for _, v := range all {
			widest = max(widest, v)
		}
	}
	unit := barsWidth / (math.Ceil(widest*5) / 5)
	for _, name := range c.names {
		d.row(name, len(c.first[name]), func(i, y int) {
			v := c.first[name][i]
			d.bar(y, v*unit, colors[i], ratio(v))
		})
	}
	d.line(barsLeft+unit, top-4, d.y-6)

	d.y += 34
	d.text(16, d.y, "start", "bold", "The same token again: time in ns, on a logarithmic scale")
	d.y += 20
	d.text(16, d.y, "start", "", "RS256; who remembers no tokens verifies it anew; shorter is better")
	d.y += 32
	top = d.y
	const lowest = 2.0 // 10^2 ns
	highest := math.Log10(c.floor)
	for _, v := range c.again {
		highest = max(highest, math.Log10(v))
	}
	decade := barsWidth / (math.Ceil(2*highest)/2 - lowest)
	for _, name := range c.names {
		d.row(name, 1, func(_, y int) {
			color := colors[0]
			if name == ours {
				color = colors[3]
			}
			v := c.again[name]
			d.bar(y, max(math.Log10(v)-lowest, 0.02)*decade, color, nanos(v)+" ns")
		})
	}
	for power := lowest; power < highest; power++ {
		x := barsLeft + (power-lowest)*decade
		d.line(x, top-4, d.y-6)
		d.text(int(x), top-9, "middle", "", count(int(math.Pow(10, power)))+" ns")
	}
	return d.finish()
}

// drawing is an SVG that grows downwards.
type drawing struct {
	body strings.Builder
	y    int // what is free below
}

func (d *drawing) text(x, y int, anchor, weight, text string) {
	if weight != "" {
		weight = fmt.Sprintf(` font-weight="%s" font-size="17"`, weight)
	}
	fmt.Fprintf(&d.body, `<text x="%d" y="%d" text-anchor="%s"%s>%s</text>`+"\n", x, y, anchor, weight, html.EscapeString(text))
}

// row draws a name and its bars.
func (d *drawing) row(name string, bars int, draw func(i, y int)) {
	height := bars * barHeight
	weight := ""
	if name == ours {
		weight = "bold"
	}
	d.text(barsLeft-10, d.y+height/2+5, "end", weight, name)
	for i := range bars {
		draw(i, d.y+i*barHeight)
	}
	d.y += height + rowGap
}

func (d *drawing) bar(y int, width float64, color, label string) {
	fmt.Fprintf(&d.body, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", barsLeft, y, width, barHeight-1, color)
	fmt.Fprintf(&d.body, `<text x="%.1f" y="%d" font-size="12">%s</text>`+"\n", barsLeft+width+5, y+barHeight-1, label)
}

// line draws a vertical line.
func (d *drawing) line(x float64, from, to int) {
	fmt.Fprintf(&d.body, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#57606a" stroke-dasharray="3 3"/>`+"\n", x, from, x, to)
}

func (d *drawing) legend() {
	x := barsLeft
	for i, algorithm := range algorithms {
		fmt.Fprintf(&d.body, `<rect x="%d" y="%d" width="12" height="12" fill="%s"/>`+"\n", x, d.y, colors[i])
		d.text(x+18, d.y+11, "start", "", algorithm)
		x += 90
	}
	d.y += 30
}

func (d *drawing) finish() string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[2]d" width="%[1]d" height="%[2]d" `+
		`font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" font-size="14" fill="#1f2328">`+
		"\n<title>m2mauth beside other ways to verify an access token in Go</title>\n"+
		`<rect width="%[1]d" height="%[2]d" fill="#ffffff"/>`+"\n%[3]s</svg>\n", chartWidth, d.y+10, d.body.String())
}
