package csvimport

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"posthorn/internal/fault"
)

// Limits of a header.
const (
	maxColumns = 500
	maxTitle   = 200 // bytes
)

// extraPrefix before a header says that the column is an extra one, whatever it
// is called: "attr:email" is the extra column "email".
const extraPrefix = "attr:"

// Column is one that the caller knows.
type Column struct {
	Name     string // e.g. "external_id"
	Required bool
	Synonyms []string // other headers it is recognised by, the likeliest first

	// Family says that Name ("consent.") is how the names of any number of columns
	// begin ("consent.news"), and calls what follows it in messages ("TOPIC"). Their
	// headers are taken in lower case.
	Family string
}

// header says which cell of a row is what.
type header struct {
	width  int            // number of cells
	titles []string       // as they stand in the file
	index  map[string]int // by the name of a known column
	extra  []extraColumn
}

type extraColumn struct {
	name string
	cell int
}

// Has says whether the file has a column for name.
func (h *header) Has(name string) bool {
	_, ok := h.index[name]
	return ok
}

// Family returns the columns the file has of a family, in order: "news" and
// "offers" where they are "consent.news" and "consent.offers".
func (h *header) Family(name string) []string {
	var members []string
	for column := range h.index {
		if member, ok := strings.CutPrefix(column, name); ok {
			members = append(members, member)
		}
	}
	slices.Sort(members)
	return members
}

// Missing is the error for a file that lacks what: it names the columns found.
func (h *header) Missing(what string) error {
	found := make([]string, 0, len(h.titles))
	for _, t := range h.titles {
		if t != "" && len(found) < 30 {
			found = append(found, strconv.Quote(t))
		}
	}
	list := strings.Join(found, ", ")
	if list == "" {
		list = "none"
	}
	return fault.Invalidf("columns", "%s is missing; the first line names: %s (a column of another name can be mapped, as field=Header)", what, list)
}

// title is what a column is called in a message: its field where it is known.
func (h *header) title(cell int) string {
	for name, i := range h.index {
		if i == cell {
			return name
		}
	}
	return h.titles[cell]
}

// match finds the cell of each column: where mapping says, else by the column's
// own name, else by the first of its synonyms that the file has. What is left over
// is extra.
func match(titles []string, columns []Column, mapping map[string]string) (header, error) {
	h := header{titles: make([]string, len(titles)), index: map[string]int{}}
	for i, t := range titles {
		h.titles[i] = strings.TrimSpace(t)
		if len(t) > maxTitle {
			return header{}, fault.Invalidf("file", "the header of column %d is longer than %d bytes: does the first line name the columns?", i+1, maxTitle)
		}
	}
	for len(h.titles) > 0 && h.titles[len(h.titles)-1] == "" { // separators at the end of the line
		h.titles = h.titles[:len(h.titles)-1]
	}
	h.width = len(h.titles)
	if h.width > maxColumns {
		return header{}, fault.Invalidf("file", "has %d columns; at most %d are read", h.width, maxColumns)
	}
	taken := make([]bool, h.width)
	extraNames := map[int]string{}
	if err := h.matchMapped(columns, mapping, taken, extraNames); err != nil {
		return header{}, err
	}
	for _, c := range columns {
		if c.Family == "" {
			continue
		}
		for i, t := range h.titles {
			member, ok := c.member(t)
			if taken[i] || !ok {
				continue
			}
			if h.Has(member) {
				return header{}, fault.Invalidf("columns", "two columns are called %q", member)
			}
			h.index[member], taken[i] = i, true
		}
	}
	for depth, more := 0, true; more; depth++ {
		more = false
		for _, c := range columns {
			if c.Family != "" {
				continue
			}
			names := append([]string{c.Name}, c.Synonyms...)
			if depth >= len(names) {
				continue
			}
			more = true
			if err := h.matchName(c.Name, names[depth], taken); err != nil {
				return header{}, err
			}
		}
	}
	var missing []string
	for _, c := range columns {
		if c.Required && !h.Has(c.Name) {
			missing = append(missing, c.Name)
		}
	}
	if len(missing) > 0 {
		return header{}, h.Missing("the column " + strings.Join(missing, ", "))
	}
	return h, h.collectExtra(taken, extraNames)
}

func (h *header) matchMapped(columns []Column, mapping map[string]string, taken []bool, extraNames map[int]string) error {
	for _, field := range slices.Sorted(maps.Keys(mapping)) {
		title := strings.TrimSpace(mapping[field])
		cell := h.find(title, taken)
		if cell < 0 {
			return fault.Invalidf("map", "%s=%s: the file has no such column, or another field has it already", field, title)
		}
		if name, ok := strings.CutPrefix(field, extraPrefix); ok {
			if name = strings.TrimSpace(name); name == "" || strings.ContainsFunc(name, unicode.IsControl) {
				return fault.Invalidf("map", "%q names no attribute", field)
			}
			taken[cell], extraNames[cell] = true, name
			continue
		}
		name := ""
		for _, c := range columns {
			if member, ok := c.member(field); ok {
				name = member
			} else if c.Family == "" && plain(c.Name) == plain(field) {
				name = c.Name
			}
		}
		if name == "" {
			return fault.Invalidf("map", "there is no field %q; the fields are %s, and attr:NAME for any other", field, names(columns))
		}
		if h.Has(name) {
			return fault.Invalidf("map", "%s is given twice", name)
		}
		h.index[name], taken[cell] = cell, true
	}
	return nil
}

// member returns the name of the column of the family that title is; not ok where
// it is none.
func (c Column) member(title string) (name string, ok bool) {
	if c.Family == "" || len(title) < len(c.Name) || !strings.EqualFold(title[:len(c.Name)], c.Name) {
		return "", false
	}
	return c.Name + strings.ToLower(strings.TrimSpace(title[len(c.Name):])), true
}

// matchName gives column the cell with the header name, unless it has one.
func (h *header) matchName(column, name string, taken []bool) error {
	if h.Has(column) {
		return nil
	}
	cell := -1
	for i, t := range h.titles {
		if taken[i] || plain(t) != plain(name) {
			continue
		}
		if cell >= 0 {
			return fault.Invalidf("columns", "both %q and %q may be %s: say which one by mapping it", h.titles[cell], t, column)
		}
		cell = i
	}
	if cell >= 0 {
		h.index[column], taken[cell] = cell, true
	}
	return nil
}

func (h *header) collectExtra(taken []bool, names map[int]string) error {
	seen := map[string]bool{}
	for i, t := range h.titles {
		name, mapped := names[i]
		if taken[i] && !mapped || t == "" {
			continue
		}
		if !mapped {
			name = t
			if len(t) > len(extraPrefix) && strings.EqualFold(t[:len(extraPrefix)], extraPrefix) {
				name = strings.TrimSpace(t[len(extraPrefix):])
			}
		}
		if seen[name] {
			return fault.Invalidf("columns", "two columns are called %q", name)
		}
		seen[name] = true
		h.extra = append(h.extra, extraColumn{name: name, cell: i})
	}
	return nil
}

// find returns the free cell with exactly this header, else the one that only
// differs in case, spaces and the like; -1 where there is none.
func (h *header) find(title string, taken []bool) int {
	for i, t := range h.titles {
		if !taken[i] && t == title {
			return i
		}
	}
	for i, t := range h.titles {
		if !taken[i] && plain(title) != "" && plain(t) == plain(title) {
			return i
		}
	}
	return -1
}

// plain is a header without what people write in different ways: case, spaces,
// underscores, hyphens, dots.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '_' || r == '-' || r == '.' {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

func names(columns []Column) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.Name + c.Family
	}
	return strings.Join(list, ", ")
}
