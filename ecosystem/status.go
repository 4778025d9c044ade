package ecosystem

import "bonded.dev"

// StatusOf is the HTTP status (RFC 9110 section 15) for a kind of error. A
// dialect whose clients read a status in a way of their own maps it in Reply.
func StatusOf(k bonded.Kind) int {
	switch k {
	case bonded.Invalid:
		return 400
	case bonded.Unauthorized:
		return 401
	case bonded.Forbidden, bonded.Refused:
		return 403
	case bonded.NotFound:
		return 404
	case bonded.Conflict:
		return 409
	case bonded.TooLarge:
		return 413
	case bonded.Unsupported:
		return 422
	case bonded.TooMany:
		return 429
	case bonded.Unavailable:
		return 503
	}
	return 500
}
