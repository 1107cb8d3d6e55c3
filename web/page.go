package web

import (
	"encoding/base64"
	"strconv"

	"posthorn/internal/fault"
)

// Paging is the part of every list's input. (huma looks for parameters in
// exported fields only, so what is embedded in an input has an exported name.)
type Paging struct {
	Cursor string `query:"cursor" maxLength:"1000" doc:"next_cursor of the page before; leave it out for the first page."`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Most items on a page."`
}

// Page is the answer to every list.
type Page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor" example:"MTAw" doc:"Pass it as cursor to get the next page. Empty: this is the last one."`
}

// Cursors are opaque so that they may change, and so that the key of a list (an
// address, of a suppression) does not stand in a URL for all logs to read.

func (p Paging) text() (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil || !storable(string(b)) {
		return "", fault.Invalidf("query.cursor", "is not a cursor; pass next_cursor of the page before as it is")
	}
	return string(b), nil
}

func (p Paging) id() (int64, error) {
	s, err := p.text()
	if err != nil || s == "" {
		return 0, err
	}
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 0 {
		return 0, fault.Invalidf("query.cursor", "is not a cursor of this list; pass next_cursor of the page before as it is")
	}
	return id, nil
}

func opaque(cursor string) string { return base64.RawURLEncoding.EncodeToString([]byte(cursor)) }

func pageOf[T any](items []T, next string) *reply[Page[T]] {
	if items == nil {
		items = []T{}
	}
	return &reply[Page[T]]{Body: Page[T]{Items: items, NextCursor: opaque(next)}}
}

func pageByID[T any](items []T, next int64) *reply[Page[T]] {
	if next == 0 {
		return pageOf(items, "")
	}
	return pageOf(items, strconv.FormatInt(next, 10))
}
