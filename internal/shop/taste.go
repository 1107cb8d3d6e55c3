package shop

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"posthorn/catalog"
)

const currency = "EUR"

// category is one of the shop's twelve, with the words its products' names are
// made of: one of first, one of second.
type category struct {
	name          string
	code          string
	share         int // of every 200 products
	low, high     float64
	lasting       bool // bought once rather than again and again
	first, second []string
}

var categories = []category{
	{"coffee", "COF", 48, 8.5, 19.9, false, list("Ethiopia Guji|Ethiopia Sidama|Kenya Nyeri|Colombia Huila|Brazil Cerrado|Guatemala Antigua|Costa Rica Tarrazú|Rwanda Nyamasheke|Burundi Kayanza|Peru Cajamarca|Sumatra Gayo|El Salvador Apaneca"), list("washed|natural|honey|decaf")},
	{"grinders", "GRI", 14, 39, 449, true, list("Hand grinder|Travel grinder|Electric grinder|Espresso grinder|Filter grinder|Burr grinder|Single-dose grinder"), list("Alto|Basso")},
	{"espresso machines", "ESP", 10, 129, 1899, true, list("Lever machine|Portafilter machine|Dual boiler|Compact machine|Thermoblock machine"), list("One|Two")},
	{"brewers", "BRE", 18, 14, 189, true, list("Pour-over dripper|French press|Moka pot|Vacuum brewer|Cold brew jug|Flat-bottom dripper"), list("small|medium|large")},
	{"kettles", "KET", 10, 34, 169, true, list("Gooseneck kettle|Electric kettle|Stove kettle|Temperature kettle|Travel kettle"), list("steel|black")},
	{"filters", "FIL", 16, 3.5, 14.9, false, list("Paper filters|Cone filters|Metal filter|Cloth filters"), list("size 1|size 2|size 4|size 6")},
	{"mugs", "MUG", 24, 9, 34, true, list("Stoneware mug|Espresso cup|Cappuccino cup|Travel mug|Enamel mug|Double-wall glass"), list("sand|slate|moss|cobalt")},
	{"scales", "SCA", 6, 19, 179, true, list("Kitchen scale|Brew scale|Pocket scale"), list("0.1 g|with timer")},
	{"tea", "TEA", 24, 5.9, 24.9, false, list("Assam|Darjeeling|Sencha|Oolong|Rooibos|Earl Grey|Chamomile|Genmaicha"), list("loose|bags|tin")},
	{"milk and syrups", "MIL", 12, 2.9, 11.9, false, list("Oat drink|Almond syrup|Vanilla syrup|Hazelnut syrup|Caramel syrup|Drinking chocolate"), list("1 bottle|6 bottles")},
	{"books", "BOO", 8, 14, 45, true, list("The Roaster's Year|Water and Coffee|Latte by Hand|A Small Atlas of Beans"), list("paperback|hardcover")},
	{"gifts", "GIF", 10, 15, 120, false, list("Tasting box|Gift card|Starter set|Hamper|Advent box"), list("for one|for two")},
}

func list(s string) []string { return strings.Split(s, "|") }

// shelf is what can be bought, by category.
type shelf map[string][]catalog.ProductInput

// stock makes the products, category by category.
func stock(r *rand.Rand, cfg Config) ([]catalog.ProductInput, shelf) {
	counts := make([]int, len(categories))
	left := cfg.Products
	for i, c := range categories {
		counts[i] = min(left, max(1, c.share*cfg.Products/200))
		left -= counts[i]
	}
	counts[0] += left // what rounding left over
	var all []catalog.ProductInput
	byCategory := shelf{}
	for i, c := range categories {
		for k := range counts[i] {
			name := c.first[k%len(c.first)] + ", " + c.second[k/len(c.first)%len(c.second)]
			if round := k / (len(c.first) * len(c.second)); round > 0 {
				name += fmt.Sprintf(" No. %d", round+1)
			}
			price := c.low * math.Pow(c.high/c.low, r.Float64()) // more cheap ones than dear ones
			amount := catalog.Amount(math.Round(price)*10_000 - 1000)
			sku := fmt.Sprintf("%s-%03d", c.code, k+1)
			p := catalog.ProductInput{
				SKU: sku, Name: &name, Category: &c.name, Price: &amount, Currency: ptr(currency),
				URL: ptr(cfg.URL + "/products/" + sku), ImageURL: ptr(cfg.URL + "/images/" + sku + ".svg"),
				InStock: ptr(r.Float64() < 0.95),
			}
			all = append(all, p)
			byCategory[c.name] = append(byCategory[c.name], p)
		}
	}
	return all, byCategory
}

func ptr[T any](v T) *T { return &v }

// taste is how likely somebody puts a category into a basket, by weight.
type taste struct {
	share   int
	weights map[string]int
}

var tastes = []taste{
	{35, map[string]int{"coffee": 60, "filters": 18, "brewers": 6, "kettles": 3, "grinders": 4, "scales": 2, "mugs": 5, "books": 2}},     // filter coffee
	{30, map[string]int{"coffee": 66, "milk and syrups": 12, "espresso machines": 4, "grinders": 5, "mugs": 8, "scales": 3, "gifts": 2}}, // espresso
	{20, map[string]int{"tea": 70, "kettles": 6, "mugs": 14, "milk and syrups": 6, "gifts": 4}},                                          // tea
	{15, map[string]int{"gifts": 34, "mugs": 24, "books": 14, "coffee": 16, "tea": 12}},                                                  // presents
}

func drawTaste(r *rand.Rand) *taste {
	x := r.IntN(100)
	for i := range tastes {
		if x -= tastes[i].share; x < 0 {
			return &tastes[i]
		}
	}
	return &tastes[0]
}

// basket draws the items of one order: at most once a product, and of what lasts
// a single piece.
func (p *person) basket(r *rand.Rand, shelf shelf) []catalog.Item {
	total := 0
	for _, c := range categories { // a map has no order, and the same seed must give the same shop
		total += p.taste.weights[c.name]
	}
	var items []catalog.Item
	chosen := map[string]bool{}
	for range 1 + min(int(r.ExpFloat64()*1.2), 6) {
		x := r.IntN(total)
		for _, c := range categories {
			if x -= p.taste.weights[c.name]; x >= 0 {
				continue
			}
			products := shelf[c.name]
			if len(products) == 0 {
				break
			}
			// The first products of a category sell best.
			product := products[min(int(r.ExpFloat64()*float64(len(products))/3), len(products)-1)]
			if chosen[product.SKU] {
				break
			}
			chosen[product.SKU] = true
			quantity := 1
			if !c.lasting {
				quantity += min(int(r.ExpFloat64()*0.8), 5)
			}
			items = append(items, catalog.Item{SKU: product.SKU, Quantity: quantity, UnitPrice: *product.Price})
			break
		}
	}
	if len(items) == 0 { // every draw was a product that the shop does not have
		for _, c := range categories {
			if products := shelf[c.name]; len(products) > 0 {
				return []catalog.Item{{SKU: products[0].SKU, Quantity: 1, UnitPrice: *products[0].Price}}
			}
		}
	}
	return items
}
