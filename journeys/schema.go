package journeys

import (
	_ "embed"
	"encoding/json"
	"sync"
)

// Schema is the JSON Schema (draft 2020-12) of a definition as the API takes it, with
// ids, for editors and other programs. Parse does not go by it: its errors name the
// step, and it knows what a schema cannot say. A test holds the keys of both together.
//
//go:embed schema.json
var Schema []byte

// FileSchema is the JSON Schema of a whole file (see File), with names in the place of
// ids. It is made of Schema. What it calls definition is also what Check takes.
var FileSchema = sync.OnceValue(func() []byte {
	type object = map[string]any
	var root object
	if err := json.Unmarshal(Schema, &root); err != nil {
		panic(err) // it is embedded
	}
	defs := root["$defs"].(object)
	rename := func(def, from, to, description string) {
		d := defs[def].(object)
		properties := d["properties"].(object)
		delete(properties, from)
		properties[to] = object{"type": "string", "minLength": 1, "maxLength": maxJourneyName, "description": description}
		for i, key := range d["required"].([]any) {
			if key == from {
				d["required"].([]any)[i] = to
			}
		}
	}
	rename("step_send", "template_id", "template", "The template's name; its version is frozen when the journey is published.")
	rename("trigger_segment", "segment_id", "segment", "The segment's name.")
	definition := object{}
	for _, key := range []string{"description", "type", "additionalProperties", "required", "properties"} {
		definition[key] = root[key]
	}
	defs["definition"] = definition
	text := func(description string) object { return object{"type": "string", "description": description} }
	name := func(description string) object {
		return object{"type": "string", "minLength": 1, "maxLength": maxJourneyName, "description": description}
	}
	closed := func(required []string, properties object) object {
		return object{"type": "object", "additionalProperties": false, "required": required, "properties": properties}
	}
	out := closed([]string{"name", "definition"}, object{
		"name":       name("The journey's; it is what apply finds it by."),
		"definition": object{"$ref": "#/$defs/definition"},
		"segments": object{"type": []string{"array", "null"}, "description": "Segments that are brought along.",
			"items": closed([]string{"name", "rule"}, object{"name": name("What the trigger names it by."), "rule": object{"$ref": "#/$defs/rule"}})},
		"templates": object{"type": []string{"array", "null"}, "description": "Templates that are brought along; others must be there already.",
			"items": closed([]string{"name", "subject"}, object{
				"name": name("What send steps name it by."), "subject": text("One line of Liquid."), "preheader": text("What mail programs show next to the subject."),
				"html": text("The body as HTML …"), "mjml": text("… or as MJML."), "text": text("The plain text part. Default: made of the body."),
			})},
	})
	out["$schema"], out["$defs"], out["title"] = root["$schema"], defs, "A journey in a file"
	out["description"] = "A journey with the templates and segments that it names. docs/journeys.md says what every field means; Posthorn also checks what a schema cannot say."
	raw, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		panic(err)
	}
	return raw
})
