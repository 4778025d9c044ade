package pypi

import (
	"net/url"
	"strings"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// What an ask is about, for Draft and Reply.
const (
	opUpload        = "upload"
	opXMLRPC        = "xmlrpc"         // what "pip search" speaks
	opNotAcceptable = "not-acceptable" // no serialization that the client takes
	opWrongMethod   = "wrong-method"
	opAudience      = "audience"
	opMint          = "mint-token"
)

// Ask reads a request. The URLs, below /pypi/:
//
//	simple/                        all projects (PEP 503, 691)
//	simple/NAME/                   one project
//	files/NAME/FILE                a wheel or source distribution
//	files/NAME/FILE.metadata       the METADATA of a wheel (PEP 658)
//	upload/                        the upload form, POST
func (e Ecosystem) Ask(r ecosystem.Request) (ecosystem.Ask, error) {
	seg := strings.Split(r.Path, "/")
	for i := range seg {
		s, err := url.PathUnescape(seg[i])
		if err != nil {
			return ecosystem.Ask{}, bonded.Errorf(bonded.Invalid, "the URL holds a broken escape sequence")
		}
		seg[i] = s
	}
	if seg[0] == "upload" && (len(seg) == 1 || len(seg) == 2 && seg[1] == "") {
		return askUpload(r), nil
	}
	if seg[0] == "_" {
		return askTrusted(r, strings.Join(seg[1:], "/"))
	}
	if r.Method == "POST" && strings.Contains(r.Header("Content-Type"), "xml") {
		return ecosystem.Ask{Verb: ecosystem.Answer, Op: opXMLRPC}, nil
	}
	a, err := e.askPage(r, seg)
	if err == nil && r.Method != "GET" && r.Method != "HEAD" {
		return ecosystem.Ask{Verb: ecosystem.Answer, Op: opWrongMethod}, nil
	}
	return a, err
}

// askUpload takes upload without its slash too: clients do not follow a
// redirect with a body.
func askUpload(r ecosystem.Request) ecosystem.Ask {
	if r.Method != "POST" {
		return ecosystem.Ask{Verb: ecosystem.Answer, Op: opWrongMethod, Form: "POST"}
	}
	return ecosystem.Ask{Verb: ecosystem.Publish, Op: opUpload, Auth: true, Form: r.Header("Content-Type")}
}

// askTrusted reads what build jobs ask for at the root of the host, whatever the
// path of the upload URL is: twine, uv and the publishing action (PEP 807 calls
// it the present practice). Some name their platform in the path; the token says
// it anyway.
func askTrusted(r ecosystem.Request, path string) (ecosystem.Ask, error) {
	switch {
	case path == "oidc/audience" && (r.Method == "GET" || r.Method == "HEAD"):
		return ecosystem.Ask{Verb: ecosystem.Audience, Op: opAudience}, nil
	case (path == "oidc/mint-token" || strings.HasPrefix(path, "oidc/") && strings.HasSuffix(path, "/mint-token") && strings.Count(path, "/") == 2) && r.Method == "POST":
		return ecosystem.Ask{Verb: ecosystem.Exchange, Op: opMint, Member: "token"}, nil
	}
	return ecosystem.Ask{}, bonded.Errorf(bonded.NotFound, "nothing is here; build jobs ask for _/oidc/audience and post to _/oidc/mint-token")
}

func (e Ecosystem) askPage(r ecosystem.Request, seg []string) (ecosystem.Ask, error) {
	switch {
	case len(seg) == 1 && (seg[0] == "" || seg[0] == "simple"):
		return redirect(r, "simple/"), nil
	case len(seg) == 2 && seg[0] == "simple" && seg[1] == "":
		return negotiate(r, bonded.Name{}, id+"/simple/"), nil
	case len(seg) == 2 && seg[0] == "simple", len(seg) == 3 && seg[0] == "simple" && seg[2] == "":
		n, err := e.Name(seg[1])
		switch {
		case err != nil:
			return ecosystem.Ask{}, bonded.Errorf(bonded.NotFound, "there is no project \"%s\": %v", show(seg[1]), err)
		case len(seg) == 2:
			return redirect(r, n.Key+"/"), nil
		case n.Key != seg[1]:
			return redirect(r, "../"+n.Key+"/"), nil
		}
		return negotiate(r, n, id+"/simple/"+n.Key+"/"), nil
	case len(seg) == 3 && seg[0] == "files":
		return e.askFile(seg[1], seg[2])
	case len(seg) > 1 && seg[len(seg)-1] == "json":
		return ecosystem.Ask{}, bonded.Errorf(bonded.NotFound, "this repository has no NAME/json documents, which no standard describes; ask for simple/NAME/ with Accept: %s", typeJSON)
	}
	return ecosystem.Ask{}, bonded.Errorf(bonded.NotFound, "nothing is here; the index is at simple/ and uploads go to upload/")
}

// askFile takes only the spelling under which files are kept: pages link to no other.
func (e Ecosystem) askFile(key, name string) (ecosystem.Ask, error) {
	file, isMetadata := strings.CutSuffix(name, ".metadata")
	f, err := parseFile(file)
	if err != nil || f.key != key || f.String() != file || isMetadata && f.kind != wheelType {
		return ecosystem.Ask{}, bonded.Errorf(bonded.NotFound, "there is no file \"%s\" of the project \"%s\"; the links in simple/ name those there are", show(name), show(key))
	}
	n := bonded.Name{Ecosystem: id, Key: key, Display: key}
	a := ecosystem.Ask{
		Verb: ecosystem.Fetch, Name: n, Version: f.version.identity(), File: file,
		Path: e.ArtifactPath(n, "", name), Artifact: !isMetadata, Type: "application/octet-stream",
	}
	if isMetadata {
		a.Type = typeMetadata
	}
	return a, nil
}

// redirect is relative, so that it holds behind any proxy.
func redirect(r ecosystem.Request, to string) ecosystem.Ask {
	if f := r.Query.Get("format"); f != "" {
		to += "?format=" + url.QueryEscape(f)
	}
	return ecosystem.Ask{Verb: ecosystem.Fetch, Redirect: to}
}

// negotiate picks a serialization for the page in dir.
func negotiate(r ecosystem.Request, n bonded.Name, dir string) ecosystem.Ask {
	switch serialization(r.Query.Get("format"), r.Header("Accept")) {
	case typeJSON:
		return ecosystem.Ask{Verb: ecosystem.Fetch, Name: n, Path: dir + "index.json", Type: typeJSON}
	case typeHTML:
		return ecosystem.Ask{Verb: ecosystem.Fetch, Name: n, Path: dir + "index.html", Type: typePage}
	}
	return ecosystem.Ask{Verb: ecosystem.Answer, Name: n, Op: opNotAcceptable}
}
