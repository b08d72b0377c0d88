package frameworks

import (
	"archive/zip"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	ourModule  = "github.com/m2mauth/m2mauth"
	ourVersion = "v0.0.1"
	repository = "../.."
)

// publishModules writes a module proxy (go help goproxy) with the modules of this
// repository, as they are in the folders now. It returns its absolute path.
func publishModules(t *testing.T, dir string) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = repository
	out, err := list.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	files := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	folders := make(map[string]bool)
	for _, file := range files {
		if path.Base(file) == "go.mod" {
			folders[path.Dir(file)] = true
		}
	}
	byModule := make(map[string][]string)
	for _, file := range files {
		folder := path.Dir(file)
		for !folders[folder] {
			folder = path.Dir(folder)
		}
		byModule[folder] = append(byModule[folder], file)
	}
	for folder, files := range byModule {
		publish(t, dir, folder, files)
	}
	return dir
}

var (
	replaced = regexp.MustCompile(`(?m)^replace .*\n`)
	required = regexp.MustCompile(`(` + regexp.QuoteMeta(ourModule) + `[a-z0-9/]*) v\S+`)
)

// publish writes the files of one module as the proxy serves them. Its go.mod requires
// the others by version, as that of a release does.
func publish(t *testing.T, dir, folder string, files []string) {
	t.Helper()
	module := path.Join(ourModule, folder)
	at := filepath.Join(dir, filepath.FromSlash(module), "@v")
	if err := os.MkdirAll(at, 0o700); err != nil {
		t.Fatal(err)
	}
	archive, err := os.Create(filepath.Join(at, ourVersion+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	w := zip.NewWriter(archive)
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join(repository, filepath.FromSlash(file)))
		if os.IsNotExist(err) {
			continue // deleted, and not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(folder, file)
		if err != nil {
			t.Fatal(err)
		}
		if name == "go.mod" {
			text = replaced.ReplaceAll(text, nil)
			text = required.ReplaceAll(text, []byte("$1 "+ourVersion))
			for ext, content := range map[string]string{
				".mod": string(text), ".info": `{"Version":"` + ourVersion + `"}`,
			} {
				write(t, filepath.Join(at, ourVersion+ext), content)
			}
			write(t, filepath.Join(at, "list"), ourVersion+"\n")
		}
		entry, err := w.Create(module + "@" + ourVersion + "/" + filepath.ToSlash(name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
