package contacts

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/csvimport"
	"posthorn/internal/fault"
)

func preview(t *testing.T, file string, opts ImportOptions, cut bool) csvimport.Preview {
	t.Helper()
	p, err := PreviewImport(strings.NewReader(file), opts, 20, cut)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPreview(t *testing.T) {
	t.Parallel()
	file := "Kunden-Nr.;E-Mail;Vorname;Kunde seit;Schuhgröße;Notiz\n" +
		"1; Edith@EXAMPLE.com;Edith;2026-03-01 10:00;38;<script>\n" +
		"2;niemand;;gestern;;\n" +
		"3;a@x.example\n" +
		"\"4;a@x.example\n" +
		"5;f@x.example;=1+1;;;\n"
	p := preview(t, file, ImportOptions{Topic: "news", Options: csvimport.Options{Skip: []string{"notiz"}}}, false)
	if p.Separator != "semicolon" || p.Charset != "utf-8" || p.Compressed || p.Mended || len(p.Problems) != 0 || len(p.Fields) != len(importColumns) {
		t.Errorf("%+v", p)
	}
	if diff := cmp.Diff([]csvimport.PreviewColumn{
		{Title: "Kunden-Nr.", Field: "external_id"}, {Title: "E-Mail", Field: "email"}, {Title: "Vorname", Field: "first_name"}, {Title: "Kunde seit", Field: "created_at"},
		{Title: "Schuhgröße", Attribute: "Schuhgröße"}, {Title: "Notiz", Skipped: true, Mapped: true},
	}, p.Columns); diff != "" {
		t.Error(diff)
	}
	none := map[string]string{}
	ok := []csvimport.PreviewFault{}
	if diff := cmp.Diff([]csvimport.PreviewRow{
		{Line: 2, Cells: []string{"1", " Edith@EXAMPLE.com", "Edith", "2026-03-01 10:00", "38", "<script>"}, Problems: ok,
			Values: map[string]string{"external_id": "1", "email": "Edith@example.com", "first_name": "Edith", "created_at": "2026-03-01T10:00:00Z", "attr:Schuhgröße": "38", "topics": "news"}},
		{Line: 3, Cells: []string{"2", "niemand", "", "gestern", "", ""}, Values: none,
			Problems: []csvimport.PreviewFault{{Field: "created_at", Message: "is not a time such as 2026-03-02T09:00:00Z, 2026-03-02 09:00:00 (UTC) or 2026-03-02"}}},
		{Line: 4, Cells: []string{"3", "a@x.example"}, Raw: "3;a@x.example", Values: none, Problems: []csvimport.PreviewFault{{Message: "has 2 columns, the header has 6"}}},
		{Line: 5, Cells: []string{}, Raw: `"4;a@x.example`, Values: none, Problems: []csvimport.PreviewFault{{Message: "has a quote that is opened and not closed as it should be"}}},
		{Line: 6, Cells: []string{"5", "f@x.example", "=1+1", "", "", ""}, Values: map[string]string{"external_id": "5", "email": "f@x.example", "first_name": "=1+1", "topics": "news"}, Problems: ok},
	}, p.Rows); diff != "" {
		t.Error(diff)
	}
	// A file that goes on behind what was sent: its last row may lack its end.
	if p := preview(t, file[:len(file)-10], ImportOptions{}, true); len(p.Rows) != 4 {
		t.Errorf("cut: %+v", p.Rows)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(file + strings.Repeat("6;g@x.example;;;;\n", 10_000)))
	_ = z.Close()
	if p := preview(t, zipped.String()[:zipped.Len()*2/3], ImportOptions{}, true); !p.Compressed || len(p.Rows) != 20 || len(p.Problems) != 0 {
		t.Errorf("gzip, cut: %+v", p)
	}
	var invalid *fault.Invalid
	if _, err := PreviewImport(strings.NewReader(zipped.String()[:60]), ImportOptions{}, 20, false); !errors.As(err, &invalid) || invalid.Field != "file" {
		t.Errorf("gzip, broken: %v", err)
	}
}

// What is wrong with the file as a whole is all said, and its columns are shown all
// the same, so that they can be mapped.
func TestPreviewOfWhatCannotBeImported(t *testing.T) {
	t.Parallel()
	p := preview(t, "Name,Telefon,Telefon\nEdith,1,2\n", ImportOptions{Options: csvimport.Options{Map: map[string]string{"email": "Mail", "shoe": "Name"}}}, false)
	var problems []string
	for _, f := range p.Problems {
		problems = append(problems, f.String())
	}
	if len(problems) != 4 || !strings.HasPrefix(problems[3], "columns: a column external_id or email is missing") || !strings.HasPrefix(problems[0], "map: email=Mail: the file has no such column") || !strings.HasPrefix(problems[1], `map: there is no field "shoe"`) || !strings.HasPrefix(problems[2], `columns: both "Telefon" and "Telefon" may be phone`) {
		t.Errorf("%q", problems)
	}
	if len(p.Columns) != 3 || p.Columns[1].Field != "phone" || len(p.Rows) != 1 || p.Rows[0].Cells[0] != "Edith" || len(p.Rows[0].Problems) != 0 {
		t.Errorf("%+v", p)
	}
	p = preview(t, "Name\nEdith\n", ImportOptions{}, false)
	if len(p.Problems) != 1 || !strings.Contains(p.Problems[0].Message, "a column external_id or email is missing") {
		t.Errorf("%+v", p.Problems)
	}
	for _, file := range []string{"", "PK\x03\x04", "a\x00b\n"} {
		var invalid *fault.Invalid
		if _, err := PreviewImport(strings.NewReader(file), ImportOptions{}, 20, false); !errors.As(err, &invalid) || invalid.Field != "file" {
			t.Errorf("%q: %v", file, err)
		}
	}
	var invalid *fault.Invalid
	if _, err := PreviewImport(strings.NewReader("id\n1\n"), ImportOptions{Topic: "Big News"}, 20, false); !errors.As(err, &invalid) || invalid.Field != "topic" {
		t.Errorf("%v", err)
	}
}

// FuzzPreview: whatever comes in, a preview says what is text, and of a whole file it
// says of each row what the import would.
func FuzzPreview(f *testing.F) {
	f.Add([]byte("id,email\n1,a@x.example\n2,b\n"), "email", "id", "x", false)
	f.Add([]byte("Kunden-Nr;E-Mail\n1;\"a\n\xff;c\n"), "attr:y", "E-Mail", "", true)
	f.Add([]byte("id,rejected_line,rejected_field,rejected_reason,rejected_row\n1,2,,x,y\n"), "", "", "id", false)
	f.Add([]byte("\x1f\x8b\x08\x00"), "consent.news", "a", "", true)
	f.Add([]byte("\xff\xfei\x00d\x00\n\x001\x00"), "external_id", "id", "", false)
	f.Fuzz(func(t *testing.T, file []byte, field, title, skip string, cut bool) {
		opts := ImportOptions{}
		if field != "" {
			opts.Map = map[string]string{field: title}
		}
		if skip != "" {
			opts.Skip = []string{skip}
		}
		p, err := PreviewImport(bytes.NewReader(file), opts, 20, cut)
		if err != nil {
			if _, _, ok := csvimport.Explain(err); !ok {
				t.Fatalf("not a fault: %v", err)
			}
			return
		}
		data, err := json.Marshal(p)
		if err != nil || !utf8.Valid(data) || len(p.Rows) > 20 {
			t.Fatalf("%d rows, %v", len(p.Rows), err)
		}
		in, err := csvimport.Open(bytes.NewReader(file), opts.Options, importColumns)
		if err == nil {
			err = columnsOf(in)
		}
		if (err != nil) != (len(p.Problems) > 0) {
			var invalid *fault.Invalid
			if err == nil && errors.As(readAll(in), &invalid) { // damage further on
				return
			}
			t.Fatalf("%+v, but %v", p.Problems, err)
		}
		if err != nil || cut {
			return
		}
		rows := opts.rows(in)
		var lines []int
		for len(lines) < 20 {
			row, err := in.Next()
			if err != nil {
				break
			}
			if _, err := rows.parse(row); err == nil {
				lines = append(lines, row.Line)
			}
		}
		for _, row := range p.Rows {
			if len(row.Problems) > 0 {
				continue
			}
			if len(lines) == 0 || lines[0] != row.Line {
				t.Fatalf("line %d would be taken, the import takes %v", row.Line, lines)
			}
			lines = lines[1:]
		}
	})
}

func readAll(in *csvimport.File) error {
	for {
		if _, err := in.Next(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
