package shop

import (
	"fmt"
	"hash/fnv"
	"html"
)

// Picture draws a product: its category's letter on its own colour, as SVG of 400
// by 300 points.
func Picture(sku string) []byte {
	h := fnv.New32a()
	_, _ = h.Write([]byte(sku))
	hue := h.Sum32() % 360
	label := sku
	if len(label) > 12 {
		label = label[:12]
	}
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300" width="400" height="300" role="img" aria-label="%[3]s">
<rect width="400" height="300" fill="hsl(%[1]d 45%% 88%%)"/>
<circle cx="%[2]d" cy="130" r="82" fill="hsl(%[1]d 50%% 62%%)"/>
<circle cx="%[2]d" cy="130" r="46" fill="hsl(%[1]d 55%% 34%%)"/>
<text x="200" y="268" text-anchor="middle" font-family="system-ui, sans-serif" font-size="26" font-weight="600" fill="hsl(%[1]d 55%% 24%%)">%[3]s</text>
</svg>`, hue, 150+h.Sum32()>>9%100, html.EscapeString(label))
}
