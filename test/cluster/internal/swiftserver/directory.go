package swiftserver

import (
	"errors"
	"fmt"
	"slices"
)

// The account with which Swift itself asks Keystone about tokens.
const (
	serviceUser     = "swift"
	servicePassword = "swift-service-password"
	serviceProject  = "service"
	serviceRole     = "service"
)

// operatorRoles are the roles that may use the account of their project.
var operatorRoles = []string{"admin", "member", "swiftoperator"}

// Directory is who there is. Names are unique within it; ids are made of them ("id-of-NAME").
type Directory struct {
	Users        []User        `json:"users"`
	Projects     []Project     `json:"projects"`
	Applications []Application `json:"applications"`
}

// User has one domain, and one role in each of some projects.
type User struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	// Domain is the name of the user's domain; its id is "id-of-" before it, except that of Default, which is default.
	Domain string `json:"domain"`
	// Roles are by project.
	Roles map[string]string `json:"roles"`
}

// Project is what an account of Swift belongs to. Projects are in the domain Default.
type Project struct {
	Name string `json:"name"`
	// ServiceType and ServiceName are how Swift is in the catalogue of tokens of the project; an empty type leaves it out.
	ServiceType string `json:"serviceType"`
	ServiceName string `json:"serviceName"`
	Region      string `json:"region"`
}

// Application is an application credential: it acts for a user in one project.
type Application struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Secret  string `json:"secret"`
	User    string `json:"user"`
	Project string `json:"project"`
}

const defaultDomain = "Default"

func domainID(name string) string {
	if name == defaultDomain {
		return "default"
	}
	return idOf(name)
}

func idOf(name string) string { return "id-of-" + name }

// complete adds the account of Swift, and checks that everything refers to something.
func (d *Directory) complete() error {
	d.Projects = append(d.Projects, Project{Name: serviceProject})
	d.Users = append(d.Users, User{
		Name: serviceUser, Password: servicePassword, Domain: defaultDomain, Roles: map[string]string{serviceProject: serviceRole},
	})
	var broken []error
	for _, user := range d.Users {
		if user.Name == "" || user.Password == "" || user.Domain == "" {
			broken = append(broken, fmt.Errorf("user %q needs name, password and domain", user.Name))
		}
		for project := range user.Roles {
			if d.project(project) == nil {
				broken = append(broken, fmt.Errorf("user %s has a role in project %s, which does not exist", user.Name, project))
			}
		}
	}
	for _, application := range d.Applications {
		user := d.user(application.User)
		if user == nil || user.Roles[application.Project] == "" || application.ID == "" || application.Secret == "" {
			broken = append(broken, fmt.Errorf("application credential %q needs id, secret and a user with a role in its project", application.Name))
		}
	}
	return errors.Join(broken...)
}

func (d *Directory) user(name string) *User {
	return find(d.Users, func(u User) bool { return u.Name == name })
}

func (d *Directory) project(name string) *Project {
	return find(d.Projects, func(p Project) bool { return p.Name == name })
}

func find[T any](list []T, match func(T) bool) *T {
	if i := slices.IndexFunc(list, match); i >= 0 {
		return &list[i]
	}
	return nil
}
