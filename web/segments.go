package web

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"posthorn/internal/fault"
	"posthorn/segments"
)

// RuleTree is a rule as it is sent. It is checked by package segments, whose
// errors name the node.
type RuleTree json.RawMessage

// UnmarshalJSON keeps the tree as it is.
func (t *RuleTree) UnmarshalJSON(data []byte) error {
	*t = append((*t)[:0], data...)
	return nil
}

// Schema describes the tree's shape.
func (RuleTree) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Description: "A tree of groups `{combinator: and|or, not, rules: […]}` and conditions `{field, operator, value, …}`. docs/rules.md lists fields and operators.",
		Examples:    []any{ruleExample},
	}
}

var ruleExample = map[string]any{
	"combinator": "and",
	"rules": []any{
		map[string]any{"field": "bought.category", "operator": "bought", "value": "coffee"},
		map[string]any{"field": "bought.category", "operator": "not_bought", "value": "grinders"},
	},
}

type SegmentPath struct {
	ID int64 `path:"id" example:"1"`
}

// SegmentFields is what a marketer sets.
type SegmentFields struct {
	Name string   `json:"name" maxLength:"200" example:"Coffee without a grinder"`
	Rule RuleTree `json:"rule"`
}

type postSegmentInput struct {
	Body SegmentFields
}

var postSegmentDoc = operation{
	Description: "The rule is kept, not its result: whom it selects is looked up when it is used.",
	Example:     map[string]any{"name": "Coffee without a grinder", "rule": ruleExample},
	Status:      http.StatusCreated,
}

func (a *api) postSegment(ctx context.Context, in *postSegmentInput) (*reply[segments.Segment], error) {
	s, err := segments.Create(ctx, a.pool, a.now(), in.Body.Name, in.Body.Rule)
	if err != nil {
		return nil, err
	}
	return ok(s), nil
}

var getSegmentDoc = operation{Description: "One segment with its rule."}

func (a *api) getSegment(ctx context.Context, in *SegmentPath) (*reply[segments.Segment], error) {
	s, err := segments.Get(ctx, a.pool, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(s), nil
}

var listSegmentsDoc = operation{Description: "All segments with their rules, page by page."}

func (a *api) listSegments(ctx context.Context, in *Paging) (*reply[Page[segments.Segment]], error) {
	cursor, err := in.id()
	if err != nil {
		return nil, err
	}
	list, next, err := segments.List(ctx, a.pool, cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return pageByID(list, next), nil
}

type putSegmentInput struct {
	SegmentPath
	Body SegmentFields
}

var putSegmentDoc = operation{
	Description: "A run that has begun keeps the rule it began with.",
	Example:     map[string]any{"name": "Coffee without a grinder", "rule": ruleExample},
}

func (a *api) putSegment(ctx context.Context, in *putSegmentInput) (*reply[segments.Segment], error) {
	s, err := segments.Update(ctx, a.pool, a.now(), in.ID, in.Body.Name, in.Body.Rule)
	if err != nil {
		return nil, err
	}
	return ok(s), nil
}

var deleteSegmentDoc = operation{
	Description: "A segment that a campaign or a journey uses which has not ended cannot be deleted.",
	Status:      http.StatusNoContent,
	Errors:      []int{http.StatusConflict},
}

func (a *api) deleteSegment(ctx context.Context, in *SegmentPath) (*none, error) {
	return nil, segments.Delete(ctx, a.pool, in.ID)
}

type estimateSegmentInput struct {
	Body struct {
		Rule RuleTree   `json:"rule"`
		AsOf *time.Time `json:"as_of,omitempty" example:"2011-12-10T00:00:00Z" doc:"The moment that relative dates count from; nothing that happened later is seen. Default: now."`
	}
}

var estimateSegmentDoc = operation{
	Description: "How many contacts the rule selects, the first 20 of them, and the SQL that finds them. Consent and suppressions are not looked at here: a campaign's estimate does.",
	Example:     map[string]any{"rule": ruleExample, "as_of": "2011-12-10T00:00:00Z"},
}

func (a *api) estimateSegment(ctx context.Context, in *estimateSegmentInput) (*reply[segments.Estimate], error) {
	rule, err := segments.Parse(in.Body.Rule)
	if err != nil {
		return nil, err
	}
	asOf := a.now()
	if in.Body.AsOf != nil {
		asOf = in.Body.AsOf.UTC()
		if asOf.Year() < 1 || asOf.Year() > 9999 {
			return nil, fault.Invalidf("as_of", "is not between the years 1 and 9999")
		}
	}
	e, err := segments.EstimateRule(ctx, a.pool, rule, asOf)
	if err != nil {
		return nil, err
	}
	return ok(e), nil
}
