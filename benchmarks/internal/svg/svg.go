// Package svg draws bar charts.
package svg

import (
	"fmt"
	"html"
	"strings"
)

// Positions in the SVG's units. A drawing is Width wide.
const (
	Width     = 800
	BarsLeft  = 230
	BarsWidth = 490
	BarHeight = 14
	rowGap    = 12
)

// Drawing is an SVG that grows downwards.
type Drawing struct {
	body strings.Builder
	Y    int // what is free below
}

// Text writes text. A weight, such as "bold", also makes it larger.
func (d *Drawing) Text(x, y int, anchor, weight, text string) {
	if weight != "" {
		weight = fmt.Sprintf(` font-weight="%s" font-size="17"`, weight)
	}
	fmt.Fprintf(&d.body, `<text x="%d" y="%d" text-anchor="%s"%s>%s</text>`+"\n", x, y, anchor, weight, html.EscapeString(text))
}

// Row draws a name and its bars, each by draw.
func (d *Drawing) Row(name string, bold bool, bars int, draw func(i, y int)) {
	height := bars * BarHeight
	weight := ""
	if bold {
		weight = "bold"
	}
	d.Text(BarsLeft-10, d.Y+height/2+5, "end", weight, name)
	for i := range bars {
		draw(i, d.Y+i*BarHeight)
	}
	d.Y += height + rowGap
}

// Bar draws a bar that begins from units right of BarsLeft, and a label behind it.
func (d *Drawing) Bar(y int, from, width float64, color, label string) {
	fmt.Fprintf(&d.body, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", BarsLeft+from, y, width, BarHeight-1, color)
	fmt.Fprintf(&d.body, `<text x="%.1f" y="%d" font-size="12">%s</text>`+"\n", BarsLeft+from+width+5, y+BarHeight-1, html.EscapeString(label))
}

// Line draws a vertical line.
func (d *Drawing) Line(x float64, from, to int) {
	fmt.Fprintf(&d.body, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#57606a" stroke-dasharray="3 3"/>`+"\n", x, from, x, to)
}

// Legend draws what each color means, apart units from one to the next.
func (d *Drawing) Legend(names, colors []string, apart int) {
	x := BarsLeft
	for i, name := range names {
		fmt.Fprintf(&d.body, `<rect x="%d" y="%d" width="12" height="12" fill="%s"/>`+"\n", x, d.Y, colors[i])
		d.Text(x+18, d.Y+11, "start", "", name)
		x += apart
	}
	d.Y += 30
}

// Finish returns the document.
func (d *Drawing) Finish(title string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[2]d" width="%[1]d" height="%[2]d" `+
		`font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" font-size="14" fill="#1f2328">`+
		"\n<title>%[3]s</title>\n"+
		`<rect width="%[1]d" height="%[2]d" fill="#ffffff"/>`+"\n%[4]s</svg>\n", Width, d.Y+10, html.EscapeString(title), d.body.String())
}
