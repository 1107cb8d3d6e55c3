package web

import (
	"context"

	"posthorn/messages"
)

type putSendingRulesInput struct {
	Body struct {
		FrequencyCap *FrequencyCapFields `json:"frequency_cap,omitempty" doc:"How many mails a contact gets at most. null: any number. Beyond it a mail is skipped (capped); a campaign also leaves room for the mails that journeys have yet to send."`
		QuietHours   *QuietHoursFields   `json:"quiet_hours,omitempty" doc:"When nobody is mailed. null: never. A mail that comes due in them waits until they are over (deferred, quiet_hours)."`
		Timezone     string              `json:"timezone,omitempty" maxLength:"64" default:"UTC" example:"Europe/Berlin" doc:"IANA name. Where contacts are taken to live whose own time zone is not known."`
	}
}

// FrequencyCapFields is how many marketing mails a contact gets within some days.
type FrequencyCapFields struct {
	Mails int `json:"mails" example:"3" doc:"1 to 1,000."`
	Days  int `json:"days" example:"7" doc:"1 to 366, of 24 hours, that end now."`
}

// QuietHoursFields is a part of the day as the contact's clock shows it.
type QuietHoursFields struct {
	From string `json:"from" example:"22:00" doc:"HH:MM"`
	To   string `json:"to" example:"08:00" doc:"HH:MM, on the next day where it is before from. At this time they are over."`
}

var getSendingRulesDoc = operation{Description: "What is null is off. Transactional mails and test sends are exempt."}

func (a *api) getSendingRules(ctx context.Context, _ *none) (*reply[messages.SendingRules], error) {
	r, err := messages.GetSendingRules(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	return ok(r), nil
}

var putSendingRulesDoc = operation{
	Description: "The rules become what the body says; what is left out is off. Workers go by them within seconds, also for campaigns under way.",
	Example: map[string]any{
		"frequency_cap": map[string]any{"mails": 3, "days": 7},
		"quiet_hours":   map[string]any{"from": "22:00", "to": "08:00"},
		"timezone":      "Europe/Berlin",
	},
}

func (a *api) putSendingRules(ctx context.Context, in *putSendingRulesInput) (*reply[messages.SendingRules], error) {
	r, err := messages.PutSendingRules(ctx, a.pool, messages.SendingRules{
		FrequencyCap: (*messages.FrequencyCap)(in.Body.FrequencyCap),
		QuietHours:   (*messages.QuietHours)(in.Body.QuietHours),
		Timezone:     in.Body.Timezone,
	})
	if err != nil {
		return nil, err
	}
	return ok(r), nil
}
