package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bonded.dev/registry/leak"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/trusted"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// config is every setting. Flags win over the environment (BONDED_ and the
// name in capitals), the environment over the file. Secrets have no flag:
// command lines are visible to every user of a machine.
type config struct {
	Data     string   `yaml:"data"`
	Listen   string   `yaml:"listen"`
	URL      string   `yaml:"url"`
	Origin   string   `yaml:"origin"`
	Database string   `yaml:"database"`
	Blobs    string   `yaml:"blobs"`
	S3       s3Config `yaml:"s3"`
	Contact  string   `yaml:"contact"`
	Drain    string   `yaml:"drain"`
	LogReads bool     `yaml:"log-reads"`
	// LogClients has log lines name the addresses of clients.
	LogClients bool `yaml:"log-clients"`

	// Registration says who may make an account: invite (with an enrolment
	// link) or open (anybody).
	Registration string           `yaml:"registration"`
	TwoPerson    string           `yaml:"two-person"` // new, all, or empty
	Mail         mailConfig       `yaml:"mail"`
	LeakKeys     string           `yaml:"leak-keys"`
	Breached     string           `yaml:"breached"`     // file of: bonded admin passwords build
	BreachedURL  string           `yaml:"breached-url"` // service that is asked for hashes by their first digits
	DNS          string           `yaml:"dns"`
	RDAP         string           `yaml:"rdap"`
	Issuers      []trusted.Issuer `yaml:"issuers"` // of build jobs, besides the large ones
}

type mailConfig struct {
	Server   string `yaml:"server"`
	From     string `yaml:"from"`
	Password string `yaml:"password"`
}

type s3Config struct {
	AccessKey string `yaml:"access-key"`
	SecretKey string `yaml:"secret-key"`
	Region    string `yaml:"region"`
}

// setting names one value in all three places.
type setting struct {
	name, usage string
	at          func(*config) *string
	secret      bool // no flag
}

var settings = []setting{
	{"data", "directory for keys and, by default, the database and all files", func(c *config) *string { return &c.Data }, false},
	{"listen", "address to listen on", func(c *config) *string { return &c.Listen }, false},
	{"url", "public URL of the repository (default: http:// and the listen address)", func(c *config) *string { return &c.URL }, false},
	{"origin", "name of the log, chosen once (default: from the URL)", func(c *config) *string { return &c.Origin }, false},
	{"database", "postgres:// address of a shared database (default: SQLite in the data directory)", func(c *config) *string { return &c.Database }, false},
	{"blobs", "s3://HOST/BUCKET[/PREFIX] or s3+http://... for shared files (default: the data directory)", func(c *config) *string { return &c.Blobs }, false},
	{"contact", "where to report security problems: a mailto: or https: address", func(c *config) *string { return &c.Contact }, false},
	{"drain", "how long /readyz says no before closing, for load balancers (default 0s)", func(c *config) *string { return &c.Drain }, false},
	{"registration", "who may make an account: invite (default) or open", func(c *config) *string { return &c.Registration }, false},
	{"two-person", "which releases somebody else has to approve everywhere: new or all", func(c *config) *string { return &c.TwoPerson }, false},
	{"mail-server", "smtp://[USER@]HOST[:PORT] or smtps://... for notices (default: none are sent)", func(c *config) *string { return &c.Mail.Server }, false},
	{"mail-from", "address that notices come from", func(c *config) *string { return &c.Mail.From }, false},
	{"leak-keys", "keys that a code host signs leak reports with: NAME=URL", func(c *config) *string { return &c.LeakKeys }, false},
	{"dns", "resolver for the daily check of e-mail domains: HOST:PORT", func(c *config) *string { return &c.DNS }, false},
	{"rdap", "RDAP service that the daily check of domains asks too (default: none)", func(c *config) *string { return &c.RDAP }, false},
	{"breached", "list of stolen passwords, of: bonded admin passwords build", func(c *config) *string { return &c.Breached }, false},
	{"breached-url", "service that knows stolen passwords by five digits of their hash", func(c *config) *string { return &c.BreachedURL }, false},
	{"mail-password", "", func(c *config) *string { return &c.Mail.Password }, true},
	{"s3-access-key", "", func(c *config) *string { return &c.S3.AccessKey }, true},
	{"s3-secret-key", "", func(c *config) *string { return &c.S3.SecretKey }, true},
	{"s3-region", "", func(c *config) *string { return &c.S3.Region }, true},
}

// configFlags adds the flags that say where a repository is.
func configFlags(c *cobra.Command, only ...string) {
	c.Flags().String("config", "", "YAML file with settings")
	for _, s := range settings {
		if s.secret || len(only) > 0 && !contains(only, s.name) {
			continue
		}
		c.Flags().String(s.name, "", s.usage)
	}
}

// onData are the settings of commands that work beside a running server.
var onData = []string{"data", "database", "blobs", "url", "listen"}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// readConfig puts the three places together and fills in the defaults.
func readConfig(flags *pflag.FlagSet, getenv func(string) string) (config, error) {
	c := config{Data: "bonded-data", Listen: "127.0.0.1:8420"}
	file, _ := flags.GetString("config")
	if file == "" {
		file = getenv("BONDED_CONFIG")
	}
	if file != "" {
		if err := readFile(file, &c); err != nil {
			return c, err
		}
	}
	for _, s := range settings {
		if v := getenv("BONDED_" + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))); v != "" {
			*s.at(&c) = v
		}
		if f := flags.Lookup(s.name); f != nil && f.Changed {
			*s.at(&c) = f.Value.String()
		}
	}
	for name, at := range map[string]*bool{"log-reads": &c.LogReads, "log-clients": &c.LogClients} {
		if v := getenv("BONDED_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))); v != "" {
			*at = v == "true"
		}
		if f := flags.Lookup(name); f != nil && f.Changed {
			*at = f.Value.String() == "true"
		}
	}
	return c, c.complete()
}

func readFile(path string, c *config) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return usagef("reading the configuration: %w", err)
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return usagef("reading the configuration %s: %w", path, err)
	}
	return nil
}

func (c *config) complete() error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return usagef("--listen %s: %w", c.Listen, err)
	}
	if d, err := c.drain(); err != nil || d < 0 {
		return usagef("--drain %s: want a time such as 5s", c.Drain)
	}
	switch c.Registration {
	case "", "invite", "open":
	default:
		return usagef("--registration %s: want invite or open", c.Registration)
	}
	if _, err := leak.ParseOrigins(c.LeakKeys); err != nil {
		return usageError{err}
	}
	switch c.TwoPerson {
	case "", publish.TwoPersonNew, publish.TwoPersonAll:
	default:
		return usagef("--two-person %s: want new (first releases) or all (every release)", c.TwoPerson)
	}
	if err := trusted.CheckIssuers(c.Issuers); err != nil {
		return usagef("%w", err)
	}
	if c.Mail.Server != "" && c.Mail.From == "" {
		return usagef("--mail-server needs --mail-from, the address that notices come from")
	}
	if u, err := url.Parse(c.BreachedURL); c.BreachedURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return usagef("--breached-url %s: want the https:// address that five digits are put behind", c.BreachedURL)
	}
	if c.URL == "" {
		return nil
	}
	if !strings.HasSuffix(c.URL, "/") {
		c.URL += "/"
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || u.Fragment != "" {
		return usagef("--url %s: want http:// or https://, a host, and at most a path", c.URL)
	}
	if u.Path != "/" {
		return usagef("--url %s: a path below the host is not supported; give the repository a host name of its own", c.URL)
	}
	return nil
}

func (c *config) drain() (time.Duration, error) {
	if c.Drain == "" {
		return 0, nil
	}
	return time.ParseDuration(c.Drain)
}

// reachedAt is the public URL of a repository that was given none: where it listens.
func reachedAt(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "http://" + listen + "/"
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}

// dsn is the database in the words of registry/record.
func (c *config) dsn() string {
	if c.Database != "" {
		return c.Database
	}
	return "sqlite:" + filepath.Join(c.Data, "bonded.db")
}

// origin is the name of a log that begins now.
func (c *config) origin() string {
	if c.Origin != "" {
		return c.Origin
	}
	base := c.URL
	if base == "" {
		base = reachedAt(c.Listen)
	}
	host := strings.TrimPrefix(strings.TrimPrefix(base, "https://"), "http://")
	return host + "bonded/1"
}
