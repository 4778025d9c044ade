package web

import "slices"

// all joins the routes of every topic. A topic is a file that has a function
// returning its routes, and a line here.
func (p *Pages) all() []Route {
	return slices.Concat(
		p.signInRoutes(),
		p.changeRoutes(),
		p.enrolRoutes(),
		p.recoverRoutes(),
		p.accountRoutes(),
		p.factorRoutes(),
		p.tokenRoutes(),
		p.deviceRoutes(),
		p.journalRoutes(),
		p.dataRoutes(),
		p.operatorRoutes(),
		p.packageRoutes(),
		p.settingsRoutes(),
		p.publisherRoutes(),
		p.reviewRoutes(),
		p.orgRoutes(),
		p.invitationRoutes(),
		p.adoptionRoutes(),
	)
}
