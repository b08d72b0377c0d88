package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/m2mauth/m2mauth/redisfleet"
)

// redis is a server that ends with the example.
type redis struct {
	server redisfleet.Server
	cmd    *exec.Cmd
	folder string
}

var errNoServer = errors.New("redis-server is missing. Install it (Debian, Ubuntu: apt-get install redis-server; " +
	"Fedora: dnf install valkey; macOS: brew install redis), or name it by -server")

// find returns the path of the server's program.
func find(program string) (string, error) {
	names := []string{program}
	if program == "" {
		names = []string{"redis-server", "valkey-server"}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoServer
}

// startRedis starts a server on loopback that keeps what is published: an append-only
// file, and no eviction.
func startRedis(ctx context.Context, program string) (*redis, error) {
	path, err := find(program)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") // for a free port
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(addr)
	folder, err := os.MkdirTemp("", "incident-*")
	if err != nil {
		return nil, err
	}
	r := &redis{server: redisfleet.Server{Addr: addr}, folder: folder, cmd: exec.Command(path, "--bind", "127.0.0.1", "--port", port, "--dir", folder,
		"--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction")}
	if err := r.cmd.Start(); err != nil {
		os.RemoveAll(folder)
		return nil, err
	}
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return r, nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			r.close()
			return nil, fmt.Errorf("redis-server does not listen: %w", context.Cause(ctx))
		}
	}
}

func (r *redis) close() {
	r.cmd.Process.Kill()
	r.cmd.Wait()
	os.RemoveAll(r.folder)
}
