package web

import (
	"context"
	"net/http"

	"posthorn/catalog"
)

// ProductFields is what the shop says about a product.
type ProductFields struct {
	Name       *string        `json:"name,omitempty" example:"Hand grinder"`
	Category   *string        `json:"category,omitempty" example:"grinders" doc:"As the shop writes it: rules compare it as text."`
	Price      *Decimal       `json:"price,omitempty"`
	Currency   *string        `json:"currency,omitempty" example:"EUR" doc:"Three letters (ISO 4217)."`
	URL        *string        `json:"url,omitempty" example:"https://shop.example/grinder"`
	ImageURL   *string        `json:"image_url,omitempty" example:"https://shop.example/grinder.jpg"`
	InStock    *bool          `json:"in_stock,omitempty" doc:"Default of a new product: true."`
	Attributes map[string]any `json:"attributes,omitempty" doc:"Merged by name into what is there; null deletes one."`
}

// ProductItem is a product in a batch.
type ProductItem struct {
	SKU string `json:"sku" maxLength:"200" example:"GR-02"`
	ProductFields
}

func (f ProductFields) input(sku string) (catalog.ProductInput, error) {
	in := catalog.ProductInput{
		SKU:        sku,
		Name:       f.Name,
		Category:   f.Category,
		Currency:   f.Currency,
		URL:        f.URL,
		ImageURL:   f.ImageURL,
		InStock:    f.InStock,
		Attributes: f.Attributes,
	}
	if f.Price != nil {
		price, err := f.Price.amount("price")
		if err != nil {
			return in, err
		}
		in.Price = &price
	}
	return in, nil
}

// ProductChanged is a product and what the request did to it.
type ProductChanged struct {
	catalog.Product
	Change string `json:"change" enum:"created,updated,unchanged" doc:"What this request did."`
}

type ProductPath struct {
	SKU string `path:"sku" maxLength:"200" example:"GR-02" doc:"The shop's id of the product."`
}

type putProductInput struct {
	ProductPath
	Body ProductFields
}

var putProductDoc = operation{
	Description: "Fields that are left out stay as they are. The same request twice changes nothing the second time.",
	Example:     map[string]any{"name": "Hand grinder", "category": "grinders", "price": 49.9, "currency": "EUR", "url": "https://shop.example/grinder"},
}

func (a *api) putProduct(ctx context.Context, in *putProductInput) (*reply[ProductChanged], error) {
	input, err := in.Body.input(in.SKU)
	if err != nil {
		return nil, err
	}
	p, change, err := catalog.UpsertProduct(ctx, a.pool, a.now(), input)
	if err != nil {
		return nil, err
	}
	return ok(ProductChanged{Product: p, Change: string(change)}), nil
}

var getProductDoc = operation{Description: "One product."}

func (a *api) getProduct(ctx context.Context, in *ProductPath) (*reply[catalog.Product], error) {
	p, err := catalog.ProductBySKU(ctx, a.pool, in.SKU)
	if err != nil {
		return nil, err
	}
	return ok(p), nil
}

type listProductsInput struct {
	Paging
	Query    string `query:"query" maxLength:"200" doc:"Part of the sku or the name, upper and lower case alike."`
	Category string `query:"category" maxLength:"200" doc:"Exactly this category."`
	InStock  string `query:"in_stock" enum:"true,false" doc:"Those that are, or are not, in stock."`
}

var listProductsDoc = operation{Description: "In the order in which they were created."}

func (a *api) listProducts(ctx context.Context, in *listProductsInput) (*reply[Page[catalog.Product]], error) {
	cursor, err := in.id()
	if err != nil {
		return nil, err
	}
	f := catalog.ProductFilter{Query: in.Query, Category: in.Category, Cursor: cursor, Limit: in.Limit}
	if in.InStock != "" {
		yes := in.InStock == "true"
		f.InStock = &yes
	}
	list, next, err := catalog.ListProducts(ctx, a.pool, f)
	if err != nil {
		return nil, err
	}
	return pageByID(list, next), nil
}

var deleteProductDoc = operation{
	Description: "For one that came in by mistake. 409 where orders hold it: set `in_stock` to false then, so that no mail promotes it any more.",
	Status:      http.StatusNoContent,
	Errors:      conflict,
}

func (a *api) deleteProduct(ctx context.Context, in *ProductPath) (*none, error) {
	return nil, catalog.DeleteProduct(ctx, a.pool, in.SKU)
}

var getProductSalesDoc = operation{Description: "How often it was bought: orders that are placed or paid and hold it with a quantity above 0, in all and in each of the last twelve months (UTC). Of a product that more than 100,000 lines of orders hold, those are looked at and `at_least` is true."}

func (a *api) getProductSales(ctx context.Context, in *ProductPath) (*reply[catalog.Sales], error) {
	return respond(catalog.SalesOf(ctx, a.pool, a.now(), in.SKU))
}

// ProductCategories is the categories of all products.
type ProductCategories struct {
	Items []catalog.Category `json:"items" doc:"At most 1,000, by name."`
}

var getProductCategoriesDoc = operation{Description: "Every category that a product has, and how many have it."}

func (a *api) getProductCategories(ctx context.Context, _ *none) (*reply[ProductCategories], error) {
	list, err := catalog.Categories(ctx, a.pool)
	return respond(ProductCategories{Items: orNone(list)}, err)
}

var batchProductsDoc = operation{
	Description: "Up to 1,000 products, as `{\"items\": […]}` or as an array. Each is handled like a PUT and reported; a bad one does not stop the others.",
	Example:     map[string]any{"items": []any{map[string]any{"sku": "GR-02", "name": "Hand grinder", "category": "grinders", "price": 49.9, "currency": "EUR"}}},
	Limit:       batchLimit,
	Items:       true,
}

func (a *api) batchProducts(ctx context.Context, in *batchInput[ProductItem]) (*reply[BatchResult], error) {
	b := decodeBatch[ProductItem](a, in.Body, "sku")
	inputs := convertItems(ctx, a, b, func(p ProductItem) (string, catalog.ProductInput, error) {
		input, err := p.input(p.SKU)
		return p.SKU, input, err
	})
	results, err := catalog.UpsertProducts(ctx, a.pool, a.now(), inputs.list)
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		b.settle(ctx, a, inputs.places[r.Index], r.ID, string(r.Change), r.Error)
	}
	return b.result(), nil
}
