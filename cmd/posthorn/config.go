package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
)

// Config is what is set from outside, by flag or environment.
type Config struct {
	DatabaseURL string   `name:"database-url" env:"POSTHORN_DATABASE_URL" placeholder:"URL" help:"Postgres: postgres://user:password@host:5432/name."`
	RedisURL    string   `name:"redis-url" env:"POSTHORN_REDIS_URL" placeholder:"URL" help:"Redis 6.2 or newer: redis://:password@host:6379/0 (rediss:// for TLS)."`
	Listen      string   `name:"listen" env:"POSTHORN_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where HTTP is served (default 127.0.0.1:8080)."`
	Metrics     string   `name:"metrics-listen" env:"POSTHORN_METRICS_LISTEN" placeholder:"HOST:PORT" help:"Where Prometheus finds /metrics of this process, without a key: an address that only it can reach (default: nowhere)."`
	BaseURL     string   `name:"base-url" env:"POSTHORN_BASE_URL" placeholder:"URL" help:"Where people reach this server: the links in mails begin with it."`
	Secret      string   `name:"secret" env:"POSTHORN_SECRET" placeholder:"TEXT" help:"Signs links and seals passwords; long, random, the same for all processes."`
	Proxies     []string `name:"trusted-proxies" env:"POSTHORN_TRUSTED_PROXIES" default:"127.0.0.0/8,::1/128" placeholder:"CIDR" help:"Networks of proxies before this server, whose X-Forwarded-For is believed (default: this machine)."`
	LogLevel    string   `name:"log-level" env:"POSTHORN_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error (default info)."`
	LogFormat   string   `name:"log-format" env:"POSTHORN_LOG_FORMAT" enum:"auto,json,text" default:"auto" placeholder:"FORMAT" help:"json, text or auto: text on a terminal (default auto)."`
}

// minSecret is below what a secret can be guessed by trying.
const minSecret = 16

func (c *Config) needDatabase() error {
	if c.DatabaseURL == "" {
		return errors.New("POSTHORN_DATABASE_URL is not set: it says where Postgres is, as in postgres://user:password@127.0.0.1:5432/posthorn")
	}
	return nil
}

func (c *Config) needRedis() error {
	if c.RedisURL == "" {
		return errors.New("POSTHORN_REDIS_URL is not set: it says where Redis is, as in redis://127.0.0.1:6379/0")
	}
	return nil
}

func (c *Config) haveSecret() error {
	if strings.TrimSpace(c.Secret) == "" {
		return errors.New("POSTHORN_SECRET is not set: it signs the links in mails and seals passwords; choose a long random text (openssl rand -hex 32) and keep it")
	}
	return nil
}

// needSecret also wants what goes with the secret: where signed links lead.
func (c *Config) needSecret(log *slog.Logger) error {
	if err := c.haveSecret(); err != nil {
		return err
	}
	if len(c.Secret) < minSecret {
		log.Warn("POSTHORN_SECRET is short: links signed with it can be forged by guessing it", "characters", len(c.Secret), "better", minSecret)
	}
	if err := c.checkBaseURL(); err != nil {
		return err
	}
	if c.BaseURL == "" {
		c.BaseURL = baseURLOf(c.Listen)
		log.Warn("POSTHORN_BASE_URL is not set: unsubscribe links lead to this address, which others may not reach", "base_url", c.BaseURL)
	}
	return nil
}

func (c *Config) checkBaseURL() error {
	if c.BaseURL == "" {
		return nil
	}
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("POSTHORN_BASE_URL %q is not a plain web address such as https://mail.shop.example", c.BaseURL)
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	return nil
}

// proxies are the networks of Proxies; a single address is a network of its own.
func (c *Config) proxies() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range c.Proxies {
		text = strings.TrimSpace(text)
		network, err := netip.ParsePrefix(text)
		if err != nil {
			var addr netip.Addr
			if addr, err = netip.ParseAddr(text); err == nil {
				network = netip.PrefixFrom(addr, addr.BitLen())
			}
		}
		if err != nil {
			return nil, fmt.Errorf("POSTHORN_TRUSTED_PROXIES: %q is not a network such as 10.0.0.0/8", text)
		}
		list = append(list, network)
	}
	return list, nil
}

// baseURLOf is the address at which this machine reaches a listener at hostport.
func baseURLOf(hostport string) string {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return "http://" + hostport
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// logger writes to std.err: text for a person at a terminal, JSON for everything else.
func (c *Config) logger(std streams) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // the enum knows no others
	opts := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "text" || c.LogFormat == "auto" && isTerminal(std.err) {
		return slog.New(slog.NewTextHandler(std.err, opts))
	}
	return slog.New(slog.NewJSONHandler(std.err, opts))
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
