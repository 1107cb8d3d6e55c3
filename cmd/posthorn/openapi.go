package main

import (
	"fmt"

	"posthorn/web"
)

type openapiCmd struct{}

// Run prints the document that /api/openapi.json answers, for making clients.
func (c *openapiCmd) Run(std streams) error {
	document, err := web.OpenAPI()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s\n", document)
	return err
}
