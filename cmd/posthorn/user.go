package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"posthorn/internal/clock"
	"posthorn/users"
	"posthorn/web"
)

type userCmd struct {
	Create      userCreateCmd      `cmd:"" help:"Make an account and print the link with which its owner chooses a password."`
	List        userListCmd        `cmd:"" help:"List everybody."`
	SetPassword userSetPasswordCmd `cmd:"" help:"Set somebody's password, asked for on the terminal or read from stdin."`
	Disable     userDisableCmd     `cmd:"" help:"Sign somebody out everywhere and let them in no more."`
	Enable      userEnableCmd      `cmd:"" help:"Let somebody in again."`
	SetupCode   userSetupCodeCmd   `cmd:"" help:"Print the code that the first start asks for. It opens nothing once there is anybody."`
}

type userCreateCmd struct {
	Email string     `arg:"" help:"Their address."`
	Name  string     `placeholder:"NAME" help:"Their name."`
	Role  users.Role `enum:"owner,marketer,ops" required:"" placeholder:"ROLE" help:"owner, marketer or ops."`
}

// Run prints the link alone on stdout, for scripts.
func (c *userCreateCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	if err := cfg.checkBaseURL(); err != nil {
		return err
	}
	base := cfg.BaseURL
	if base == "" {
		base = baseURLOf(cfg.Listen)
	}
	pool, err := openDatabase(ctx, cfg, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	now := clock.System()
	u, err := users.Create(ctx, pool, now, users.Input{Email: c.Email, Name: c.Name, Role: c.Role})
	if err != nil {
		return err
	}
	token, u, err := users.Invite(ctx, pool, now, u.ID)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.err, "works once, until %s:\n", whenOrNever(u.InvitationUntil))
	_, err = fmt.Fprintln(std.out, web.InvitationLink(base, token))
	return err
}

type userListCmd struct{}

func (c *userListCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	pool, err := openDatabase(ctx, cfg, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	list, err := users.List(ctx, pool)
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "address\tname\trole\tstate\tsigned in")
	for _, u := range list {
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\n", u.Email, u.Name, u.Role, u.State, whenOrNever(u.SignedInAt))
	}
	return out.Flush()
}

type userSetPasswordCmd struct {
	Email string `arg:"" help:"Their address."`
}

func (c *userSetPasswordCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	pool, err := openDatabase(ctx, cfg, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	u, err := users.Find(ctx, pool, c.Email)
	if err != nil {
		return err
	}
	password, err := readPassword(std)
	if err != nil {
		return err
	}
	if _, err := users.SetPassword(ctx, pool, users.NewPasswords(users.DefaultCost), clock.System(), u.ID, password); err != nil {
		return err
	}
	fmt.Fprintln(std.err, "the password is set; all sessions have ended")
	return nil
}

// readPassword asks twice on a terminal, without showing it, or takes the first line
// of what is piped in. It is no argument: others on the machine can read those.
func readPassword(std streams) (string, error) {
	f, ok := std.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(std.in, 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	var said [2]string
	for i, prompt := range []string{"new password: ", "once more: "} {
		fmt.Fprint(std.err, prompt)
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(std.err)
		if err != nil {
			return "", err
		}
		said[i] = string(b)
	}
	if said[0] != said[1] {
		return "", errors.New("the two are not the same")
	}
	return said[0], nil
}

type userDisableCmd struct {
	Email string `arg:"" help:"Their address."`
}

func (c *userDisableCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	return setDisabled(ctx, cfg, c.Email, true)
}

type userEnableCmd struct {
	Email string `arg:"" help:"Their address."`
}

func (c *userEnableCmd) Run(ctx context.Context, cfg *Config, std streams) error {
	return setDisabled(ctx, cfg, c.Email, false)
}

func setDisabled(ctx context.Context, cfg *Config, email string, disabled bool) error {
	pool, err := openDatabase(ctx, cfg, 2)
	if err != nil {
		return err
	}
	defer pool.Close()
	u, err := users.Find(ctx, pool, email)
	if err != nil {
		return err
	}
	_, err = users.Update(ctx, pool, clock.System(), u.ID, users.Change{Input: users.Input{Email: u.Email, Name: u.Name, Role: u.Role}, Disabled: disabled})
	return err
}

type userSetupCodeCmd struct{}

// Run prints the code alone on stdout.
func (c *userSetupCodeCmd) Run(cfg *Config, std streams) error {
	if err := cfg.haveSecret(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(std.out, users.SetupCode(cfg.Secret))
	return err
}
