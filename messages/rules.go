package messages

import (
	"context"
	"fmt"
	"time"

	"posthorn/internal/check"
	"posthorn/internal/fault"
	"posthorn/postgres"
)

// SendingRules are what an installation asks of its marketing mails: those of
// campaigns, and of journeys that are not transactional. The zero value asks nothing.
type SendingRules struct {
	FrequencyCap *FrequencyCap `json:"frequency_cap"` // nil: none
	QuietHours   *QuietHours   `json:"quiet_hours"`   // nil: none
	Timezone     string        `json:"timezone"`      // IANA name, of contacts whose own is not known; "": UTC
}

// FrequencyCap is how many mails a contact gets at most within so many days of 24
// hours that end now.
type FrequencyCap struct {
	Mails int `json:"mails"`
	Days  int `json:"days"`
}

// QuietHours are a part of the day, as the contact's clock shows it: "22:00" to
// "08:00" is a night. At To they are over.
type QuietHours struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Limits of a cap. A contact's mails are counted, however old they are.
const (
	maxCapMails = 1000
	maxCapDays  = 366
)

// GetSendingRules returns the rules of the installation.
func GetSendingRules(ctx context.Context, db postgres.DB) (SendingRules, error) {
	var r SendingRules
	var limit FrequencyCap
	var quiet QuietHours
	err := db.QueryRow(ctx, `SELECT cap_mails, cap_days, quiet_from, quiet_to, timezone FROM sending_rules`).
		Scan(&limit.Mails, &limit.Days, &quiet.From, &quiet.To, &r.Timezone)
	if err != nil {
		return SendingRules{}, fmt.Errorf("read the sending rules: %w", err)
	}
	if limit != (FrequencyCap{}) {
		r.FrequencyCap = &limit
	}
	if quiet != (QuietHours{}) {
		r.QuietHours = &quiet
	}
	return r, nil
}

// PutSendingRules replaces the rules, and returns them as they are stored. It
// returns fault.Invalid or fault.List for rules that cannot be.
func PutSendingRules(ctx context.Context, db postgres.DB, r SendingRules) (SendingRules, error) {
	if err := r.normalize(); err != nil {
		return SendingRules{}, err
	}
	var limit FrequencyCap
	if r.FrequencyCap != nil {
		limit = *r.FrequencyCap
	}
	var quiet QuietHours
	if r.QuietHours != nil {
		quiet = *r.QuietHours
	}
	_, err := db.Exec(ctx, `UPDATE sending_rules SET cap_mails = $1, cap_days = $2, quiet_from = $3, quiet_to = $4, timezone = $5`,
		limit.Mails, limit.Days, quiet.From, quiet.To, r.Timezone)
	if err != nil {
		return SendingRules{}, fmt.Errorf("write the sending rules: %w", err)
	}
	return r, nil
}

// normalize fills in the default zone and collects everything that is wrong.
func (r *SendingRules) normalize() error {
	var wrong fault.List
	if limit := r.FrequencyCap; limit != nil {
		if limit.Mails < 1 || limit.Mails > maxCapMails {
			wrong.Add("frequency_cap.mails", "must be between 1 and %d; frequency_cap null is no cap", maxCapMails)
		}
		if limit.Days < 1 || limit.Days > maxCapDays {
			wrong.Add("frequency_cap.days", "must be between 1 and %d", maxCapDays)
		}
	}
	if quiet := r.QuietHours; quiet != nil {
		from, fromErr := minuteOf(quiet.From)
		to, toErr := minuteOf(quiet.To)
		switch {
		case fromErr != nil:
			wrong.Add("quiet_hours.from", "%s", fromErr)
		case toErr == nil && from == to:
			wrong.Add("quiet_hours.to", "is the same as from, which would be all day")
		}
		if toErr != nil {
			wrong.Add("quiet_hours.to", "%s", toErr)
		}
	}
	if r.Timezone = check.Zone(&wrong, "timezone", r.Timezone); r.Timezone == "" {
		r.Timezone = "UTC"
	}
	return wrong.Err()
}

// minuteOf returns which minute of the day a clock shows.
func minuteOf(s string) (int, error) {
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, fmt.Errorf("must be a time of day such as 22:00")
	}
	return t.Hour()*60 + t.Minute(), nil
}
