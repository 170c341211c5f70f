package s3server

import (
	"crypto/rand"
	"slices"
	"sync"
	"time"
)

// sessionLife is how long AWS lets a session live whose client does not ask for another time.
const sessionLife = time.Hour

// Role is what the bearer of a token can become.
type Role struct {
	ARN string `json:"arn"`
	// Subjects of tokens that the role's trust policy admits.
	Subjects []string `json:"subjects"`
	// Life of its sessions; zero means AWS's hour. AWS has none below 15 minutes, and none that are over when they begin.
	Life Duration `json:"life,omitempty"`
}

// session is one access key of a role.
type session struct {
	role              string
	id, secret, token string
	expires           time.Time
	// ended is that of a role that was removed. The key is unknown then, and still known to the records.
	ended bool
}

// roles are those of the main account, with their sessions. A restart forgets both, as it does further keys.
type roles struct {
	mu    sync.Mutex
	byARN map[string]Role
	byKey map[string]session
}

func newRoles() *roles { return &roles{byARN: map[string]Role{}, byKey: map[string]session{}} }

// put makes a role or replaces it; the sessions that it has stay as they are.
func (s *roles) put(role Role) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byARN[role.ARN] = role
}

// remove ends a role with its sessions, and tells whether there was one.
func (s *roles) remove(arn string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, found := s.byARN[arn]
	delete(s.byARN, arn)
	for id, of := range s.byKey {
		if of.role == arn {
			of.ended = true
			s.byKey[id] = of
		}
	}
	return found
}

// assume begins a session of a role for the subject of a token. AWS does not tell a role that is missing from one that does
// not trust the subject.
func (s *roles) assume(arn, subject string) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	role, found := s.byARN[arn]
	if !found || !slices.Contains(role.Subjects, subject) {
		return session{}, false
	}
	life := sessionLife
	if role.Life != 0 {
		life = time.Duration(role.Life)
	}
	begun := session{
		role: arn, id: "ASIA" + rand.Text()[:16], secret: rand.Text(), token: rand.Text() + rand.Text(),
		expires: time.Now().Add(life),
	}
	s.byKey[begun.id] = begun
	return begun, true
}

// session is that of an access key, until its role is removed.
func (s *roles) session(id string) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of, found := s.byKey[id]
	return of, found && !of.ended
}

// of is the role whose session has or had this key; empty for every other key.
func (s *roles) of(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byKey[id].role
}
