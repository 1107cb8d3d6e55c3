package catalog

import (
	"context"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"posthorn/internal/pgtest"
)

func TestParseAmount(t *testing.T) {
	t.Parallel()
	good := map[string]Amount{
		"0": 0, "-0": 0, "0.0000000": 0, "2.55": 25500, "+2.55": 25500, "-2.55": -25500, ".5": 5000, "007": 70000,
		"0.0001": 1, "1.50000000": 15000, "1e2": 1_000_000, "1.5E+1": 150000, "10e-1": 10000, "1e-4": 1, "0e-9": 0,
		"99999999999999.9999": maxAmount, "-99999999999999.9999": -maxAmount,
		"80995": 809950000, "0.1": 1000, "1e13": 1e17,
	}
	for in, want := range good {
		if got, err := ParseAmount(in); err != nil || got != want {
			t.Errorf("ParseAmount(%q) = %d, %v; want %d", in, got, err, want)
		}
	}
	bad := map[string]error{
		"": errAmountSyntax, "-": errAmountSyntax, ".": errAmountSyntax, "1.": errAmountSyntax, "2,55": errAmountSyntax,
		"1,000.00": errAmountSyntax, "£2.55": errAmountSyntax, "2.55 GBP": errAmountSyntax, " 1": errAmountSyntax,
		"--1": errAmountSyntax, "1.2.3": errAmountSyntax, "1e": errAmountSyntax, "1e1.5": errAmountSyntax, "NaN": errAmountSyntax,
		"Inf": errAmountSyntax, "0x10": errAmountSyntax, "1_000": errAmountSyntax, "١": errAmountSyntax, "1e99999999999": errAmountSyntax,
		"0.00001": errAmountDecimals, "1e-5": errAmountDecimals, "1.00005": errAmountDecimals, "1e-999": errAmountDecimals,
		"100000000000000": errAmountRange, "1e14": errAmountRange, "1e999": errAmountRange, strings.Repeat("9", 5000): errAmountRange,
	}
	for in, want := range bad {
		if got, err := ParseAmount(in); err != want {
			t.Errorf("ParseAmount(%.20q) = %d, %v; want %v", in, got, err, want)
		}
	}
}

func TestAmountString(t *testing.T) {
	t.Parallel()
	for a, want := range map[Amount]string{
		0: "0", 25500: "2.55", -5000: "-0.5", 1: "0.0001", -1: "-0.0001", 1_000_000: "100", maxAmount: "99999999999999.9999",
	} {
		if got := a.String(); got != want {
			t.Errorf("Amount(%d) = %s, want %s", int64(a), got, want)
		}
	}
}

func amounts() *rapid.Generator[Amount] {
	return rapid.Custom(func(t *rapid.T) Amount {
		return Amount(rapid.OneOf(rapid.Int64Range(-20_0000, 20_0000), rapid.Int64Range(int64(-maxAmount), int64(maxAmount))).Draw(t, "amount"))
	})
}

func TestAmountRoundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := amounts().Draw(t, "a")
		if got, err := ParseAmount(a.String()); err != nil || got != a {
			t.Fatalf("ParseAmount(%q) = %d, %v; want %d", a, got, err, a)
		}
		type box struct {
			Plain    Amount
			Optional *Amount
		}
		data, err := json.Marshal(box{a, &a})
		if err != nil {
			t.Fatal(err)
		}
		var out box
		if err := json.Unmarshal(data, &out); err != nil || out.Plain != a || out.Optional == nil || *out.Optional != a {
			t.Fatalf("%s came back as %+v, %v", data, out, err)
		}
		var quoted Amount
		if err := json.Unmarshal([]byte(`"`+a.String()+`"`), &quoted); err != nil || quoted != a {
			t.Fatalf("as a string, %s came back as %v, %v", a, quoted, err)
		}
	})
}

func TestAmountTimesIsExactOrRefused(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := amounts().Draw(t, "a")
		quantity := rapid.IntRange(-maxQuantity, maxQuantity).Draw(t, "quantity")
		want := new(big.Int).Mul(big.NewInt(int64(a)), big.NewInt(int64(quantity)))
		fits := new(big.Int).Abs(want).Cmp(big.NewInt(int64(maxAmount))) <= 0
		got, ok := a.times(quantity)
		if ok != fits || ok && int64(got) != want.Int64() {
			t.Fatalf("%s * %d = %s, %v; want %s", a, quantity, got, ok, want)
		}
	})
}

func TestAmountInPostgres(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		a := amounts().Draw(t, "a")
		var same Amount
		var asText string
		var list []Amount
		var null, optional *Amount
		err := pool.QueryRow(ctx, `SELECT $1::numeric(18,4), trim_scale($1::numeric)::text, ARRAY[$1::numeric, trim_scale($1)], NULL::numeric, $1::numeric(20,6)`, a).
			Scan(&same, &asText, &list, &null, &optional)
		if err != nil {
			t.Fatal(err)
		}
		if same != a || asText != a.String() || len(list) != 2 || list[0] != a || list[1] != a || null != nil || optional == nil || *optional != a {
			t.Fatalf("%s came back as %s, %q, %v, %v, %v", a, same, asText, list, null, optional)
		}
	})
	for _, sql := range []string{`SELECT NULL::numeric`, `SELECT 'NaN'::numeric`, `SELECT 'Infinity'::numeric`, `SELECT 0.00001`, `SELECT 100000000000000::numeric`, `SELECT 1e40`} {
		var a Amount
		if err := pool.QueryRow(ctx, sql).Scan(&a); err == nil {
			t.Errorf("%s was scanned as %s", sql, a)
		}
	}
}

func TestAmountRefusesOtherJSON(t *testing.T) {
	t.Parallel()
	for _, in := range []string{`true`, `{}`, `[1]`, `"abc"`, `""`, `0.00001`, `1e99`} {
		a := Amount(7)
		if err := json.Unmarshal([]byte(in), &a); err == nil || a != 7 {
			t.Errorf("%s was read as %s, %v", in, a, err)
		}
	}
	a := Amount(7)
	if err := json.Unmarshal([]byte(`null`), &a); err != nil || a != 7 {
		t.Errorf("null: %s, %v", a, err)
	}
}

func FuzzParseAmount(f *testing.F) {
	for _, seed := range []string{"2.55", "-0.0001", "1e5", "1E-4", "99999999999999.9999", "", "2,55", "1e-999", "0000.0000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		a, err := ParseAmount(in)
		if err != nil {
			return
		}
		exact, ok := new(big.Rat).SetString(in)
		if !ok || exact.Cmp(big.NewRat(int64(a), amountUnit)) != 0 || !a.valid() {
			t.Fatalf("ParseAmount(%q) = %s", in, a)
		}
		if again, err := ParseAmount(a.String()); err != nil || again != a {
			t.Fatalf("ParseAmount(%q) = %s, %v; want %s", a.String(), again, err, a)
		}
	})
}
