package csvimport_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"posthorn/internal/csvimport"
	"posthorn/internal/fault"
)

var columns = []csvimport.Column{
	{Name: "external_id", Required: true, Synonyms: []string{"customer_id", "id"}},
	{Name: "email", Synonyms: []string{"e-mail", "e-mail address"}},
	{Name: "first_name", Synonyms: []string{"given name"}},
	{Name: "flag.", Family: "NAME"},
}

// read returns every row as "line|external_id|email|first_name", and the summary.
func read(t *testing.T, in io.Reader, opts csvimport.Options) ([]string, csvimport.Summary) {
	t.Helper()
	f, err := csvimport.Open(in, opts, columns)
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for {
		row, err := f.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, fmt.Sprintf("%d|%s|%s|%s", row.Line, row.Get("external_id"), row.Get("email"), row.Get("first_name")))
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return rows, f.Summary()
}

func gz(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func latin1(t *testing.T, s string) string {
	t.Helper()
	out, err := charmap.Windows1252.NewEncoder().String(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	const text = "external_id,email,first_name\n1,a@x.example,Zoë\n2,b@x.example,Søren “€”\n"
	want := []string{"2|1|a@x.example|Zoë", "3|2|b@x.example|Søren “€”"}
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	late := "external_id,email,first_name\n" + strings.Repeat("0,,\n", 40_000) // accents only beyond what is peeked
	for name, in := range map[string]string{
		"utf-8":         text,
		"bom":           "\xef\xbb\xbf" + text,
		"latin-1":       latin1(t, text),
		"utf-16":        utf16,
		"gzip":          gz(t, text),
		"gzip, bom":     gz(t, "\xef\xbb\xbf"+text),
		"gzip, latin-1": gz(t, latin1(t, text)),
		"crlf":          strings.ReplaceAll(text, "\n", "\r\n"),
		"no end":        strings.TrimSuffix(text, "\n"),
		"semicolons":    strings.ReplaceAll(text, ",", ";"),
		"tabs":          strings.ReplaceAll(text, ",", "\t"),
		"late utf-8":    late + text[strings.Index(text, "\n")+1:],
		"late latin-1":  late + latin1(t, text[strings.Index(text, "\n")+1:]),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how, r := range map[string]io.Reader{"whole": strings.NewReader(in), "byte by byte": iotest.OneByteReader(strings.NewReader(in))} {
				rows, sum := read(t, r, csvimport.Options{})
				if strings.HasPrefix(name, "late") {
					if len(rows) != 40_002 {
						t.Fatalf("%s: %d rows", how, len(rows))
					}
					for i, row := range rows[40_000:] {
						_, got, _ := strings.Cut(row, "|")
						_, exp, _ := strings.Cut(want[i], "|")
						if got != exp {
							t.Errorf("%s: got %q, want %q", how, got, exp)
						}
					}
					continue
				}
				if diff := cmp.Diff(want, rows); diff != "" {
					t.Errorf("%s: %s", how, diff)
				}
				if sum.Rows != 2 || sum.Rejected != 0 {
					t.Errorf("%s: %+v", how, sum)
				}
			}
		})
	}
}

func TestSeparatorLine(t *testing.T) {
	t.Parallel()
	rows, _ := read(t, strings.NewReader("sep=;\r\nexternal_id;email\r\n1;a@x.example\r\n"), csvimport.Options{})
	if diff := cmp.Diff([]string{"3|1|a@x.example|"}, rows); diff != "" {
		t.Error(diff)
	}
}

// One bad byte in a file of UTF-8 costs its row, not the encoding of the others.
func TestOneBadByte(t *testing.T) {
	t.Parallel()
	rows, sum := read(t, strings.NewReader("id,first_name\n1,Zoë\n2,S\xf8ren\n3,Jürgen\n"), csvimport.Options{})
	if diff := cmp.Diff([]string{"2|1||Zoë", "4|3||Jürgen"}, rows); diff != "" {
		t.Error(diff)
	}
	if sum.Rejected != 1 || sum.Rejects[0].Line != 3 || !strings.Contains(sum.Rejects[0].Reason, "UTF-8") {
		t.Errorf("%+v", sum)
	}
}

func TestBrokenRows(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 70_000)
	huge := strings.Repeat("x", 1<<20)
	for _, c := range []struct {
		name, in string
		rows     []string
		rejects  []csvimport.Reject
	}{
		{"a stray quote at the end of the file", "1,a,A\n2,\"b,B\n3,c,C\n4,d,D\n",
			[]string{"2|1|a|A", "4|3|c|C", "5|4|d|D"},
			[]csvimport.Reject{{Line: 3, Reason: "has a quote that is opened and not closed as it should be"}}},
		{"a stray quote before good ones", "1,\"a,A\n2,\"b\",B\n3,c,\"C\"\n",
			[]string{"3|2|b|B", "4|3|c|C"},
			[]csvimport.Reject{{Line: 2, Reason: "has a quote that is opened and not closed as it should be"}}},
		{"two stray quotes that fit together", "1,\"a,A\n2,b,B\n3,c\",C\n4,d,D\n",
			// As CSV this is one record, and a valid one.
			[]string{"2|1|a,A\n2,b,B\n3,c|C", "5|4|d|D"}, nil},
		{"two stray quotes that give too many columns", "1,\"a,A\n2,b,B\n3,c,\",C,D\n4,d,D\n5,e,E,\n",
			[]string{"3|2|b|B", "5|4|d|D", "6|5|e|E"},
			[]csvimport.Reject{
				{Line: 2, Reason: "has a quote that is opened and not closed as it should be"},
				{Line: 4, Reason: "has a quote that is opened and not closed as it should be"}}},
		{"two stray quotes out of step", "1,a,A,\"x\n2,b,B\n3,c,C\",y\n4,d,D\n",
			[]string{"3|2|b|B", "5|4|d|D"},
			[]csvimport.Reject{
				{Line: 2, Reason: "has a quote that is opened and not closed as it should be"},
				{Line: 4, Reason: "has a quote in the middle of a cell: such a cell must stand in quotes, and the quote be doubled"}}},
		{"a stray quote in every line", "1,\"a,A\n2,\"b,B\n3,\"c,C\n",
			nil,
			[]csvimport.Reject{
				{Line: 2, Reason: "has a quote that is opened and not closed as it should be"},
				{Line: 3, Reason: "has a quote that is opened and not closed as it should be"},
				{Line: 4, Reason: "has a quote that is opened and not closed as it should be"}}},
		{"a quote inside a cell", "1,5\" pipe,A\n2,b,B\n",
			[]string{"3|2|b|B"},
			[]csvimport.Reject{{Line: 2, Reason: "has a quote in the middle of a cell: such a cell must stand in quotes, and the quote be doubled"}}},
		{"line breaks and doubled quotes in cells", "1,\"a\nb \"\"c\"\"\",A\n\n2,b,B\n",
			[]string{"2|1|a\nb \"c\"|A", "5|2|b|B"}, nil},
		{"cells too few and too many", "1,a\n2,b,B,C\n3,c,C,,\n",
			[]string{"4|3|c|C"},
			[]csvimport.Reject{{Line: 2, Reason: "has 2 columns, the header has 3"}, {Line: 3, Reason: "has 4 columns, the header has 3"}}},
		{"NUL and control characters", "1,a\x00,A\n2,b,\x1bB\n3,c,C\n",
			[]string{"4|3|c|C"},
			[]csvimport.Reject{{Line: 2, Field: "email", Reason: "holds a control character"}, {Line: 3, Field: "first_name", Reason: "holds a control character"}}},
		{"a cell too large", "1,a," + long + "\n2,b,B\n",
			[]string{"3|2|b|B"},
			[]csvimport.Reject{{Line: 2, Field: "first_name", Reason: "is larger than 64 KB"}}},
		{"a line too long", "1,a," + huge + "\n2,b,B\n",
			[]string{"3|2|b|B"},
			[]csvimport.Reject{{Line: 2, Reason: "is longer than 1 MB"}}},
		{"a stray quote, then a line too long", "1,\"a,A\n" + huge + "\n2,b,B\n",
			[]string{"4|2|b|B"},
			[]csvimport.Reject{{Line: 2, Reason: "has a quote that is opened and not closed as it should be"}, {Line: 3, Reason: "is longer than 1 MB"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rows, sum := read(t, strings.NewReader("external_id,email,first_name\n"+c.in), csvimport.Options{})
			if diff := cmp.Diff(c.rows, rows); diff != "" {
				t.Error(diff)
			}
			want := append([]csvimport.Reject{}, c.rejects...)
			if diff := cmp.Diff(want, sum.Rejects); diff != "" {
				t.Error(diff)
			}
			if sum.Rejected != int64(len(c.rejects)) || sum.Rows != int64(len(c.rows)+len(c.rejects)) {
				t.Errorf("%+v", sum)
			}
		})
	}
}

// A stray quote far from the end makes the reader look 1 MB ahead, and again for
// the next: that must stay linear, and lose no line.
func TestManyStrayQuotes(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("id,email\n")
	const n = 200_000
	for i := range n {
		if i%1000 < 3 {
			fmt.Fprintf(&b, "%d,\"open\n", i)
		} else {
			fmt.Fprintf(&b, "%d,x\n", i)
		}
	}
	rows, sum := read(t, strings.NewReader(b.String()), csvimport.Options{})
	if len(rows) != n-600 || sum.Rejected != 600 || sum.Rows != n {
		t.Errorf("%d rows, %d rejected of %d", len(rows), sum.Rejected, sum.Rows)
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, header string
		mapping      map[string]string
		cells        string
		want         string
		extra        map[string]string
	}{
		{"exact", "external_id,email", nil, "1,a", "2|1|a|", nil},
		{"case and spaces", "External ID, E-Mail ,First-Name", nil, "1,a,A", "2|1|a|A", nil},
		{"synonyms", "Customer ID,E-Mail Address,given_name", nil, "1,a,A", "2|1|a|A", nil},
		{"the name before a synonym", "id,external_id", nil, "1,2", "2|2||", map[string]string{"id": "1"}},
		{"an earlier synonym", "id,customer_id", nil, "1,2", "2|2||", map[string]string{"id": "1"}},
		{"mapped", "id,No.", map[string]string{"external_id": "No."}, "1,2", "2|2||", map[string]string{"id": "1"}},
		{"mapped loosely", "id,Kunden-Nr", map[string]string{"External ID": "kundennr"}, "1,2", "2|2||", map[string]string{"id": "1"}},
		{"extra", "id,VIP,attr:email,", nil, "1,yes,b,", "2|1||", map[string]string{"VIP": "yes", "email": "b"}},
		{"extra, mapped", "id,Mail", map[string]string{"attr:second mail": "Mail"}, "1,b", "2|1||", map[string]string{"second mail": "b"}},
		{"extra, empty", "id,VIP", nil, "1, ", "2|1||", nil},
		{"family", "id,Flag.A,flags", nil, "1,x,y", "2|1|||a=x", map[string]string{"flags": "y"}},
		{"of two with one header the second", "id,Mail,Mail,Mail#9", map[string]string{"email": "Mail#2", "attr:old mail": "Mail#1"}, "1,a,b,c", "2|1|b|", map[string]string{"old mail": "a", "Mail#9": "c"}},
		{"a header with a number", "id,Line #2,Line ,Line", map[string]string{"email": "Line #2", "attr:b": "Line#2"}, "1,a,x,b", "2|1|a|", map[string]string{"b": "b", "Line": "x"}},
		{"family, mapped", "id,Mail,flag.b", map[string]string{"FLAG.a": "mail"}, "1,x,y", "2|1|||a=x|b=y", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f, err := csvimport.Open(strings.NewReader(c.header+"\n"+c.cells+"\n"), csvimport.Options{Map: c.mapping}, columns)
			if err != nil {
				t.Fatal(err)
			}
			row, err := f.Next()
			if err != nil {
				t.Fatal(err, f.Summary())
			}
			got := fmt.Sprintf("%d|%s|%s|%s", row.Line, row.Get("external_id"), row.Get("email"), row.Get("first_name"))
			for _, member := range f.Family("flag.") {
				got += "|" + member + "=" + row.Get("flag."+member)
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if diff := cmp.Diff(c.extra, row.Extra()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		mapping  map[string]string
		field    string
		says     []string
	}{
		{"nothing", "", nil, "file", []string{"empty"}},
		{"blank lines", "\n\r\n", nil, "file", []string{"empty"}},
		{"missing column", "email,name\na,b\n", nil, "columns", []string{"external_id", `"email"`, `"name"`}},
		{"two for one", "id,I.D.\n1,2\n", nil, "columns", []string{`"id"`, `"I.D."`, "external_id"}},
		{"two extra", "id,vip,vip\n1,2,3\n", nil, "columns", []string{`"vip"`}},
		{"mapped to nothing", "id,email\n", map[string]string{"email": "Mail"}, "map", []string{"email=Mail"}},
		{"mapped to one too many", "id,Mail,Mail\n", map[string]string{"email": "Mail#3"}, "map", []string{"email=Mail#3"}},
		{"unknown field mapped", "id,email\n", map[string]string{"surname": "email"}, "map", []string{`"surname"`, "first_name"}},
		{"mapped twice", "id,a,b\n", map[string]string{"email": "a", "E-Mail": "b"}, "map", []string{"email"}},
		{"one column for two", "id,a\n", map[string]string{"email": "a", "first_name": "a"}, "map", []string{"first_name=a"}},
		{"quoting", "id,\"email\n1,2\n", nil, "file", []string{"quote"}},
		{"bare quote", "id,e\"mail\n1,2\n", nil, "file", []string{"quote"}},
		{"NUL", "id,\x00\n", nil, "file", []string{"control"}},
		{"old line ends", "id,email\r1,2\r3,4", nil, "file", []string{"lines"}},
		{"spreadsheet", "PK\x03\x04xxxxxxx", nil, "file", []string{"CSV"}},
		{"gzip head only", "\x1f\x8b\x08", nil, "file", []string{"gzip"}},
		{"not gzip after all", "\x1f\x8bxxxxxxxxxxxxxxxx", nil, "file", []string{"gzip"}},
		{"a line too long", strings.Repeat("x", 2<<20), nil, "file", []string{"1 MB"}},
		{"too many columns", strings.Repeat("x,", 600) + "x\n", nil, "file", []string{"601"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := csvimport.Open(strings.NewReader(c.in), csvimport.Options{Map: c.mapping}, columns)
			var inv *fault.Invalid
			if !errors.As(err, &inv) {
				t.Fatalf("got %v", err)
			}
			if inv.Field != c.field {
				t.Errorf("field %q, want %q (%v)", inv.Field, c.field, err)
			}
			for _, s := range c.says {
				if !strings.Contains(inv.Message, s) {
					t.Errorf("%q does not say %q", inv.Message, s)
				}
			}
		})
	}
}

func TestDamagedGzip(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("id,email\n")
	for i := range 50_000 {
		fmt.Fprintf(&text, "%d,%x@x.example\n", i, i*i*2654435761)
	}
	whole := gz(t, text.String())
	flipped := []byte(whole)
	flipped[len(flipped)-5] ^= 0xff // of the checksum
	for name, in := range map[string]string{"cut off": whole[:len(whole)*3/4], "flipped": string(flipped)} {
		f, err := csvimport.Open(strings.NewReader(in), csvimport.Options{}, columns)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = f.Next()
		}
		var inv *fault.Invalid
		if !errors.As(err, &inv) || !strings.Contains(inv.Message, "gzip") || f.Summary().Rows < 10_000 {
			t.Errorf("%s: %v after %d rows", name, err, f.Summary().Rows)
		}
	}
}

// Trouble of the stream is not the file's fault.
func TestStreamError(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	in := io.MultiReader(strings.NewReader("id,email\n"+strings.Repeat("1,a\n", 100_000)), iotest.ErrReader(boom))
	f, err := csvimport.Open(in, csvimport.Options{}, columns)
	for err == nil {
		_, err = f.Next()
	}
	var inv *fault.Invalid
	if !errors.Is(err, boom) || errors.As(err, &inv) {
		t.Errorf("got %v", err)
	}
	if _, err := csvimport.Open(iotest.ErrReader(boom), csvimport.Options{}, columns); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
}

// A row that cannot be taken is the caller's to reject, as long as it is known what it
// is about: also where it does not fall into cells.
func TestNextAny(t *testing.T) {
	t.Parallel()
	whole := []csvimport.Column{{Name: "email"}, {Name: "external_id", Required: true, Whole: true, Synonyms: []string{"id"}}}
	var rejects bytes.Buffer
	f, err := csvimport.Open(strings.NewReader("x;id;email\na;1\nb;2;\x01\nc;3;y\nd;4;\"e\"f\n\"g;5;h\ni;\"6\"7;j\nk;8;l;m\n"), csvimport.Options{Rejects: &rejects}, whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct{ id, raw, wrong string }{
		{"1", "a;1", "has 2 columns, the header has 3"}, {"2", "", "email: holds a control character"}, {"3", "", "<nil>"},
		{"4", `d;4;"e"f`, "has a quoted cell with a quote that is not doubled, or with text after it"}, {"8", "k;8;l;m", "has 4 columns, the header has 3"},
	} {
		row, wrong, err := f.NextAny()
		if err != nil || row.Get("external_id") != want.id || row.Raw != want.raw || fmt.Sprint(wrong) != want.wrong {
			t.Errorf("%+v, %v, %v", row, wrong, err)
		}
		f.RejectFault(row, wrong)
	}
	if _, _, err := f.NextAny(); !errors.Is(err, io.EOF) || f.Summary().Rows != 7 || f.Summary().Rejected != 6 {
		t.Error(err, f.Summary())
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	const original = "; what it belongs to cannot be told: mend it in the file it came from, and import all of that"
	want := `x;id;email;rejected_line;rejected_field;rejected_reason;rejected_row
;1;;2;;has 2 columns, the header has 3;"a;1"
b;2;` + "\x01" + `;3;email;holds a control character;
;4;;5;;has a quoted cell with a quote that is not doubled, or with text after it;"d;4;""e""f"
;;;6;;"has a quote that is opened and not closed as it should be` + original + `";"""g;5;h"
;;;7;;"has a quoted cell with a quote that is not doubled, or with text after it` + original + `";"i;""6""7;j"
;8;;8;;has 4 columns, the header has 3;k;8;l;m
`
	want = strings.NewReplacer(`should be`+original+`"`, `should be`+original+`"`, `header has 3;k;8;l;m`, `header has 3;"k;8;l;m"`).Replace(want)
	if got := rejects.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// The file of rejected rows is rejected again as it is, row by row, and what was wrong
// stays in it until it is mended; then it is read as the file would have been, without
// what was mapped and skipped.
func TestRejectsCanBeMended(t *testing.T) {
	t.Parallel()
	const file = "sep=;\nKey;Mail;email;Born;id;secret;flag.x;attr:y;\"a;b\"\n" +
		"1;a;b;c;d;e;f;g;h\n" +
		"2;\x01;b2;c2;d2;e2;f2;g2;h2\n" +
		"3;a\n" +
		"\"4;a\n"
	opts := csvimport.Options{Map: map[string]string{"external_id": "Key", "email": "Mail", "attr:birthday": "Born", "flag.z": "flag.x"}, Skip: []string{"Secret"}}
	reject := func(in string, opts csvimport.Options) string {
		t.Helper()
		var rejects bytes.Buffer
		opts.Rejects = &rejects
		f, err := csvimport.Open(strings.NewReader(in), opts, columns)
		if err != nil {
			t.Fatalf("%v\n%s", err, in)
		}
		for err == nil {
			_, err = f.Next()
		}
		if err := f.Close(); err != nil || !f.Has("flag.z") || !f.Has("email") {
			t.Fatal(err)
		}
		return rejects.String()
	}
	first := reject(file, opts)
	second := reject(first, csvimport.Options{})
	if want := "external_id;email;attr:email;attr:birthday;attr:id;flag.z;attr:y;\"a;b\";rejected_line;rejected_field;rejected_reason;rejected_row\n" +
		"2;\x01;b2;c2;d2;f2;g2;h2;4;email;holds a control character;\n" +
		";;;;;;;;5;;has 2 columns, the header has 9;3;a\n"; !strings.HasPrefix(strings.ReplaceAll(first, `"3;a"`, "3;a"), want) {
		t.Errorf("got\n%s\nwant\n%s", first, want)
	}
	if second = strings.Replace(strings.NewReplacer(";2;email;", ";4;email;", ";3;rejected_row;", ";5;;", ";4;rejected_row;", ";6;;").Replace(second), "x", "x", 1); strings.Count(second, "holds a row that could not be read") != 2 || !strings.Contains(second, `"3;a"`) || !strings.Contains(second, `"""4;a"`) {
		t.Errorf("once more:\n%s", second)
	}
	mended := strings.NewReplacer("\x01", "m@x.example", ";;;;;;;;5;;has 2 columns, the header has 9;\"3;a\"", "3;a;;;;;;;5;;has 2 columns, the header has 9;").Replace(first)
	f, err := csvimport.Open(strings.NewReader(mended), csvimport.Options{}, columns)
	if err != nil {
		t.Fatal(err)
	}
	row, err := f.Next()
	if err != nil || row.Get("external_id") != "2" || row.Get("email") != "m@x.example" || row.Get("flag.z") != "f2" {
		t.Fatal(row, err)
	}
	if diff := cmp.Diff(map[string]string{"email": "b2", "birthday": "c2", "id": "d2", "y": "g2", "a;b": "h2"}, row.Extra()); diff != "" {
		t.Error(diff)
	}
	if row, err := f.Next(); err != nil || row.Get("external_id") != "3" || row.Get("email") != "a" || row.Extra() != nil {
		t.Error(row, err)
	}
}

func TestRejects(t *testing.T) {
	t.Parallel()
	var rejects bytes.Buffer
	var last csvimport.Progress
	in := latin1(t, "id,first_name\n1,\"Zoë, \"\"Z\"\"\"\n2,\"é\n3,x,y\n4,ok\n")
	f, err := csvimport.Open(strings.NewReader(in), csvimport.Options{Rejects: &rejects, Show: 2, Progress: func(p csvimport.Progress) { last = p }}, columns)
	if err != nil {
		t.Fatal(err)
	}
	row, err := f.Next()
	if err != nil {
		t.Fatal(err)
	}
	if f.RejectFault(row, errors.New("not the row's fault")) {
		t.Error("took any error for a fault")
	}
	kept := csvimport.Row{Line: row.Line, Cells: row.Cells}
	if !f.RejectFault(kept, fault.List{{Field: "email", Message: "is missing"}, {Field: "first_name", Message: "is odd"}}) {
		t.Error("did not take a fault")
	}
	if row, err = f.Next(); err != nil || row.Get("external_id") != "4" {
		t.Fatal(row, err)
	}
	if _, err = f.Next(); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	f.Stored(7)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := csv.NewReader(&rejects).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"id", "first_name", "rejected_line", "rejected_field", "rejected_reason", "rejected_row"},
		{"1", `Zoë, "Z"`, "2", "email", "is missing; first_name: is odd", ""},
		{"", "", "3", "", "has a quote that is opened and not closed as it should be", `2,"é`},
		{"", "", "4", "", "has 3 columns, the header has 2", "3,x,y"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := (csvimport.Progress{Rows: 4, Rejected: 3, Bytes: int64(len(in)), Stored: 7}); last != want {
		t.Errorf("progress %+v, want %+v", last, want)
	}
	if sum := f.Summary(); sum.Rejected != 3 || len(sum.Rejects) != 2 {
		t.Errorf("%+v", sum)
	}
}

func TestRejectsUntouchedWithoutRejects(t *testing.T) {
	t.Parallel()
	var rejects bytes.Buffer
	read(t, strings.NewReader("id\n1\n"), csvimport.Options{Rejects: &rejects})
	if rejects.Len() > 0 {
		t.Errorf("got %q", rejects.String())
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestRejectsCannotBeWritten(t *testing.T) {
	t.Parallel()
	f, err := csvimport.Open(strings.NewReader("id\n"+strings.Repeat("1,2\n", 10_000)), csvimport.Options{Rejects: failingWriter{}}, columns)
	for err == nil {
		_, err = f.Next()
	}
	if !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got %v", err)
	}
	if err := f.Close(); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("close: %v", err)
	}
}

// FuzzOpen feeds anything: it must end, account for every row, stay within the
// header's width and never hand out what Postgres would refuse.
func FuzzOpen(f *testing.F) {
	for _, s := range []string{
		"id,email\n1,a\n", "id;email\n1;\"a\nb\"\n", "\xef\xbb\xbfid\n\xff\n", "sep=|\nid|x\n1|\"\"\"\n", "id,\"a\n", "id\n\"\r\n\"\n\"x\"\r",
		"\xff\xfei\x00d\x00\n\x001\x00", "\x1f\x8b\x08\x00", "id,a\n1,\"x\n2,\"y\"\n3,z\"\n", "id,a\n\"\"\"\",\"\"\r\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var rejects bytes.Buffer
		file, err := csvimport.Open(bytes.NewReader(in), csvimport.Options{Rejects: &rejects}, columns)
		if err != nil {
			var inv *fault.Invalid
			if !errors.As(err, &inv) {
				t.Fatalf("not a fault: %v", err)
			}
			return
		}
		var good int64
		line := 0
		for {
			row, err := file.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				var inv *fault.Invalid
				if !errors.As(err, &inv) {
					t.Fatalf("not a fault: %v", err)
				}
				break
			}
			good++
			if row.Line <= line {
				t.Fatalf("line %d after %d", row.Line, line)
			}
			line = row.Line
			for _, c := range row.Cells {
				if strings.ContainsRune(c, 0) || strings.ToValidUTF8(c, "") != c {
					t.Fatalf("cell %q", c)
				}
			}
			row.Extra()
			_ = row.Get("external_id") + row.Get("email")
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		sum := file.Summary()
		if sum.Rows != good+sum.Rejected {
			t.Fatalf("%d rows, %d good, %d rejected", sum.Rows, good, sum.Rejected)
		}
		if sum.Rejected == 0 {
			return
		}
		// What was rejected can be read, and is rejected again.
		text := rejects.String()
		again, err := csvimport.Open(&rejects, csvimport.Options{}, columns)
		if err != nil {
			t.Fatalf("%v: %q", err, text)
		}
		for err == nil {
			var row csvimport.Row
			if row, err = again.Next(); err == nil {
				t.Fatalf("%q is taken: %q", row.Cells, text)
			}
		}
		if !errors.Is(err, io.EOF) || again.Summary().Rows != sum.Rejected {
			t.Fatalf("%d rejects are %d rows, %v: %q", sum.Rejected, again.Summary().Rows, err, text)
		}
	})
}
