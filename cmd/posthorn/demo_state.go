package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// demoState is what a demo remembers from one start to the next, in demo.json.
type demoState struct {
	Secret   string    `json:"secret"`
	APIKey   string    `json:"api_key,omitempty"`
	Password string    `json:"password,omitempty"` // of the demo's people
	Seed     uint64    `json:"seed"`
	Base     time.Time `json:"base"` // the shop's present
	Contacts int       `json:"contacts"`
	Products int       `json:"products"`
	Orders   int       `json:"orders"`
	Loaded   bool      `json:"loaded"` // the shop is in the database as a whole

	// The demo's own things; 0 where they are not made yet.
	TemplateID int64 `json:"template_id,omitempty"`
	SegmentID  int64 `json:"segment_id,omitempty"`
	CampaignID int64 `json:"campaign_id,omitempty"`

	file string
}

// readState reads the state of the demo in dir, or begins one.
func readState(dir string) (*demoState, error) {
	s := &demoState{file: filepath.Join(dir, "demo.json")}
	data, err := os.ReadFile(s.file)
	if isMissing(err) {
		s.Secret = rand.Text() + rand.Text()
		return s, s.write()
	}
	if err == nil {
		err = json.Unmarshal(data, s)
	}
	if err == nil && s.Secret == "" {
		err = fmt.Errorf("it holds no secret")
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read; remove it to begin anew: %w", s.file, err)
	}
	return s, nil
}

// write replaces the file as a whole: a kill leaves the old one or the new one.
func (s *demoState) write() error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return writePrivate(s.file, append(data, '\n'))
}

// writeEnv writes what other commands need to work on the demo's servers, as a
// shell reads it. The function it returns removes it: the next start has other ports.
func writeEnv(file string, cfg *Config) (remove func(), err error) {
	var b strings.Builder
	for _, v := range [][2]string{
		{"DATABASE_URL", cfg.DatabaseURL}, {"REDIS_URL", cfg.RedisURL}, {"SECRET", cfg.Secret}, {"BASE_URL", cfg.BaseURL},
	} {
		fmt.Fprintf(&b, "POSTHORN_%s='%s'\n", v[0], strings.ReplaceAll(v[1], "'", `'\''`))
	}
	return func() { _ = os.Remove(file) }, writePrivate(file, []byte(b.String()))
}

// writePrivate replaces a file by one that only we may read.
func writePrivate(file string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".demo-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
