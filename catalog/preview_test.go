package catalog

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/csvimport"
)

func TestPreviews(t *testing.T) {
	t.Parallel()
	p, err := PreviewProducts(strings.NewReader("Artikelnummer,Bezeichnung,Preis,Verfügbar,Farbe\nA,<b>Grinder</b>,9.50,ja,red\nB,Mug,\"9,50\",,\n"), csvimport.Options{}, 20, false)
	if err != nil || len(p.Problems) != 0 || len(p.Rows) != 2 {
		t.Fatalf("%+v %v", p, err)
	}
	if diff := cmp.Diff(map[string]string{"sku": "A", "name": "<b>Grinder</b>", "price": "9.5", "in_stock": "true", "attr:Farbe": "red"}, p.Rows[0].Values); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]csvimport.PreviewFault{{Field: "price", Message: "is not a decimal number such as 2.55"}}, p.Rows[1].Problems); diff != "" {
		t.Error(diff)
	}
	p, err = PreviewProducts(strings.NewReader("name\nMug\n"), csvimport.Options{}, 20, false)
	if err != nil || len(p.Problems) != 1 || p.Problems[0].Field != "columns" {
		t.Errorf("%+v %v", p.Problems, err)
	}
	p, err = PreviewOrders(strings.NewReader("Bestellnummer;Kundennummer;Bestelldatum;Artikelnummer;Menge;Einzelpreis;Bemerkung\n1;c;2026-03-01;A;2.0;1.5;x\n1;c;;A;2;1;\n1;c\n"), csvimport.Options{}, 20, false)
	if err != nil || len(p.Problems) != 0 || len(p.Rows) != 3 {
		t.Fatalf("%+v %v", p, err)
	}
	if diff := cmp.Diff(map[string]string{"order_id": "1", "contact_external_id": "c", "placed_at": "2026-03-01T00:00:00Z", "sku": "A", "quantity": "2", "unit_price": "1.5", "status": "placed"}, p.Rows[0].Values); diff != "" {
		t.Error(diff)
	}
	if p.Rows[1].Problems[0].Field != "placed_at" || p.Rows[2].Raw != "1;c" || p.Columns[6].Attribute != "Bemerkung" {
		t.Errorf("%+v", p.Rows)
	}
}
