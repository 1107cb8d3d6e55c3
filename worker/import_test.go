package worker_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"posthorn/imports"
	"posthorn/internal/clock"
)

// awaitImport polls an import until ok.
func (s *shop) awaitImport(id int64, what string, ok func(imports.Import) bool) imports.Import {
	s.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		imp, err := imports.Get(context.Background(), s.pool, id)
		if err != nil {
			s.t.Fatal(err)
		}
		if ok(imp) {
			return imp
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain until %s: %+v", what, imp)
		}
	}
}

// Several imports wait; nobody knocked. The scheduler finds them, the worker does one
// after the other, and one that it is stopped in is ended by the next worker.
func TestImportsInTheBackground(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var file strings.Builder
	file.WriteString("id,email\n")
	const n = 30_000
	for i := range n {
		fmt.Fprintf(&file, "%d,c%d@x.example\n", i, i)
	}
	upload := func(kind imports.Kind, file string) int64 {
		imp, _, err := imports.Upload(t.Context(), s.pool, clock.System, imports.New{Kind: kind}, strings.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		return imp.ID
	}
	people := upload(imports.Contacts, file.String())
	products := upload(imports.Products, "sku\nA\n")
	s.schedule()
	stop := s.work()
	s.awaitImport(people, "something is written", func(i imports.Import) bool { return i.Created > 0 })
	stop()
	left := s.awaitImport(people, "it is given back", func(i imports.Import) bool { return i.State != imports.Running })
	if left.State == imports.Waiting && left.Created == n {
		t.Errorf("%+v", left)
	}
	s.work()
	done := func(i imports.Import) bool { return i.State == imports.Done }
	if imp := s.awaitImport(people, "it is done", done); imp.Created != n || imp.Unchanged != 0 || imp.Updated != 0 {
		t.Errorf("%+v", imp)
	}
	s.awaitImport(products, "it is done", done)
	var contacts int
	if err := s.pool.QueryRow(t.Context(), `SELECT count(*) FROM contacts`).Scan(&contacts); err != nil || contacts != n {
		t.Errorf("%d contacts, %v", contacts, err)
	}
}
