package cloudflare

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/failover-dns/failover/failover"
)

// acmeClient lends our client to github.com/libdns/cloudflare, whose own has no time-out, no
// budget, hides the status of an answer that isn't JSON, and knows one endpoint only. The token is
// set here, so the libdns provider holds none.
type acmeClient struct{ client *client }

// Do implements the libdns provider's HTTPClient.
func (a acmeClient) Do(req *http.Request) (*http.Response, error) {
	payload, err := acmePayload(req)
	if err != nil {
		return nil, err
	}
	path, found := strings.CutPrefix(req.URL.String(), DefaultEndpoint)
	if !found {
		return nil, errors.New("cloudflare: a call to another address than the API's")
	}
	var r reply
	attempt := func() error {
		if r, err = a.client.send(req.Context(), req.Method, a.client.base.String()+path, payload); err != nil {
			return err
		}
		if !json.Valid(r.body) || r.status >= http.StatusBadRequest {
			_, err = a.client.judge(req.Method, r)
		}
		return err
	}
	if req.Method == http.MethodGet {
		err = a.client.retry(req.Context(), attempt)
	} else {
		err = attempt()
	}
	if err != nil {
		return nil, acmeFault(req.Method, err)
	}
	return &http.Response{StatusCode: r.status, Header: r.header, Body: io.NopCloser(bytes.NewReader(r.body)), Request: req}, nil
}

// acmePayload returns the request's body. A DELETE gets the empty object that the API's
// description asks for.
func acmePayload(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		if req.Method == http.MethodDelete {
			return []byte("{}"), nil
		}
		return nil, nil
	}
	defer req.Body.Close()
	return io.ReadAll(req.Body)
}

func acmeFault(method string, err error) error {
	var ze *failover.ZoneError
	if errors.As(err, &ze) {
		whole := *ze
		whole.Zone, whole.Op = "(ACME records)", strings.ToLower(method)
		return &whole
	}
	return fmt.Errorf("cloudflare: ACME records: %w", err)
}
