package main

import (
	"fmt"
	"io"
	"strings"
)

const width = 78 // for a terminal of 80 columns

// page prints the story.
type page struct {
	w        io.Writer
	chapters int
}

// chapter begins a step of the story.
func (p *page) chapter(title string) {
	p.chapters++
	fmt.Fprintf(p.w, "\n%d. %s\n", p.chapters, title)
}

// say tells something.
func (p *page) say(text string) { p.lines("   ", "   ", text) }

// sent prints a line of a request, and got one of an answer.
func (p *page) sent(text string) { p.lines("   > ", "   >   ", text) }
func (p *page) got(text string)  { p.lines("   < ", "   <   ", text) }

// lines prints text with a margin, broken into lines that fit the terminal.
func (p *page) lines(first, rest, text string) {
	margin := first
	for text != "" {
		line := text
		if room := width - len(margin); len(line) > room {
			cut := strings.LastIndexAny(line[:room], " ,&")
			if cut < room/2 {
				cut = room - 1
			}
			line = line[:cut+1]
		}
		fmt.Fprintln(p.w, margin+strings.TrimRight(line, " "))
		text = strings.TrimLeft(text[len(line):], " ")
		margin = rest
	}
}

// check prints whether what was expected has happened.
func (p *page) check(ok bool, what string) {
	mark := "ok"
	if !ok {
		mark = "NOT AS TOLD"
	}
	fmt.Fprintf(p.w, "   = %s: %s\n", mark, what)
}
