package shop

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"posthorn/catalog"
	"posthorn/contacts"
)

// person is somebody before being made a contact.
type person struct {
	id, first_, last, email string
	land                    *land
	taste                   *taste
	pace                    float64   // median days between two orders
	first                   time.Time // of the oldest order; zero without one
}

// land is where people come from, and what they are called there.
type land struct {
	country, language, timezone string
	weight                      int
	first, last                 []string
}

var lands = []land{
	{"Germany", "de", "Europe/Berlin", 30, strings.Fields("Anna Lukas Sophie Jonas Lea Felix Marie Paul Jürgen Käthe Emil Greta Björn Clara Matthias Frieda"), strings.Fields("Müller Schmidt Weber Wagner Becker Hoffmann Schäfer Koch Bauer Richter Klein Wolf Schröder Neumann Köhler Vogel")},
	{"United Kingdom", "en", "Europe/London", 22, strings.Fields("Olivia Harry Amelia George Isla Arthur Ava Noah Emily Jack Grace Oscar Freya Charlie Poppy Alfie"), strings.Fields("Smith Jones Taylor Brown Williams Wilson Davies Evans Thomas Roberts Walker Wright Hughes Green Hall O'Brien")},
	{"France", "fr", "Europe/Paris", 14, strings.Fields("Camille Louis Chloé Hugo Inès Jules Zoé Gabriel Manon Léo Élodie Arthur Margaux Théo Aurélie René"), strings.Fields("Martin Bernard Dubois Moreau Laurent Lefèvre Girard Bonnet Fontaine Rousseau Mercier Blanc Guérin Chevalier Gauthier Perrin")},
	{"Italy", "it", "Europe/Rome", 10, strings.Fields("Giulia Lorenzo Aurora Matteo Chiara Andrea Elena Marco Alice Davide Sara Luca Martina Nicolò Irene Pietro"), strings.Fields("Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo Conti Costa Fontana D'Angelo")},
	{"Netherlands", "nl", "Europe/Amsterdam", 9, strings.Fields("Sanne Daan Lotte Sem Fleur Bram Noor Thijs Eva Jasper Roos Ruben Anouk Pieter Iris Joris"), strings.Fields("Jansen Bakker Visser Smit Meijer Mulder Bos Vos Peters Hendriks Dekker Brouwer Koster Kuipers Veenstra Postma")},
	{"Sweden", "sv", "Europe/Stockholm", 6, strings.Fields("Elsa Oskar Astrid Erik Saga Nils Freja Axel Ebba Olof Linnéa Viktor Åsa Göran Maja Hjalmar"), strings.Fields("Andersson Johansson Karlsson Nilsson Eriksson Larsson Lindberg Lindström Berg Sjögren Åberg Holm Ek Nyström Söderberg Wallin")},
	{"Finland", "fi", "Europe/Helsinki", 5, strings.Fields("Aino Onni Helmi Eino Sofia Väinö Lumi Leevi Emma Toivo Päivi Mikko Kaisa Antti Tuuli Jarkko"), strings.Fields("Korhonen Virtanen Mäkinen Nieminen Mäkelä Hämäläinen Laine Heikkinen Koskinen Järvinen Lehtonen Saarinen Niemi Salo Tuominen Rantanen")},
	{"Poland", "pl", "Europe/Warsaw", 4, strings.Fields("Zofia Jakub Hanna Szymon Maja Filip Łucja Antoni Oliwia Stanisław Agnieszka Tomasz Małgorzata Paweł Kinga Michał"), strings.Fields("Nowak Kowalski Wiśniewski Wójcik Kamiński Lewandowski Zieliński Szymański Woźniak Dąbrowski Kozłowski Mazur Jankowski Król Wróbel Pawlak")},
}

// crowd draws n people.
func crowd(r *rand.Rand, n int) []*person {
	total := 0
	for _, l := range lands {
		total += l.weight
	}
	taken := map[string]int{}
	people := make([]*person, n)
	for i := range people {
		p := &person{id: fmt.Sprintf("%s%05d", IDPrefix, i+1), pace: 38 * math.Exp(r.NormFloat64()*0.45)}
		x := r.IntN(total)
		for j := range lands {
			if x -= lands[j].weight; x < 0 {
				p.land = &lands[j]
				break
			}
		}
		p.first_, p.last = pick(r, p.land.first), pick(r, p.land.last)
		p.taste = drawTaste(r)
		local := ascii(p.first_) + pick(r, []string{".", ".", "", "_"}) + ascii(p.last)
		address := local + "@" + pick(r, []string{"web.example", "post.example", "mail.example", "inbox.example"})
		if taken[address]++; taken[address] > 1 {
			address = fmt.Sprintf("%s%d%s", local, taken[address], address[len(local):])
		}
		p.email = address
		people[i] = p
	}
	return people
}

// input makes a contact of the person.
func (p *person) input(r *rand.Rand, base time.Time) contacts.Input {
	created := base.Add(-days(r.Float64() * 700))
	if !p.first.IsZero() {
		created = p.first.Add(-days(r.ExpFloat64() * 4))
	}
	created = created.Truncate(time.Second)
	in := contacts.Input{
		ExternalID: p.id, Email: &p.email, FirstName: &p.first_, LastName: &p.last,
		Country: &p.land.country, Language: &p.land.language, Timezone: &p.land.timezone,
		CreatedAt:  &created,
		Attributes: map[string]any{"came_from": pick(r, []string{"checkout", "checkout", "checkout", "footer", "market stall"})},
	}
	switch x := r.Float64(); {
	case x < 0.85:
		in.Topics = map[string]string{Topic: "subscribed"}
	case x < 0.92:
		in.Topics = map[string]string{Topic: "unsubscribed"}
	case x < 0.95:
		in.Topics = map[string]string{Topic: "pending"}
	}
	return in
}

// spoil adds what real data has: people without an address, the same address
// twice, suppressed ones, and addresses whose server refuses.
func spoil(r *rand.Rand, s *Shop, people []*person) {
	n := len(s.Contacts)
	if n < 100 {
		return
	}
	order := r.Perm(n)
	take := func(share float64, least int) []int {
		k := max(int(float64(n)*share), least)
		out := order[:k]
		order = order[k:]
		return out
	}
	for _, i := range take(0.008, 1) {
		s.Contacts[i].Email = nil
	}
	for _, i := range take(0.006, 1) {
		j := order[r.IntN(len(order))]
		again := strings.ToUpper(people[j].email[:1]) + people[j].email[1:]
		s.Contacts[i].Email = &again
	}
	causes := []Suppression{{"", "bounce", "550 5.1.1 mailbox gone"}, {"", "complaint", "feedback loop"}, {"", "manual", "asked on the phone"}, {"", "unsubscribe", ""}}
	for k, i := range take(0.007, 4) {
		sup := causes[k%len(causes)]
		sup.Email = people[i].email
		s.Suppressions = append(s.Suppressions, sup)
	}
	// The mail sandbox refuses these, so that a report shows more than successes.
	// They go to people whom the demo's campaign reaches.
	fit := s.fresh()
	refusing := []string{"perm-1@web.example", "greylist-1@post.example", "perm-2@mail.example", "greylist-2@web.example", "perm-3@web.example"}
	for _, i := range order {
		if len(refusing) == 0 {
			break
		}
		if c := &s.Contacts[i]; c.Topics[Topic] == "subscribed" && fit[c.ExternalID] {
			c.Email = &refusing[0]
			refusing = refusing[1:]
		}
	}
}

// fresh returns who bought coffee and no grinder yet.
func (s *Shop) fresh() map[string]bool {
	category := map[string]string{}
	for _, p := range s.Products {
		category[p.SKU] = *p.Category
	}
	coffee, grinder := map[string]bool{}, map[string]bool{}
	for _, o := range s.Orders {
		if o.Status != "placed" && o.Status != "paid" {
			continue
		}
		for _, item := range o.Items {
			switch category[item.SKU] {
			case "coffee":
				coffee[o.ContactExternalID] = true
			case "grinders":
				grinder[o.ContactExternalID] = true
			}
		}
	}
	for id := range grinder {
		delete(coffee, id)
	}
	return coffee
}

func byTime(orders []catalog.OrderInput) {
	slices.SortStableFunc(orders, func(a, b catalog.OrderInput) int {
		return cmp.Or(a.PlacedAt.Compare(b.PlacedAt), cmp.Compare(a.ContactExternalID, b.ContactExternalID))
	})
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

var letters = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "å", "a", "é", "e", "è", "e", "É", "e", "ë", "e", "ò", "o", "ï", "i",
	"ł", "l", "Ł", "l", "ś", "s", "ó", "o", "ń", "n", "ź", "z", "ą", "a", "Å", "a", "'", "", " ", "")

// ascii makes the local part of an address of a name.
func ascii(name string) string { return strings.ToLower(letters.Replace(name)) }
