package delivery

import (
	"bytes"
	"fmt"

	"github.com/emersion/go-msgauth/dkim"

	"posthorn/senders"
)

// sign puts one DKIM-Signature for each signer before content, a finished mail
// (RFC 6376). It works on the very bytes that are sent, before dot-stuffing, which
// the relay takes back.
//
// Header and body are relaxed: relays fold headers anew and cut white space off
// lines. Every field of the header is signed, and named once more than it is there,
// so that none can be added: a second From, Subject or Content-Type would be shown
// instead of ours (RFC 6376 8.15), a second List-Unsubscribe be obeyed. RFC 8058 3.1
// asks for both List-Unsubscribe fields to be signed.
func sign(content []byte, signers []senders.Signer) ([]byte, error) {
	if len(signers) == 0 {
		return content, nil
	}
	fields := fieldNames(content)
	fields = append(fields, fields...)
	var out bytes.Buffer
	for _, s := range signers {
		signature, err := signature(content, fields, s)
		if err != nil {
			return nil, fmt.Errorf("sign with the DKIM key %s of %s: %w", s.Selector, s.Domain, err)
		}
		out.Grow(len(signature) + len(content))
		out.WriteString(signature)
	}
	out.Write(content)
	return out.Bytes(), nil
}

func signature(content []byte, fields []string, s senders.Signer) (string, error) {
	w, err := dkim.NewSigner(&dkim.SignOptions{
		Domain:                 s.Domain,
		Selector:               s.Selector,
		Signer:                 s.Key,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed,
		BodyCanonicalization:   dkim.CanonicalizationRelaxed,
		HeaderKeys:             fields,
	})
	if err != nil {
		return "", err
	}
	_, err = w.Write(content)
	if closeErr := w.Close(); err == nil { // also after an error: it ends the signer's goroutine
		err = closeErr
	}
	if err != nil {
		return "", err
	}
	return w.Signature(), nil
}

// fieldNames returns the names of the header's fields, in order.
func fieldNames(content []byte) (names []string) {
	for line := range bytes.SplitSeq(content, []byte("\r\n")) {
		if len(line) == 0 {
			break
		}
		if name, _, ok := bytes.Cut(line, []byte(":")); ok && line[0] != ' ' && line[0] != '\t' {
			names = append(names, string(name))
		}
	}
	return names
}
