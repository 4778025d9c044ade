package web

// signInRoutes are signing in and out, and the confirmation with a passkey.
func (p *Pages) signInRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/signin", Need: Anyone, Do: p.signInPage},
	}
}

func (p *Pages) signInPage(a *Ask) error { return a.Show("signin", nil) }
