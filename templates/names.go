package templates

import "strings"

// shape is what is known about a value when a template is checked.
type shape struct {
	kind   kind
	fields map[string]*shape // of kindObject
	item   *shape            // of kindList
}

type kind int

const (
	kindAny    kind = iota // not known: attributes, results of filters
	kindValue              // a text, a number, a time, true or false
	kindObject             // has fields
	kindList               // can be looped over
)

var (
	anything = &shape{}
	value    = &shape{kind: kindValue}
)

func listOf(item *shape) *shape { return &shape{kind: kindList, item: item} }

// What follows is made of the list of variables, so that what is described is what is
// known, and nothing else.
var (
	itemShape    = fieldsOf("item.", nil)
	forloopShape = fieldsOf("forloop.", nil)
	names        = func() map[string]*shape {
		all := fieldsOf("", itemShape).fields
		delete(all, "item")
		delete(all, "forloop")
		return all
	}()
)

// fieldsOf is what is known of the names that begin with prefix. An item is one shape
// wherever it comes from.
func fieldsOf(prefix string, item *shape) *shape {
	o := &shape{kind: kindObject, fields: map[string]*shape{}}
	for _, v := range variables {
		rest, within := strings.CutPrefix(v.Name, prefix)
		name, deeper, nested := strings.Cut(rest, ".")
		switch {
		case !within:
		case nested && deeper == "NAME":
			o.fields[name] = anything
		case nested && o.fields[name] == nil:
			o.fields[name] = fieldsOf(prefix+name+".", item)
		case nested || o.fields[name] != nil:
		case v.Type == TypeList:
			o.fields[name] = listOf(item)
		case v.Type == TypeObject:
			o.fields[name] = fieldsOf(prefix+name+".", item)
		default:
			o.fields[name] = value
		}
	}
	return o
}
