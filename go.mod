module bonded.dev

go 1.26.0

// Versions that some dependency's own tests ask for and that not every module
// proxy serves; nothing here is built from them.
exclude (
	github.com/google/pprof v0.0.0-20261016150608-1facf8f91b50
	golang.org/x/exp v0.0.0-20261011100332-faecfb24eb49
)
