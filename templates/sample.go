package templates

import _ "embed"

//go:embed sample.mjml
var sampleMJML string

// Sample is a ready-made template: a follow-up to an order of coffee that lists
// what was bought and suggests a grinder. The demo sends it.
func Sample() Source {
	return Source{
		Subject:   `{{ contact.first_name | default: "Good news" }}, a grinder for your coffee`,
		Preheader: `{% if last_order.items.first %}It goes well with {{ last_order.items.first.name }}.{% else %}Freshly ground is better.{% endif %}`,
		MJML:      sampleMJML,
	}
}
