package serve

import (
	"net/http"
	"strings"
)

// leaksPath is where reports of leaked tokens are taken, and below it those of
// code hosts that sign them. The room that answers sits behind Config.Leaks.
const leaksPath = "/api/v1/leaks"

// leak hands a request to Config.Leaks; false when it is none for it.
func (h *Handler) leak(w http.ResponseWriter, r *http.Request, path string) bool {
	if h.Leaks == nil || path != leaksPath && !strings.HasPrefix(path, leaksPath+"/") {
		return false
	}
	h.Leaks.ServeHTTP(w, r)
	return true
}
