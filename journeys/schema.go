package journeys

import _ "embed"

// Schema is the JSON Schema (draft 2020-12) of a definition, for editors and other
// programs. Parse does not go by it: its errors name the step, and it knows what a
// schema cannot say. A test holds the keys of both together.
//
//go:embed schema.json
var Schema []byte
