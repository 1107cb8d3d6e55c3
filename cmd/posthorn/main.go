// Command posthorn is the whole of Posthorn: one program, one subcommand per
// file. It reads its configuration (config.go), opens Postgres and Redis
// (services.go), wires the packages together and runs them until it is told to
// stop. Nothing is decided here that belongs to a thing of its own.
//
// What it tells people goes to stderr, what others may want to read on goes to
// stdout. It ends with 0 when all is well, 1 when something could not be done and
// 2 when it was called wrongly; a failure is one line.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/redis/go-redis/v9"
)

// program is the command line: the configuration and the subcommands.
type program struct {
	Config

	Serve      serveCmd      `cmd:"" help:"Run everything in one process: web, scheduler and worker. Brings the schema up to date first."`
	Web        webCmd        `cmd:"" help:"Run the HTTP API and the public pages."`
	Worker     workerCmd     `cmd:"" help:"Run a worker: it plans campaigns and sends their mails."`
	Scheduler  schedulerCmd  `cmd:"" help:"Run a scheduler: it finds what is due. More than one does no harm."`
	Migrate    migrateCmd    `cmd:"" help:"Bring the database schema up to date."`
	Import     importCmd     `cmd:"" help:"Import contacts, products or orders from a CSV file (plain or gzip)."`
	Journey    journeyCmd    `cmd:"" help:"Keep journeys in files, and try them on what happened."`
	Top        topCmd        `cmd:"" help:"Watch the queues, workers and relays in the terminal."`
	APIKey     apikeyCmd     `cmd:"" name:"apikey" help:"Manage the keys of the API."`
	User       userCmd       `cmd:"" help:"Manage the people who sign in."`
	WebhookKey webhookKeyCmd `cmd:"" help:"Print the key that calls of webhooks are signed with."`
	Demo       demoCmd       `cmd:"" help:"Try it out: a made-up shop, a campaign and an inbox to look at, with servers of its own."`
	Sandbox    sandboxCmd    `cmd:"" help:"Run a mail server that accepts everything, delivers nothing and shows it on a page."`
	Health     healthCmd     `cmd:"" help:"Ask a running web process whether it is ready; for health checks."`
	OpenAPI    openapiCmd    `cmd:"" name:"openapi" help:"Print the API's OpenAPI document, for making clients."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// streams are where a command reads and writes.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

const (
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks for an orderly end; a second one ends at once.
	context.AfterFunc(ctx, stop)
	redis.SetLogger(silent{}) // its errors come back to us as errors, and are logged as such
	code := run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// silent is a logger for go-redis, which writes to stderr otherwise.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// run is main with everything handed in. It returns the exit code.
func run(ctx context.Context, args []string, std streams) int {
	var p program
	exited := -1
	parser, err := kong.New(&p,
		kong.Name("posthorn"),
		kong.Description("Sends the right mail after a customer chooses. Settings are flags or POSTHORN_ variables of the environment."),
		kong.Writers(std.out, std.err),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}),
		kong.Exit(func(code int) { exited = code }), // help
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&p.Config, std),
	)
	if err != nil {
		panic(err) // a mistake in the struct above
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(std.err, "posthorn: %s\n", oneLine(err))
		return exitUsage
	}
	err = command.Run()
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(std.err, "posthorn: interrupted")
		if isService(command.Command()) {
			return 0
		}
		return exitFailure
	default:
		fmt.Fprintf(std.err, "posthorn: %s\n", oneLine(err))
		return exitFailure
	}
}

// isService says that a command runs until it is asked to end. To be asked while it
// still waits for a server at its start is no failure either.
func isService(command string) bool {
	return slices.Contains([]string{"serve", "web", "worker", "scheduler"}, command)
}

// oneLine is an error's text on one line.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
