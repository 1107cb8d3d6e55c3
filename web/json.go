package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"posthorn/catalog"
	"posthorn/internal/fault"
)

// jsonFormat reads and writes bodies. huma keeps only the text of a decoding
// error, so the text says which kind it is: brokenJSON, or a located one.
var jsonFormat = huma.Format{
	Marshal: huma.DefaultJSONFormat.Marshal,
	Unmarshal: func(data []byte, v any) error {
		err := decodeJSON(data, v)
		var invalid *fault.Invalid
		if errors.As(err, &invalid) {
			return fmt.Errorf("\x00%s\x00%s", invalid.Field, invalid.Message)
		}
		return err
	},
}

const brokenJSON = "the body is not valid JSON"

// located matches the text that jsonFormat makes of a fault.Invalid.
var located = regexp.MustCompile(`(?s)^\x00([^\x00]*)\x00(.*)$`)

// decodeJSON decodes one document. Its errors are fault.Invalid with the field,
// or begin with brokenJSON.
func decodeJSON(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return jsonError(data, err)
	}
	if parsed, ok := v.(*any); ok && bytes.Contains(data, []byte(`\u0000`)) {
		if path, found := findNUL(*parsed, ""); found {
			return fault.Invalidf(path, "holds a NUL character")
		}
	}
	return nil
}

func jsonError(data []byte, err error) error {
	var (
		syntax  *json.SyntaxError
		typ     *json.UnmarshalTypeError
		invalid *fault.Invalid
	)
	switch {
	case errors.As(err, &invalid):
		return invalid
	case errors.As(err, &typ):
		// The schema has let it through, so it is of the right kind but does not fit.
		path := pathAt(data, typ.Offset)
		if strings.HasPrefix(typ.Value, "number") { // and then the number itself, which may be long
			return fault.Invalidf(path, "is a number out of range")
		}
		return fault.Invalidf(path, "%s is not a value that fits here", typ.Value)
	case errors.As(err, &syntax):
		before := data[:min(max(int(syntax.Offset)-1, 0), len(data))]
		line := bytes.Count(before, []byte("\n")) + 1
		column := len(before) - bytes.LastIndexByte(before, '\n')
		return fmt.Errorf("%s: line %d, column %d: %s", brokenJSON, line, column, syntax.Error())
	}
	return fmt.Errorf("%s: %w", brokenJSON, err)
}

// pathAt returns the path of the last value that begins before offset. (An
// UnmarshalTypeError's own path has no indexes but has the names of embedded
// structs, or is empty.)
func pathAt(data []byte, offset int64) string {
	offset = min(offset, int64(len(data)))
	type level struct {
		array bool
		index int    // of the next element
		key   string // of the next value
		named bool   // key has been read
	}
	var (
		levels []level
		path   string
		dec    = json.NewDecoder(bytes.NewReader(data))
	)
	dec.UseNumber()
	for len(bytes.Trim(data[min(dec.InputOffset(), offset):offset], " \t\r\n,:")) > 0 {
		token, err := dec.Token()
		if err != nil {
			break
		}
		if token == json.Delim(']') || token == json.Delim('}') {
			levels = levels[:len(levels)-1]
			continue
		}
		if n := len(levels); n > 0 {
			top := &levels[n-1]
			switch {
			case top.array:
				top.index++
			case !top.named:
				top.key, top.named = token.(string), true
				continue
			default:
				top.named = false
			}
		}
		var b strings.Builder
		for i, l := range levels {
			switch {
			case l.array:
				fmt.Fprintf(&b, "[%d]", l.index-1)
			case i > 0:
				b.WriteString("." + l.key)
			default:
				b.WriteString(l.key)
			}
		}
		path = b.String()
		if token == json.Delim('[') || token == json.Delim('{') {
			levels = append(levels, level{array: token == json.Delim('[')})
		}
	}
	return path
}

// findNUL returns the path of the first text that holds a NUL, which JSON can
// write and Postgres cannot store.
func findNUL(v any, path string) (string, bool) {
	switch v := v.(type) {
	case string:
		return path, !storable(v)
	case []any:
		for i, e := range v {
			if p, found := findNUL(e, path+"["+strconv.Itoa(i)+"]"); found {
				return p, true
			}
		}
	case map[string]any:
		for k, e := range v {
			if !storable(k) {
				return path, true
			}
			p := k
			if path != "" {
				p = path + "." + k
			}
			if p, found := findNUL(e, p); found {
				return p, true
			}
		}
	}
	return "", false
}

// Decimal is a sum of money as it was sent: a number, or a string that holds one.
// It is kept as text so that no cent is lost on the way to catalog.ParseAmount.
type Decimal string

// UnmarshalJSON takes the text as it is.
func (d *Decimal) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, (*string)(d))
	}
	*d = Decimal(data)
	return nil
}

// Schema says that numbers are best.
func (Decimal) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		OneOf:       []*huma.Schema{{Type: huma.TypeNumber}, {Type: huma.TypeString}},
		Description: "A decimal number with at most four decimal places, as a number or as a string. It is read exactly.",
		Examples:    []any{2.55},
	}
}

// amount reads it; the error names the field.
func (d Decimal) amount(field string) (catalog.Amount, error) {
	a, err := catalog.ParseAmount(string(d))
	if err != nil {
		return 0, fault.Invalidf(field, "%s", err)
	}
	return a, nil
}
