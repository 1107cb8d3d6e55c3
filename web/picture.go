package web

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"posthorn/catalog"
	"posthorn/internal/fault"
	"posthorn/internal/publicnet"
)

// Pictures of products are somewhere in the shop. The app loads nothing from elsewhere, so
// that no shop's server learns who looks at what; this server fetches them for it.
const (
	pictureTimeout = 10 * time.Second
	pictureLimit   = 5 << 20
	picturesAtOnce = 16
)

// pictureTypes are those that browsers show. A picture cannot run anything: the page's
// policy has no scripts, and what is shown by an img element has none either.
var pictureTypes = []string{"image/avif", "image/gif", "image/jpeg", "image/png", "image/svg+xml", "image/webp"}

func newPictures(loopback bool) *http.Client {
	dialer := &net.Dialer{Timeout: pictureTimeout, Control: publicnet.Dial{Loopback: loopback}.Control}
	return &http.Client{
		Timeout: pictureTimeout,
		Transport: &http.Transport{
			Proxy:                  nil, // it would connect where the dialer may not
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    pictureTimeout,
			ResponseHeaderTimeout:  pictureTimeout,
			MaxResponseHeaderBytes: 32 << 10,
			MaxConnsPerHost:        picturesAtOnce,
			MaxIdleConnsPerHost:    picturesAtOnce,
			IdleConnTimeout:        30 * time.Second,
		},
		CheckRedirect: func(_ *http.Request, via []*http.Request) error {
			if len(via) > 3 {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
}

// picture is an answer that an img element shows.
type picture struct {
	ContentType string `header:"Content-Type"`
	Cache       string `header:"Cache-Control"`
	Policy      string `header:"Content-Security-Policy"`
	Body        []byte
}

var getProductPictureDoc = operation{
	Description: "What is at the product's `image_url`, fetched by this server from a public address, at most 5 MB. 404 where there is none, it is no picture, or it cannot be fetched.",
}

type getProductPictureInput struct {
	ProductPath
	Version string `query:"v" maxLength:"50" doc:"Not looked at: another value is another picture to a browser that keeps them."`
}

func (a *api) getProductPicture(ctx context.Context, in *getProductPictureInput) (*picture, error) {
	p, err := catalog.ProductBySKU(ctx, a.pool, in.SKU)
	if err != nil {
		return nil, err
	}
	body, contentType, err := a.fetchPicture(ctx, p.ImageURL)
	if err != nil {
		a.log.DebugContext(ctx, "no picture", "sku", p.SKU, "err", err)
		return nil, fault.NotFoundf("picture of product", in.SKU)
	}
	return &picture{ContentType: contentType, Cache: "private, max-age=3600", Policy: "sandbox; default-src 'none'; style-src 'unsafe-inline'", Body: body}, nil
}

func (a *api) fetchPicture(ctx context.Context, address string) (body []byte, contentType string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return nil, "", fmt.Errorf("%q is not the address of a picture", address)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, "", err
	}
	req.Header.Set("Accept", "image/*")
	res, err := a.pictures.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = res.Body.Close() }()
	contentType, _, err = mime.ParseMediaType(res.Header.Get("Content-Type"))
	switch {
	case res.StatusCode != http.StatusOK:
		return nil, "", fmt.Errorf("answered %d", res.StatusCode)
	case err != nil:
		return nil, "", err
	case !slices.Contains(pictureTypes, contentType):
		return nil, "", fmt.Errorf("is %s", contentType)
	}
	body, err = io.ReadAll(io.LimitReader(res.Body, pictureLimit+1))
	if err == nil && len(body) > pictureLimit {
		err = fmt.Errorf("is larger than %d bytes", pictureLimit)
	}
	return body, contentType, err
}
