package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	out "sigs.k8s.io/yaml"
)

// podsFS gives the suite's own manifests with every Deployment made into the Pods its controllers would make of it.
type podsFS struct{ of fs.FS }

func (p podsFS) Open(name string) (fs.File, error) { return p.of.Open(name) }

func (p podsFS) ReadFile(name string) ([]byte, error) {
	data, err := fs.ReadFile(p.of, name)
	if err != nil || !bytes.Contains(data, []byte("kind: Deployment")) {
		return data, err
	}
	return withPods(data)
}

func withPods(data []byte) ([]byte, error) {
	var all bytes.Buffer
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	for {
		o := unstructured.Unstructured{}
		if err := decoder.Decode(&o); err == io.EOF {
			return all.Bytes(), nil
		} else if err != nil {
			return nil, err
		}
		for _, made := range madeOf(o) {
			text, err := out.Marshal(made)
			if err != nil {
				return nil, err
			}
			all.WriteString("---\n")
			all.Write(text)
		}
	}
}

func madeOf(o unstructured.Unstructured) []map[string]any {
	if len(o.Object) == 0 {
		return nil
	}
	if o.GetKind() != "Deployment" {
		return []map[string]any{o.Object}
	}
	deployments.Store(o.GetNamespace()+"/"+o.GetName(), o.Object)
	replicas, found, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "replicas")
	n := 1
	if found {
		n, _ = strconv.Atoi(fmt.Sprint(replicas))
	}
	labels, _, _ := unstructured.NestedMap(o.Object, "spec", "template", "metadata", "labels")
	spec, _, _ := unstructured.NestedMap(o.Object, "spec", "template", "spec")
	spec["nodeName"] = "node"
	var pods []map[string]any
	for i := range n {
		pods = append(pods, map[string]any{
			"apiVersion": "v1", "kind": "Pod",
			"metadata": map[string]any{
				// the suite takes the last two words off to know the Deployment
				"name": fmt.Sprintf("%s-pod-%d", o.GetName(), i), "namespace": o.GetNamespace(), "labels": labels,
			},
			"spec": spec,
			// whoever runs the Pod says when it is: run.py
			"status": map[string]any{"conditions": []any{
				map[string]any{"type": "Ready", "status": "False", "reason": "ContainersNotReady"},
			}},
		})
	}
	return pods
}

// deployments, by "namespace/name", that Pods were made of.
var deployments sync.Map

// standIn answers for what no knetd serves: Deployments, and the logs of Pods; all else goes on.
type standIn struct {
	http.RoundTripper
	folder string
}

var (
	logPath        = regexp.MustCompile(`^/api/v1/namespaces/([^/]+)/pods/([^/]+)/log$`)
	deploymentPath = regexp.MustCompile(`^/apis/apps/v1/namespaces/([^/]+)/deployments/([^/]+)$`)
)

func (s standIn) RoundTrip(r *http.Request) (*http.Response, error) {
	if of := logPath.FindStringSubmatch(r.URL.Path); of != nil {
		return s.log(r, of[1], of[2])
	}
	if of := deploymentPath.FindStringSubmatch(r.URL.Path); of != nil {
		return deployment(r, of[1]+"/"+of[2])
	}
	return s.RoundTripper.RoundTrip(r)
}

func answer(r *http.Request, kind, text string) *http.Response {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(text)),
	}
}

func deployment(r *http.Request, key string) (*http.Response, error) {
	found, ok := deployments.Load(key)
	if !ok {
		return nil, fmt.Errorf("no Deployment %s", key)
	}
	text, err := json.Marshal(found)
	return answer(r, "application/json", string(text)), err
}

func (s standIn) log(r *http.Request, namespace, pod string) (*http.Response, error) {
	var since time.Time
	if text := r.URL.Query().Get("sinceTime"); text != "" {
		var err error
		if since, err = time.Parse(time.RFC3339, text); err != nil {
			return nil, err
		}
	}
	text, err := linesSince(filepath.Join(s.folder, namespace, pod), since)
	if err != nil {
		return nil, err
	}
	return answer(r, "text/plain", text), nil
}

func linesSince(path string, since time.Time) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	var text strings.Builder
	for lines := bufio.NewScanner(file); lines.Scan(); {
		stamp, line, _ := strings.Cut(lines.Text(), " ")
		if at, err := strconv.ParseInt(stamp, 10, 64); err == nil && !time.Unix(0, at).Before(since) {
			text.WriteString(line + "\n")
		}
	}
	return text.String(), nil
}
