package azure

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// sender sends requests and keeps why one could not be: the SDK's library for tokens turns the cause into text, and a
// certificate that is not trusted must be told from a host that is not there.
type sender struct{ http.Client }

// Do implements policy.Transporter.
func (s *sender) Do(request *http.Request) (*http.Response, error) {
	response, err := s.Client.Do(request)
	if x := exchangeOf(request.Context()); x != nil {
		x.set(err)
	}
	return response, err
}

// exchange is what became of the last request of a call.
type exchange struct {
	mu  sync.Mutex
	err error
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

func (x *exchange) set(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.err = err
}

// explained replaces a failure to get a token by what kept the request from being answered, if that was it.
func (x *exchange) explained(err error) error {
	var login *azidentity.AuthenticationFailedError
	if !errors.As(err, &login) || login.RawResponse != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err == nil {
		return err
	}
	return x.err
}
