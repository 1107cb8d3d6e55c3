package templates

import (
	"embed"
	"fmt"
	"path"
	"strings"
	"sync"
)

// SampleTemplate is something to start from.
type SampleTemplate struct {
	ID          string `json:"id"`
	Language    string `json:"language"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Source
}

// Samples in files: lines of "key: value", an empty line, and the body, which is what
// the file's extension says.
//
//go:embed samples
var sampleFiles embed.FS

// sampleOrder is the sequence in which samples are offered.
var sampleOrder = []string{"plain.html", "newsletter.mjml", "order-thanks.mjml"}

// SampleLanguages are those that all samples are there in; the first is the default.
var SampleLanguages = []string{"en", "de"}

// Samples returns what one can start from, in a language or, where it is not one of
// SampleLanguages, in the first of them.
func Samples(language string) []SampleTemplate {
	all := samples()
	if list, known := all[language]; known {
		return list
	}
	return all[SampleLanguages[0]]
}

var samples = sync.OnceValue(func() map[string][]SampleTemplate {
	out := map[string][]SampleTemplate{}
	for _, language := range SampleLanguages {
		for _, file := range sampleOrder {
			raw, err := sampleFiles.ReadFile(path.Join("samples", language, file))
			if err != nil {
				panic(err) // it is embedded
			}
			s, err := readSample(file, string(raw))
			if err != nil {
				panic(fmt.Sprintf("templates: samples/%s/%s: %v", language, file, err))
			}
			s.Language = language
			out[language] = append(out[language], s)
		}
	}
	return out
})

func readSample(file, raw string) (SampleTemplate, error) {
	head, body, found := strings.Cut(raw, "\n\n")
	if !found {
		return SampleTemplate{}, fmt.Errorf("there is no empty line before the body")
	}
	s := SampleTemplate{ID: strings.TrimSuffix(file, path.Ext(file))}
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "name":
			s.Name = value
		case "about":
			s.Description = value
		case "subject":
			s.Subject = value
		case "preheader":
			s.Preheader = value
		default:
			return s, fmt.Errorf("%q is not known", key)
		}
	}
	switch path.Ext(file) {
	case ".mjml":
		s.MJML = body
	case ".html":
		s.HTML = body
	}
	return s, nil
}
