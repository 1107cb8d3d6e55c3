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

	// Whole says that rows with the same value belong together, and are taken or left
	// together. It is looked for also in a row that does not fall into cells.
	Whole bool

	// Family says that Name ("consent.") is how the names of any number of columns
	// begin ("consent.news"), and calls what follows it in messages ("TOPIC"). Their
	// headers are taken in lower case.
	Family string
}

// header says which cell of a row is what.
type header struct {
	width   int            // number of cells
	titles  []string       // as they stand in the file
	index   map[string]int // by the name of a known column
	extra   []extraColumn
	skipped map[int]bool
	mapped  map[int]bool // by Options.Map
	key     int          // cell of the column that is Whole; -1: there is none
	marks   [4]int       // cells of rejectColumns; the first is -1 where it is no file of rejected rows
	columns []Column
}

// rejectColumns are what a file of rejected rows has besides the columns of the file
// they came from. Where a header has all four, they are passed over; but a row with
// something in rejected_row, which is a row that did not fall into cells, is rejected
// again until somebody puts it there.
var rejectColumns = [4]string{"rejected_line", "rejected_field", "rejected_reason", "rejected_row"}

// notInCells is why such a row is rejected.
const notInCells = "holds a row that could not be read: put its cells into their columns, and empty this one"

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
// is extra. It goes on after what is wrong, for a preview.
func match(titles []string, columns []Column, mapping map[string]string, skip []string) (h header, wrong fault.List) {
	h = header{titles: make([]string, len(titles)), index: map[string]int{}, skipped: map[int]bool{}, mapped: map[int]bool{}, key: -1, columns: columns}
	for i, t := range titles {
		h.titles[i] = strings.TrimSpace(t)
		if len(strings.TrimPrefix(t, extraPrefix)) > maxTitle {
			wrong.Add("file", "the header of column %d is longer than %d bytes: does the first line name the columns?", i+1, maxTitle)
			return h, wrong
		}
	}
	for len(h.titles) > 0 && h.titles[len(h.titles)-1] == "" { // separators at the end of the line
		h.titles = h.titles[:len(h.titles)-1]
	}
	h.width = len(h.titles)
	taken := make([]bool, h.width)
	extraNames := map[int]string{}
	h.matchMarks(taken)
	if h.width > maxColumns && (h.marks[0] < 0 || h.width > maxColumns+len(h.marks)) {
		wrong.Add("file", "has %d columns; at most %d are read", h.width, maxColumns)
		return h, wrong
	}
	h.matchSkipped(&wrong, skip, taken)
	h.matchMapped(&wrong, mapping, taken, extraNames)
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
				wrong.Add("columns", "two columns are called %q", member)
				continue
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
			h.matchName(&wrong, c.Name, names[depth], taken)
		}
	}
	var missing []string
	for _, c := range columns {
		cell, found := h.index[c.Name]
		if c.Required && !found {
			missing = append(missing, c.Name)
		}
		if c.Whole && found {
			h.key = cell
		}
	}
	if len(missing) > 0 {
		wrong = append(wrong, h.Missing("the column "+strings.Join(missing, ", ")).(*fault.Invalid))
	}
	h.collectExtra(&wrong, taken, extraNames)
	return h, wrong
}

func (h *header) matchMarks(taken []bool) {
	for i, name := range rejectColumns {
		h.marks[i] = h.find(name, taken)
	}
	if slices.Contains(h.marks[:], -1) {
		h.marks[0] = -1
		return
	}
	for _, cell := range h.marks {
		taken[cell] = true
	}
}

// isMark says whether a cell is one of rejectColumns.
func (h *header) isMark(cell int) bool { return h.marks[0] >= 0 && slices.Contains(h.marks[:], cell) }

func (h *header) matchSkipped(wrong *fault.List, skip []string, taken []bool) {
	for _, title := range skip {
		cell := h.find(strings.TrimSpace(title), taken)
		if cell < 0 {
			wrong.Add("skip", "%s: the file has no such column", title)
			continue
		}
		taken[cell], h.skipped[cell] = true, true
	}
}

func (h *header) matchMapped(wrong *fault.List, mapping map[string]string, taken []bool, extraNames map[int]string) {
	for _, field := range slices.Sorted(maps.Keys(mapping)) {
		title := strings.TrimSpace(mapping[field])
		cell := h.find(title, taken)
		if cell < 0 {
			wrong.Add("map", "%s=%s: the file has no such column, or another field has it already", field, title)
			continue
		}
		if name, ok := strings.CutPrefix(field, extraPrefix); ok {
			if name = strings.TrimSpace(name); name == "" || strings.ContainsFunc(name, unicode.IsControl) {
				wrong.Add("map", "%q names no attribute", field)
				continue
			}
			taken[cell], h.mapped[cell], extraNames[cell] = true, true, name
			continue
		}
		name := ""
		for _, c := range h.columns {
			if member, ok := c.member(field); ok {
				name = member
			} else if c.Family == "" && plain(c.Name) == plain(field) {
				name = c.Name
			}
		}
		switch {
		case name == "":
			wrong.Add("map", "there is no field %q; the fields are %s, and attr:NAME for any other", field, names(h.columns))
		case h.Has(name):
			wrong.Add("map", "%s is given twice", name)
		default:
			h.index[name], taken[cell], h.mapped[cell] = cell, true, true
		}
	}
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
func (h *header) matchName(wrong *fault.List, column, name string, taken []bool) {
	if h.Has(column) {
		return
	}
	cell := -1
	for i, t := range h.titles {
		if taken[i] || plain(t) != plain(name) {
			continue
		}
		if cell >= 0 {
			wrong.Add("columns", "both %q and %q may be %s: say which one by mapping it", h.titles[cell], t, column)
			break
		}
		cell = i
	}
	if cell >= 0 {
		h.index[column], taken[cell] = cell, true
	}
}

func (h *header) collectExtra(wrong *fault.List, taken []bool, names map[int]string) {
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
			wrong.Add("columns", "two columns are called %q", name)
			continue
		}
		seen[name] = true
		h.extra = append(h.extra, extraColumn{name: name, cell: i})
	}
}

// rejectTitles are the titles of a file of rejected rows, by which it is read without
// a mapping as this file is with one, and the cell of each.
func (h *header) rejectTitles() (titles []string, cells []int) {
	fields := make(map[int]string, len(h.index))
	for name, cell := range h.index {
		fields[cell] = name
	}
	extra := make(map[int]string, len(h.extra))
	for _, c := range h.extra {
		extra[c.cell] = c.name
	}
	for i, title := range h.titles {
		if h.skipped[i] || h.isMark(i) {
			continue
		}
		switch field, attribute := fields[i], extra[i]; {
		case field != "" && h.mapped[i]:
			title = field
		case field != "":
		case attribute != "" && (h.mapped[i] || h.wouldBe(title)):
			title = extraPrefix + attribute
		}
		titles, cells = append(titles, title), append(cells, i)
	}
	return titles, cells
}

// wouldBe says whether a title could be taken for a known column.
func (h *header) wouldBe(title string) bool {
	for _, c := range h.columns {
		if _, ok := c.member(title); ok {
			return true
		}
		if c.Family == "" && slices.ContainsFunc(append([]string{c.Name}, c.Synonyms...), func(s string) bool { return plain(s) == plain(title) }) {
			return true
		}
	}
	return false
}

// find returns the free cell with exactly this header; else, for "Email#2", the second
// of several with one header; else the one that only differs in case, spaces and the
// like. -1: there is none.
func (h *header) find(title string, taken []bool) int {
	for i, t := range h.titles {
		if !taken[i] && t == title {
			return i
		}
	}
	if at := strings.LastIndexByte(title, '#'); at > 0 {
		n, err := strconv.Atoi(title[at+1:])
		for i, t := range h.titles {
			if err != nil || t != title[:at] {
				continue
			}
			if n--; n == 0 && !taken[i] {
				return i
			}
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
