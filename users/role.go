package users

import "slices"

// Role is what somebody, or a key, is allowed to do.
type Role string

const (
	Owner    Role = "owner"    // everything, also people, keys and settings
	Marketer Role = "marketer" // contacts, content, campaigns, journeys
	Ops      Role = "ops"      // queues, workers, relays; sees no contact's data
	Shop     Role = "shop"     // of keys only: brings contacts, products, orders and events in
)

// PeopleRoles and KeyRoles are those that a person and a key can have.
var (
	PeopleRoles = []Role{Owner, Marketer, Ops}
	KeyRoles    = []Role{Owner, Marketer, Ops, Shop}
)

func ofPeople(r Role) bool { return slices.Contains(PeopleRoles, r) }
func ofKeys(r Role) bool   { return slices.Contains(KeyRoles, r) }
