package main

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"posthorn/catalog"
	"posthorn/internal/clock"
	"posthorn/internal/fault"
	"posthorn/internal/shop"
	"posthorn/relays"
	"posthorn/users"
)

// ensureShop makes up the shop, unless it is there.
func (d *demo) ensureShop(ctx context.Context) error {
	var ours, others int
	err := d.svc.pool.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE external_id LIKE $1 || '%'), count(*) FILTER (WHERE external_id NOT LIKE $1 || '%')
		FROM contacts`, shop.IDPrefix).Scan(&ours, &others)
	if err != nil {
		return fmt.Errorf("look for the shop: %w", err)
	}
	step := d.step("shop")
	if others > 0 && ours == 0 {
		return errors.New("demo: this database holds contacts that are not the demo's: give it an empty one")
	}
	if ours > 0 && (d.state.Loaded || d.state.Base.IsZero()) {
		step("found again: %s", d.shopSize(ctx))
		return nil
	}
	// A load that was cut off goes on with the same shop. Another database than the
	// last time gets a new one.
	if ours == 0 || d.state.Base.IsZero() {
		d.state.Seed, d.state.Base = d.Seed, time.Now().UTC().Truncate(time.Hour)
		d.state.Contacts, d.state.Products, d.state.Orders, d.state.Loaded = d.Contacts, d.Products, d.Orders, false
		if err := d.state.write(); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	made := shop.Generate(shop.Config{
		Seed: d.state.Seed, Base: d.state.Base, URL: d.cfg.BaseURL + "/shop",
		Contacts: d.state.Contacts, Products: d.state.Products, Orders: d.state.Orders,
	})
	if err := made.Load(ctx, d.svc.pool, clock.System()); err != nil {
		return err
	}
	// The planner shall know the tables before the first segment is asked for.
	if _, err := d.svc.pool.Exec(ctx, `ANALYZE contacts, consents, products, orders, order_items`); err != nil {
		return fmt.Errorf("analyze: %w", err)
	}
	d.state.Loaded = true
	if err := d.state.write(); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	step("made up: %s", d.shopSize(ctx))
	return nil
}

// shopSize says how large the shop in the database is.
func (d *demo) shopSize(ctx context.Context) string {
	var people, products, categories, orders int64
	err := d.svc.pool.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM contacts), (SELECT count(*) FROM products),
		       (SELECT count(DISTINCT category) FROM products), (SELECT count(*) FROM orders)`).Scan(&people, &products, &categories, &orders)
	if err != nil {
		return "its size is unknown"
	}
	return fmt.Sprintf("%s contacts, %s products in %d categories, %s orders", count(people), count(products), categories, count(orders))
}

// ensureRelay points the default relay to the sandbox. One that leads out of this
// machine is somebody's, and not the demo's to change.
func (d *demo) ensureRelay(ctx context.Context) error {
	const name = "default"
	present, err := relays.Get(ctx, d.svc.pool, d.cfg.Secret, name)
	var missing *fault.NotFound
	switch {
	case err == nil && !present.Loopback():
		return fmt.Errorf("demo: the relay %q of this database leads to %s: the demo would send its mails there; give it a database of its own", name, present.Host)
	case err != nil && !errors.As(err, &missing):
		return err
	}
	host, port, err := net.SplitHostPort(d.smtp.Addr().String())
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	_, err = relays.Put(ctx, d.svc.pool, clock.System(), d.cfg.Secret, relays.PutInput{Name: name, Host: host, Port: n, TLS: "none", Connections: 8})
	return err
}

// ensureKey returns a key for the API: the one of the last start, where it still
// opens this database.
func (d *demo) ensureKey(ctx context.Context) (string, error) {
	if d.state.APIKey != "" && d.keyWorks(ctx, d.state.APIKey) {
		return d.state.APIKey, nil
	}
	key, _, err := users.CreateAPIKey(ctx, d.svc.pool, clock.System(), "demo "+clock.System().Format("2006-01-02 15:04:05.000"), users.Owner)
	if err != nil {
		return "", err
	}
	d.state.APIKey = key
	return key, d.state.write()
}

// keyWorks asks the API itself.
func (d *demo) keyWorks(ctx context.Context, key string) bool {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, baseURLOf(d.http.Addr().String())+"/api/v1/campaigns?limit=1", nil)
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

var productPage = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.Name}}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:4rem auto;max-width:26rem;padding:0 1rem;color-scheme:light dark}img{width:100%;height:auto;border-radius:12px}small{opacity:.7}</style></head>
<body><img src="/shop/images/{{.SKU}}.svg" alt=""><h1>{{.Name}}</h1><p>{{.Category}}{{if .Price}} · {{.Price}} {{.Currency}}{{end}}</p>
<p><small>A product of the demo's made-up shop.</small></p></body></html>`))

// mountShop serves the pages and pictures that the shop's products point to.
func mountShop(mux *http.ServeMux, pool *pgxpool.Pool) {
	mux.HandleFunc("GET /shop/images/{file}", func(w http.ResponseWriter, r *http.Request) {
		sku, ok := strings.CutSuffix(r.PathValue("file"), ".svg")
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "image/svg+xml")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
		w.Header().Set("Cache-Control", "max-age=3600")
		_, _ = w.Write(shop.Picture(sku))
	})
	mux.HandleFunc("GET /shop/products/{sku}", func(w http.ResponseWriter, r *http.Request) {
		product, err := catalog.ProductBySKU(r.Context(), pool, r.PathValue("sku"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'")
		_ = productPage.Execute(w, product)
	})
}
