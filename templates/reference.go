package templates

import "sync"

// Filter is a filter as it is described: in an editor, and in docs/templates.md, which
// is written from this list.
type Filter struct {
	Name        string `json:"name"`
	Group       string `json:"group"`   // texts, numbers, lists, anything
	Use         string `json:"use"`     // as it is written, with arguments
	Example     string `json:"example"` // a piece of Liquid
	Result      string `json:"result"`  // and what it prints
	Description string `json:"description"`
}

var filterList = []Filter{
	{Name: "append", Group: "texts", Use: `append: "x"`, Example: `{{ "coffee" | append: " shop" }}`, Description: "Adds a text behind"},
	{Name: "prepend", Group: "texts", Use: `prepend: "x"`, Example: `{{ "coffee" | prepend: "fresh " }}`, Description: "Adds a text before"},
	{Name: "capitalize", Group: "texts", Use: "capitalize", Example: `{{ "fresh coffee" | capitalize }}`, Description: "Makes the first letter a capital"},
	{Name: "upcase", Group: "texts", Use: "upcase", Example: `{{ "coffee" | upcase }}`, Description: "Makes all letters capitals"},
	{Name: "downcase", Group: "texts", Use: "downcase", Example: `{{ "COFFEE" | downcase }}`, Description: "Makes all letters small"},
	{Name: "strip", Group: "texts", Use: "strip", Example: `{{ "  coffee  " | strip }}`, Description: "Takes away white space around"},
	{Name: "lstrip", Group: "texts", Use: "lstrip", Example: `{{ "  coffee" | lstrip }}`, Description: "Takes away white space before"},
	{Name: "rstrip", Group: "texts", Use: "rstrip", Example: `{{ "coffee  " | rstrip }}`, Description: "Takes away white space behind"},
	{Name: "strip_newlines", Group: "texts", Use: "strip_newlines", Example: `{{ contact.name | strip_newlines }}`, Description: "Takes away line breaks"},
	{Name: "strip_html", Group: "texts", Use: "strip_html", Example: `{{ "<b>coffee</b>" | strip_html }}`, Description: "Takes away tags of HTML"},
	{Name: "replace", Group: "texts", Use: `replace: "a", "b"`, Example: `{{ "tea or tea" | replace: "tea", "coffee" }}`, Description: "Puts a text in the place of another, everywhere"},
	{Name: "replace_first", Group: "texts", Use: `replace_first: "a", "b"`, Example: `{{ "tea or tea" | replace_first: "tea", "coffee" }}`, Description: "The same for the first only"},
	{Name: "remove", Group: "texts", Use: `remove: "a"`, Example: `{{ "coffee, 250 g" | remove: ", 250 g" }}`, Description: "Takes a text away, everywhere"},
	{Name: "remove_first", Group: "texts", Use: `remove_first: "a"`, Example: `{{ "no, no" | remove_first: "no, " }}`, Description: "The same for the first only"},
	{Name: "truncate", Group: "texts", Use: `truncate: 50, "..."`, Example: `{{ "Ethiopia Yirgacheffe" | truncate: 11 }}`, Description: "Cuts off after so many characters, the dots among them"},
	{Name: "truncatewords", Group: "texts", Use: `truncatewords: 15, "..."`, Example: `{{ "freshly ground is better" | truncatewords: 2 }}`, Description: "Cuts off after so many words"},
	{Name: "slice", Group: "texts", Use: "slice: 0, 5", Example: `{{ "Yirgacheffe" | slice: 0, 4 }}`, Description: "A part of a text or of a list; counts from the end where negative"},
	{Name: "split", Group: "texts", Use: `split: ","`, Example: `{{ "a,b" | split: "," | join: " and " }}`, Description: "Makes a list"},
	{Name: "size", Group: "texts", Use: "size", Example: `{{ last_order.items | size }}`, Description: "How many characters a text has, or a list items"},
	{Name: "newline_to_br", Group: "texts", Use: "newline_to_br", Example: `{{ contact.name | newline_to_br }}`, Description: "In HTML, a `<br>` at each line break"},
	{Name: "url_encode", Group: "texts", Use: "url_encode", Example: `{{ "coffee & tea" | url_encode }}`, Description: "For a value in a link: `?q={{ contact.email | url_encode }}`"},
	{Name: "url_decode", Group: "texts", Use: "url_decode", Example: `{{ "coffee+%26+tea" | url_decode }}`, Description: "The other way"},
	{Name: "escape", Group: "texts", Use: "escape", Example: `{{ contact.name | escape }}`, Description: "Not needed: values are escaped in HTML anyway. It does no harm"},
	{Name: "escape_once", Group: "texts", Use: "escape_once", Example: `{{ "Bean &amp; Burr" | escape_once }}`, Description: "For a text that is escaped already"},
	{Name: "safe_url", Group: "texts", Use: "safe_url", Example: `{{ "javascript:x" | safe_url | default: "nothing" }}`, Description: "Empties a link that would run something. Saving adds it by itself"},

	{Name: "plus", Group: "numbers", Use: "plus: 1", Example: `{{ 2 | plus: 1 }}`, Description: "Adds"},
	{Name: "minus", Group: "numbers", Use: "minus: 1", Example: `{{ 2 | minus: 1 }}`, Description: "Subtracts"},
	{Name: "times", Group: "numbers", Use: "times: 2", Example: `{{ 12.9 | times: 2 }}`, Description: "Multiplies"},
	{Name: "divided_by", Group: "numbers", Use: "divided_by: 2", Example: `{{ 7 | divided_by: 2 }}`, Description: "Divides; two whole numbers give a whole number. By zero there is no mail for that contact"},
	{Name: "modulo", Group: "numbers", Use: "modulo: 2", Example: `{{ 7 | modulo: 2 }}`, Description: "What is left after dividing"},
	{Name: "abs", Group: "numbers", Use: "abs", Example: `{{ -3 | abs }}`, Description: "Without its sign"},
	{Name: "ceil", Group: "numbers", Use: "ceil", Example: `{{ 2.1 | ceil }}`, Description: "Rounds up"},
	{Name: "floor", Group: "numbers", Use: "floor", Example: `{{ 2.9 | floor }}`, Description: "Rounds down"},
	{Name: "round", Group: "numbers", Use: "round: 2", Example: `{{ 2.555 | round: 2 }}`, Description: "Rounds to so many places"},
	{Name: "at_least", Group: "numbers", Use: "at_least: 1", Example: `{{ 0 | at_least: 1 }}`, Description: "Not less than"},
	{Name: "at_most", Group: "numbers", Use: "at_most: 9", Example: `{{ 12 | at_most: 9 }}`, Description: "Not more than"},
	{Name: "money", Group: "numbers", Use: `money: "EUR"`, Example: `{{ last_order.total | money: last_order.currency, "de" }}`,
		Description: "An amount with its currency. With a language, as is usual there: `money: last_order.currency, contact.language`. A currency without a sign is written behind"},

	{Name: "first", Group: "lists", Use: "first", Example: `{{ "a,b" | split: "," | first }}`, Description: "The first item"},
	{Name: "last", Group: "lists", Use: "last", Example: `{{ "a,b" | split: "," | last }}`, Description: "The last item"},
	{Name: "join", Group: "lists", Use: `join: ", "`, Example: `{{ last_order.items | map: "sku" | join: ", " }}`, Description: "Makes one text of all items"},
	{Name: "map", Group: "lists", Use: `map: "name"`, Example: `{{ last_order.items | map: "quantity" | join: ", " }}`, Description: "Of each item, this field"},
	{Name: "where", Group: "lists", Use: `where: "category", "coffee"`, Example: `{{ last_order.items | where: "quantity", 2 | map: "sku" | join: ", " }}`,
		Description: "The items whose field is that; with the field alone, those where it is true"},
	{Name: "sort", Group: "lists", Use: `sort: "unit_price"`, Example: `{{ "b,a" | split: "," | sort | join: ", " }}`, Description: "Sorts, by a field where one is given"},
	{Name: "sort_natural", Group: "lists", Use: `sort_natural: "name"`, Example: `{{ "b,A" | split: "," | sort_natural | join: ", " }}`, Description: "Sorts, and ignores upper and lower case"},
	{Name: "reverse", Group: "lists", Use: "reverse", Example: `{{ "a,b" | split: "," | reverse | join: ", " }}`, Description: "Turns the sequence around"},
	{Name: "uniq", Group: "lists", Use: "uniq", Example: `{{ "a,b,a" | split: "," | uniq | join: ", " }}`, Description: "Each item once"},
	{Name: "compact", Group: "lists", Use: "compact", Example: `{{ last_order.items | map: "url" | compact | size }}`, Description: "Drops what is absent"},
	{Name: "concat", Group: "lists", Use: "concat: list", Example: `{{ last_order.items | concat: order.items | size }}`, Description: "Puts two lists together"},

	{Name: "default", Group: "anything", Use: `default: "x"`, Example: `{{ contact.attributes.nickname | default: "friend" }}`, Description: "What to print where a value is absent, empty or false"},
	{Name: "date", Group: "anything", Use: `date: "%-d %B %Y"`, Example: `{{ last_order.placed_at | date: "%-d %B, %H:%M", contact.timezone }}`,
		Description: "A time by [strftime](https://strftime.org); in UTC, or in a time zone: `date: \"%H:%M\", contact.timezone`. Takes times, `\"now\"`, and texts such as `2026-03-14` or `2026-03-14 09:26`"},
}

// Filters are all there are, with what their examples print.
var Filters = sync.OnceValue(func() []Filter {
	out := make([]Filter, len(filterList))
	for i, f := range filterList {
		f.Result = exampleOf(f.Example)
		out[i] = f
	}
	return out
})

// Tag is a tag as it is described.
type Tag struct {
	Name        string `json:"name"`
	Use         string `json:"use"` // as it is written
	Description string `json:"description"`
}

// Tags are all there are.
var Tags = []Tag{
	{"if", "{% if a == b %}…{% elsif c contains \"x\" %}…{% else %}…{% endif %}", "Only where it is so. With `==` `!=` `>` `<` `>=` `<=` `contains` `and` `or`"},
	{"unless", "{% unless a %}…{% endunless %}", "Only where it is not so"},
	{"case", "{% case a %}{% when \"x\", \"y\" %}…{% else %}…{% endcase %}", "One of several"},
	{"for", "{% for x in list %}…{% else %}…{% endfor %}",
		"Again for each item, with `offset: 1`, `limit: 5` and `reversed`, applied in this order; `{% break %}` and `{% continue %}`; `else` is for an empty list. `(1..5)` is a list of numbers"},
	{"cycle", "{% cycle \"odd\", \"even\" %}", "The next text at each turn of a loop"},
	{"assign", "{% assign x = a | filter %}", "A name of one's own; names that have a meaning already cannot get another"},
	{"capture", "{% capture x %}…{% endcapture %}", "The same for a piece of the mail"},
	{"comment", "{% comment %}…{% endcomment %}", "Is left out"},
	{"raw", "{% raw %}…{% endraw %}", "Is no Liquid"},
}
