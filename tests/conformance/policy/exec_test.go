package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

var execPath = regexp.MustCompile(`^/api/v1/namespaces/([^/]+)/pods/([^/]+)/exec$`)

// execDoor serves the subresource exec of Pods as a kubelet does, over SPDY; it returns where.
func execDoor(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		of := execPath.FindStringSubmatch(r.URL.Path)
		if of == nil {
			http.NotFound(w, r)
			return
		}
		if _, err := httpstream.Handshake(r, w, []string{remotecommand.StreamProtocolV4Name}); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		serveExec(w, r, of[1], of[2])
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// streams gathers what the client opens: error, stdout and stderr.
func streams(w http.ResponseWriter, r *http.Request) (httpstream.Connection, map[string]httpstream.Stream, error) {
	opened := make(chan httpstream.Stream, 8)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
		opened <- s
		return nil
	})
	if conn == nil {
		return nil, nil, errors.New("no upgrade")
	}
	found := map[string]httpstream.Stream{}
	for len(found) < 3 {
		select {
		case s := <-opened:
			found[s.Headers().Get(core.StreamType)] = s
		case <-time.After(10 * time.Second):
			return conn, nil, errors.New("streams are missing")
		}
	}
	return conn, found, nil
}

func serveExec(w http.ResponseWriter, r *http.Request, namespace, pod string) {
	conn, to, err := streams(w, r)
	if conn == nil {
		return
	}
	defer conn.Close()
	if err != nil {
		return
	}
	out, problem, err := inPod(namespace, pod, r.URL.Query()["command"])
	status := meta.Status{Status: meta.StatusSuccess}
	if err != nil {
		status = meta.Status{Status: meta.StatusFailure, Message: err.Error()}
	}
	text, _ := json.Marshal(status)
	io.Copy(to[core.StreamTypeStdout], bytes.NewReader(out))
	io.Copy(to[core.StreamTypeStderr], bytes.NewReader(problem))
	to[core.StreamTypeStdout].Close()
	to[core.StreamTypeStderr].Close()
	to[core.StreamTypeError].Write(text)
	to[core.StreamTypeError].Close()
	select { // the client hangs up when it has read all of it
	case <-conn.CloseChan():
	case <-time.After(10 * time.Second):
	}
}

// inPod runs "/agnhost connect ..." in the Pod's network namespace.
func inPod(namespace, pod string, command []string) (out, problem []byte, err error) {
	netns, err := os.ReadFile(filepath.Join(*pods, namespace, pod))
	if err != nil {
		return nil, nil, err
	}
	if len(command) < 2 || command[0] != "/agnhost" || command[1] != "connect" {
		return nil, nil, errors.New("only /agnhost connect is known: " + strings.Join(command, " "))
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	argv := append([]string{"netns", "exec", string(netns), self}, command[1:]...)
	cmd := exec.Command("ip", argv...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err = cmd.Run()
	return o.Bytes(), e.Bytes(), err
}

// connect does what agnhost's connect is documented to do: says TIMEOUT, REFUSED or OTHER on standard error.
func connect(args []string) int {
	timeout, protocol, target := 3*time.Second, "tcp", ""
	for _, arg := range args {
		if v, ok := strings.CutPrefix(arg, "--timeout="); ok {
			timeout, _ = time.ParseDuration(v)
		} else if v, ok := strings.CutPrefix(arg, "--protocol="); ok {
			protocol = v
		} else {
			target = arg
		}
	}
	err := dial(protocol, target, timeout)
	var wait net.Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &wait) && wait.Timeout():
		os.Stderr.WriteString("TIMEOUT\n")
	case isRefused(err):
		os.Stderr.WriteString("REFUSED\n")
	default:
		os.Stderr.WriteString("OTHER: " + err.Error() + "\n")
	}
	return 1
}
