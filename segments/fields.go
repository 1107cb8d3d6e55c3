package segments

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// field is one kind of field: which operators and options it takes, and how a
// condition on it is read. This file is the whitelist.
type field struct {
	scope     Scope    // the only one it is known in; "" is everywhere
	operators []string // as documented; the camel case of react-querybuilder is read as well
	options   []string
	read      func(*input) condition
}

var (
	existence       = []string{"null", "not_null"}
	boughtOperators = []string{"bought", "not_bought"}
)

// fields are the fields with a fixed name.
var fields = map[string]field{
	"created_at":      {operators: timeOperators, read: readCreatedAt},
	"orders.count":    {operators: numberOperators, options: orderOptions, read: readOrderNumber},
	"orders.sum":      {operators: numberOperators, options: orderOptions, read: readOrderNumber},
	"orders.first":    {operators: slices.Concat(timeOperators, existence), options: orderOptions, read: readOrderTime},
	"orders.last":     {operators: slices.Concat(timeOperators, existence), options: orderOptions, read: readOrderTime},
	"bought.product":  {operators: boughtOperators, options: boughtOptions, read: readBought},
	"bought.category": {operators: boughtOperators, options: boughtOptions, read: readBought},

	"order.total":    {scope: OrderScope, operators: numberOperators, read: readOrderFigure},
	"order.quantity": {scope: OrderScope, operators: numberOperators, read: readOrderFigure},
	"order.number":   {scope: OrderScope, operators: numberOperators, read: readOrderFigure},
	"order.currency": {scope: OrderScope, operators: slices.Concat(textOperators, existence), read: readOrderCurrency},
	"order.status":   {scope: OrderScope, operators: []string{"=", "!=", "in", "not_in"}, read: readOrderStatus},
	"order.product":  {scope: OrderScope, operators: boughtOperators, options: []string{"quantity"}, read: readOrderGoods},
	"order.category": {scope: OrderScope, operators: boughtOperators, options: []string{"quantity"}, read: readOrderGoods},
}

var (
	orderOptions  = slices.Concat(windowOptions, []string{"currency"})
	boughtOptions = slices.Concat(windowOptions, []string{"times"})
	contactField  = field{operators: slices.Concat(textOperators, existence), read: readContactText}
)

// families are the fields whose second part the user names.
var families = map[string]field{
	"attributes": {operators: slices.Concat(textOperators, existence), read: readAttribute},
	"consent":    {operators: []string{"=", "!=", "in", "not_in", "null", "not_null"}, read: readConsent},
	"event":      {operators: []string{"did", "did_not"}, options: boughtOptions, read: readDid},
	"properties": {scope: EventScope, operators: slices.Concat(textOperators, existence), read: readProperty},
}

// lookup returns the field of a name, or what is wrong with the name.
func lookup(name string, scope Scope) (f field, problem string) {
	if _, ok := contactTexts[name]; ok {
		return contactField, ""
	}
	family, rest, _ := strings.Cut(name, ".")
	f, fixed := fields[name]
	if !fixed {
		f = families[family]
	}
	switch {
	case f.read == nil:
		return field{}, fmt.Sprintf("%q is not a field; known are %s", clip(name), known(scope))
	case f.scope != "" && f.scope != scope:
		return field{}, fmt.Sprintf("%q is known only in a journey triggered by an %s; known here are %s", clip(name), f.scope, known(scope))
	case fixed:
	case rest == "":
		return field{}, fmt.Sprintf("names nothing after %q", family+".")
	case strings.ContainsRune(rest, 0):
		return field{}, "holds a NUL character"
	case utf8.RuneCountInString(rest) > maxName:
		return field{}, fmt.Sprintf("names something longer than %d characters", maxName)
	}
	return f, ""
}

// known lists the fields of a scope.
func known(scope Scope) string {
	list := slices.Sorted(maps.Keys(contactTexts))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if s := fields[name].scope; s == "" || s == scope {
			list = append(list, name)
		}
	}
	list = append(list, "attributes.NAME", "consent.TOPIC", "event.NAME")
	if scope == EventScope {
		list = append(list, "properties.NAME")
	}
	return strings.Join(list, ", ")
}

// opposites are the positive operators of the negative ones.
var opposites = map[string]string{
	"!=":                  "=",
	"not_in":              "in",
	"not_between":         "between",
	"does_not_contain":    "contains",
	"does_not_begin_with": "begins_with",
	"does_not_end_with":   "ends_with",
	"not_null":            "null",
	"not_bought":          "bought",
	"did_not":             "did",
}

// operator reads an operator of the field: its positive form, and whether it was
// the negative one.
func (f field) operator(s string) (base string, negated, ok bool) {
	s = snake(s)
	if !slices.Contains(f.operators, s) {
		return "", false, false
	}
	if base, negated = opposites[s]; negated {
		return base, true, true
	}
	return s, false, true
}

// snake turns react-querybuilder's doesNotContain into does_not_contain.
func snake(s string) string {
	var out strings.Builder
	for _, r := range s {
		if isUpper(r) {
			out.WriteByte('_')
			r += 'a' - 'A'
		}
		out.WriteRune(r)
	}
	return out.String()
}
