package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

const width = 78 // for a terminal of 80 columns

// page prints the story: one line for each chapter, or everything if it is
// verbose. It also prints everything about a chapter in which a check failed.
type page struct {
	w        io.Writer
	verbose  bool
	chapters int

	details bytes.Buffer // of the chapter, unless verbose
	failed  bool         // a check of the chapter
}

// chapter begins a step of the story.
func (p *page) chapter(title string) {
	p.end()
	p.chapters++
	if p.verbose {
		fmt.Fprintf(p.w, "\n%d. %s\n", p.chapters, title)
		return
	}
	fmt.Fprintf(p.w, "%d. %s%s", p.chapters, title, strings.Repeat(" ", max(1, width-len(title)-len("1. ok"))))
}

// end ends the chapter, if one has begun.
func (p *page) end() {
	if p.verbose || p.chapters == 0 {
		return
	}
	if p.failed {
		fmt.Fprintf(p.w, "%s\n%s", mark(false), &p.details)
	} else {
		fmt.Fprintln(p.w, mark(true))
	}
	p.details.Reset()
	p.failed = false
}

// say explains what follows.
func (p *page) say(text string) { p.lines("   ", "   ", text) }

// sent prints a line of a request, got a line of a response.
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
		fmt.Fprintln(p.out(), margin+strings.TrimRight(line, " "))
		text = strings.TrimLeft(text[len(line):], " ")
		margin = rest
	}
}

// check prints whether a response is as expected.
func (p *page) check(ok bool, what string) {
	if !ok {
		p.failed = true
	}
	fmt.Fprintf(p.out(), "   = %s: %s\n", mark(ok), what)
}

// out returns the writer for the details of a chapter.
func (p *page) out() io.Writer {
	if p.verbose {
		return p.w
	}
	return &p.details
}

func mark(ok bool) string {
	if ok {
		return "ok"
	}
	return "NOT AS EXPECTED"
}
