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

// said adds the sentences of segments.
func (a *api) said(ctx context.Context, list ...segments.Segment) error {
	rules := make([]segments.Rule, 0, len(list))
	var at []int
	for i, s := range list {
		if rule, err := segments.Parse(s.Rule); err == nil {
			rules, at = append(rules, rule), append(at, i)
		}
	}
	sentences, err := segments.Describe(ctx, a.pool, rules...)
	for i, s := range sentences {
		list[at[i]].Sentence = s
	}
	return err
}

func (a *api) saidOne(ctx context.Context, s segments.Segment) (*reply[segments.Segment], error) {
	one := []segments.Segment{s}
	if err := a.said(ctx, one...); err != nil {
		return nil, err
	}
	return ok(one[0]), nil
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
	return a.saidOne(ctx, s)
}

var getSegmentDoc = operation{Description: "One segment with its rule."}

func (a *api) getSegment(ctx context.Context, in *SegmentPath) (*reply[segments.Segment], error) {
	s, err := segments.Get(ctx, a.pool, in.ID)
	if err != nil {
		return nil, err
	}
	return a.saidOne(ctx, s)
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
	if err := a.said(ctx, list...); err != nil {
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
	return a.saidOne(ctx, s)
}

var listSegmentUsesDoc = operation{Description: "The campaigns and journeys that name a segment, those first that keep it from being deleted."}

// SegmentUses is who names a segment.
type SegmentUses struct {
	Items []segments.Use `json:"items"`
}

func (a *api) listSegmentUses(ctx context.Context, in *SegmentPath) (*reply[SegmentUses], error) {
	list, err := segments.Uses(ctx, a.pool, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(SegmentUses{Items: append([]segments.Use{}, list...)}), nil
}

var deleteSegmentDoc = operation{
	Description: "A segment that a campaign or a journey uses which has not ended cannot be deleted; the uses of a segment are listed.",
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
	Description: "How many contacts the rule selects, the first 20 of them, the SQL that finds them, and the rule as one sentence. Consent and suppressions are not looked at here: a campaign's estimate does.",
	Example:     map[string]any{"rule": ruleExample, "as_of": "2011-12-10T00:00:00Z"},
}

// SegmentEstimated is whom a rule selects, and what it asks.
type SegmentEstimated struct {
	segments.Estimate
	Sentence segments.Sentences `json:"sentence"`
}

func (a *api) estimateSegment(ctx context.Context, in *estimateSegmentInput) (*reply[SegmentEstimated], error) {
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
	sentences, err := segments.Describe(ctx, a.pool, rule)
	if err != nil {
		return nil, err
	}
	return ok(SegmentEstimated{Estimate: e, Sentence: sentences[0]}), nil
}

type segmentFieldsInput struct {
	Scope string `query:"scope" enum:"contact,order,event" doc:"For a rule of a journey: what triggers it."`
}

// SegmentFieldList is what a rule may ask about, and what names the data has for it.
type SegmentFieldList struct {
	Fields []segments.Field `json:"fields"`
	segments.Known
}

var segmentFieldsDoc = operation{Description: "For editors of rules: all fields with their operators, options and kinds of value, and the attributes, topics, events and currencies that were seen. docs/rules.md says what each means."}

func (a *api) segmentFields(ctx context.Context, in *segmentFieldsInput) (*reply[SegmentFieldList], error) {
	known, err := segments.Look(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	return ok(SegmentFieldList{Fields: segments.Fields(segments.Scope(in.Scope)), Known: known}), nil
}

type segmentValuesInput struct {
	Field string `query:"field" required:"true" maxLength:"250" example:"bought.product" doc:"As in a rule: bought.product, attributes.tier."`
	Query string `query:"query" maxLength:"200" example:"grind" doc:"Only values that hold this."`
}

// SegmentValues are values that a field has.
type SegmentValues struct {
	Items []segments.Value `json:"items"`
}

var segmentValuesDoc = operation{Description: "Up to 50 values that contacts, products or orders have there, to choose from. Fields that are different for everybody, such as addresses, have none."}

func (a *api) segmentValues(ctx context.Context, in *segmentValuesInput) (*reply[SegmentValues], error) {
	list, err := segments.Values(ctx, a.pool, in.Field, in.Query)
	if err != nil {
		return nil, fault.Under("query", err)
	}
	return ok(SegmentValues{Items: append([]segments.Value{}, list...)}), nil
}
