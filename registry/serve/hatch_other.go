//go:build !linux

package serve

import (
	"errors"
	"time"
)

// canSendFile is false where sending from a shared descriptor at an offset is
// another call, or none; package http serves files there.
const canSendFile = false

func (c *conn) sendFile(*body, time.Time) error { return errors.ErrUnsupported }
