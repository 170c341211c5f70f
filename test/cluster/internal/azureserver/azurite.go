package azureserver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	_ "embed" // azurite.js
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

//go:embed azurite.js
var azuriteScript []byte

// azurite is the process that keeps the blobs.
type azurite struct {
	address   string
	transport *http.Transport
	// ended is closed when the process has ended, with why in failure.
	ended   chan struct{}
	failure error

	mu       sync.Mutex
	file     string
	accounts map[string]string
}

// errEnded tells that Azurite ended without having been asked to.
var errEnded = errors.New("the process ended")

// listening is the line by which Azurite tells its address.
var listening = regexp.MustCompile(`successfully listens on https?://(\S+)`)

func startAzurite(ctx context.Context, o Options) (*azurite, error) {
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	script := filepath.Join(o.DataDir, "azurite.js")
	if err := os.WriteFile(script, azuriteScript, 0o600); err != nil {
		return nil, fmt.Errorf("writing %s: %w", script, err)
	}
	a := &azurite{ended: make(chan struct{}), file: filepath.Join(o.DataDir, "accounts"), accounts: map[string]string{}}
	if err := a.write(); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, o.Node, script, "--blobHost", "127.0.0.1", "--blobPort", "0", "--location", filepath.Join(o.DataDir, "blobs"),
		"--cert", o.CertFile, "--key", o.KeyFile, "--oauth", "basic", "--skipApiVersionCheck", "--silent")
	cmd.Env = append(os.Environ(), "AZURITE_HOME="+o.Azurite, "AZURITE_ACCOUNTS_FILE="+a.file)
	// It dies with this process, however that ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 3 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting azurite: %w", err)
	}
	lines, said := bufio.NewScanner(stdout), ""
	for a.address == "" && lines.Scan() {
		said += lines.Text() + "\n"
		if match := listening.FindStringSubmatch(lines.Text()); match != nil {
			a.address = match[1]
		}
	}
	if a.address == "" {
		return nil, fmt.Errorf("azurite did not start: %w: %s%s", errors.Join(errEnded, cmd.Wait()), said, stderr.String())
	}
	a.transport = &http.Transport{
		// Loopback, and a certificate that is the front's own.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12},
	}
	go func() {
		_, _ = io.Copy(io.Discard, stdout)
		a.failure = cmd.Wait()
		close(a.ended)
	}()
	return a, nil
}

// set makes an account known with its keys, or unknown when there are none.
func (a *azurite) set(account string, keys ...string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.accounts, account)
	if len(keys) > 0 {
		a.accounts[account] = strings.Join(keys, ":")
	}
	return a.write()
}

// write replaces the file of accounts. Azurite takes an empty one for its well-known account, so there is always one.
func (a *azurite) write() error {
	text := "nobody:bm9ib2R5"
	for _, name := range slices.Sorted(maps.Keys(a.accounts)) {
		text += ";" + name + ":" + a.accounts[name]
	}
	fresh := a.file + ".new"
	if err := os.WriteFile(fresh, []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing the accounts: %w", err)
	}
	return os.Rename(fresh, a.file)
}
