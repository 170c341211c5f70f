package ibmcos

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/openshift/cluster-image-registry-operator/pkg/storage"
	"github.com/openshift/cluster-image-registry-operator/pkg/storage/transport"
)

const (
	// maxAnswer is far more than any answer of these services has.
	maxAnswer = 4 << 20
	// renewBefore is how long before its end a token is replaced.
	renewBefore = 5 * time.Minute
)

// sessionConfig is everything that makes one session differ from another.
type sessionConfig struct {
	apiKey, secret string
	endpoints      endpoints
	bundle         storage.CABundle
	version        string
	timeout        time.Duration
}

// sessions keeps the last session.
type sessions struct{ transport.Last[*session] }

func (s *sessions) get(config sessionConfig) (*session, error) {
	identity := []any{config.apiKey, config.endpoints, config.bundle, config.version, config.timeout}
	return s.For(identity, config.bundle, func(connections *http.Transport) (*session, error) {
		return &session{sessionConfig: config, connections: connections}, nil
	})
}

// session is an API key at work: its connections, and the token it was exchanged for.
type session struct {
	sessionConfig
	connections *http.Transport

	mu      sync.Mutex
	token   token
	expires time.Time
}

// token is what IAM gives for an API key.
type token struct {
	text string
	// account is the one that the key belongs to.
	account string
}

// identify returns the token of the API key, a new one when the last is about to end.
func (s *session) identify(ctx context.Context) (token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token.text != "" && time.Now().Before(s.expires) {
		return s.token, nil
	}
	form := url.Values{"grant_type": {"urn:ibm:params:oauth:grant-type:apikey"}, "apikey": {s.apiKey}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoints.IAM+"/identity/token", strings.NewReader(form.Encode()))
	if err != nil {
		return token{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	if err := s.exchange(ctx, "IAM", request, &answer); err != nil {
		return token{}, err
	}
	account, err := accountOf(answer.AccessToken)
	if err != nil {
		return token{}, err
	}
	s.token, s.expires = token{answer.AccessToken, account}, time.Now().Add(time.Duration(answer.ExpiresIn)*time.Second-renewBefore)
	return s.token, nil
}

// forget drops a token that was refused: the next call asks for a new one.
func (s *session) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token{}
}

// accountOf reads the account from a token. Whether it is genuine is for the services to find out.
func accountOf(text string) (string, error) {
	parts := strings.Split(text, ".")
	var claims struct {
		Account struct {
			BSS string `json:"bss"`
		} `json:"account"`
	}
	if len(parts) == 3 {
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err == nil {
			_ = json.Unmarshal(payload, &claims)
		}
	}
	if claims.Account.BSS == "" {
		return "", &serviceError{service: "IAM", code: "InvalidToken", message: "the token names no account"}
	}
	return claims.Account.BSS, nil
}

// call makes one call to the Resource Controller or the Resource Manager.
func (s *session) call(ctx context.Context, service, method, target string, in, out any) error {
	identity, err := s.identify(ctx)
	if err != nil {
		return err
	}
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encoding a request to the %s: %w", service, err)
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+identity.text)
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	err = s.exchange(ctx, service, request, out)
	var refused *serviceError
	if errors.As(err, &refused) && refused.status == http.StatusUnauthorized {
		s.forget()
	}
	return err
}

// exchange sends a request and decodes the answer, within the deadline of a call. A refusal is a *serviceError.
func (s *session) exchange(ctx context.Context, service string, request *http.Request, out any) error {
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "openshift.io cluster-image-registry-operator/"+s.version)
	type answer struct {
		status int
		header http.Header
		body   []byte
	}
	got, err := transport.Within(ctx, s.timeout, func(ctx context.Context) (answer, error) {
		client := &http.Client{Transport: s.connections}
		response, err := client.Do(request.WithContext(ctx))
		if err != nil {
			return answer{}, err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		return answer{response.StatusCode, response.Header, body}, err
	})
	if err != nil {
		return &unreachable{service: service, endpoint: request.URL.Scheme + "://" + request.URL.Host, err: err}
	}
	if got.status >= http.StatusMultipleChoices {
		return refusal(service, got.status, got.header, got.body)
	}
	if err := json.Unmarshal(got.body, out); err != nil {
		return &serviceError{service: service, status: got.status, code: "InvalidAnswer", message: "the answer is not the JSON that was expected"}
	}
	return nil
}
