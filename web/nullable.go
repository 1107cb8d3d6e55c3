package web

import (
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// allowNull says in the document that what is always there, but may point to nothing,
// may be null. huma says so of plain values only, and not of objects that have a name.
func allowNull(registry huma.Registry) {
	for name, schema := range registry.Map() {
		t := registry.TypeFromRef("#/components/schemas/" + name)
		if t == nil || t.Kind() != reflect.Struct {
			continue
		}
		for _, f := range reflect.VisibleFields(t) {
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			property := schema.Properties[name]
			if f.Type.Kind() != reflect.Pointer || strings.Contains(options, "omitempty") || property == nil || property.Ref == "" || !slices.Contains(schema.Required, name) {
				continue
			}
			either := &huma.Schema{AnyOf: []*huma.Schema{{Ref: property.Ref}, {Type: "null"}}, Description: property.Description}
			either.PrecomputeMessages()
			schema.Properties[name] = either
		}
	}
}
