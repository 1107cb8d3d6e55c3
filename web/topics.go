package web

import (
	"context"

	"posthorn/contacts"
)

// TopicList is all topics there are.
type TopicList struct {
	Items []contacts.TopicCount `json:"items"`
}

var listTopicsDoc = operation{Description: "Every topic that a contact was asked about, or that a campaign or journey mails, by name, with how many said what. A topic comes into being with the first consent or mail that names it."}

func (a *api) listTopics(ctx context.Context, _ *none) (*reply[TopicList], error) {
	list, err := contacts.Topics(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	return ok(TopicList{Items: append([]contacts.TopicCount{}, list...)}), nil
}
