package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"posthorn/internal/clock"
	"posthorn/users"
)

// demoPeople sign in to the demo, one of each role.
var demoPeople = []users.Input{
	{Email: "owner@shop.example", Name: "Olivia Brandt", Role: users.Owner},
	{Email: "marketer@shop.example", Name: "Mika Lindner", Role: users.Marketer},
	{Email: "ops@shop.example", Name: "Oskar Weiss", Role: users.Ops},
}

// ensurePeople makes them, unless they are there, and sees to it that the password
// that the demo shows lets them in.
func (d *demo) ensurePeople(ctx context.Context) error {
	step := d.step("people")
	if d.state.Password == "" {
		// Random, since a demo may be reached from elsewhere; and easy to type.
		text := strings.ToLower(rand.Text())
		d.state.Password = text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:16]
		if err := d.state.write(); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	passwords := users.NewPasswords(users.DefaultCost)
	for _, p := range demoPeople {
		u, err := users.Find(ctx, d.svc.pool, p.Email)
		if absent(err) {
			u, err = users.Create(ctx, d.svc.pool, clock.System(), p)
		}
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		_, err = users.SignIn(ctx, d.svc.pool, passwords, clock.System(), p.Email, d.state.Password)
		if errors.Is(err, users.ErrRefused) {
			_, err = users.SetPassword(ctx, d.svc.pool, passwords, clock.System(), u.ID, d.state.Password)
		}
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	step("an owner, a marketer and an operator")
	return nil
}
