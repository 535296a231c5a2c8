package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// standIn answers for StatefulSets, which no knetd serves: creating one creates its Pods, and it is as ready as they
// are. All else goes on.
type standIn struct {
	http.RoundTripper
	sets sync.Map // of "namespace/name"
}

var setPath = regexp.MustCompile(`^/apis/apps/v1/namespaces/([^/]+)/statefulsets(?:/([^/]+))?$`)

const replicas = 2

func (s *standIn) RoundTrip(r *http.Request) (*http.Response, error) {
	of := setPath.FindStringSubmatch(r.URL.Path)
	if of == nil {
		return s.RoundTripper.RoundTrip(r)
	}
	switch r.Method {
	case http.MethodPost:
		return s.create(r, of[1])
	case http.MethodGet:
		return s.get(r, of[1], of[2])
	}
	return answer(r, http.StatusMethodNotAllowed, meta.Status{Status: meta.StatusFailure, Code: http.StatusMethodNotAllowed}), nil
}

func answer(r *http.Request, code int, body any) *http.Response {
	text, _ := json.Marshal(body)
	return &http.Response{
		Status: http.StatusText(code), StatusCode: code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(text)),
	}
}

// call asks knetd itself.
func (s *standIn) call(r *http.Request, method, path string, body any) (*unstructured.Unstructured, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	to := &url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Path: path}
	request, err := http.NewRequestWithContext(r.Context(), method, to.String(), bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	request.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": r.Header["Authorization"]}
	response, err := s.RoundTripper.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", path, said)
	}
	o := &unstructured.Unstructured{}
	if err == nil {
		err = json.Unmarshal(said, &o.Object)
	}
	return o, err
}

func (s *standIn) create(r *http.Request, namespace string) (*http.Response, error) {
	set := &unstructured.Unstructured{}
	if err := json.NewDecoder(r.Body).Decode(&set.Object); err != nil {
		return nil, err
	}
	labels, _, _ := unstructured.NestedMap(set.Object, "spec", "template", "metadata", "labels")
	spec, _, _ := unstructured.NestedMap(set.Object, "spec", "template", "spec")
	shared, _ := spec["hostNetwork"].(bool)
	for i := range replicas {
		spec["nodeName"] = "node"
		if shared { // each has the same ports: run_policy.py has more nodes, which are nothing but addresses
			spec["nodeName"] = fmt.Sprintf("other-%d", i)
		}
		name := fmt.Sprintf("%s-%d", set.GetName(), i)
		labels["statefulset.kubernetes.io/pod-name"] = name // as the controller of StatefulSets does
		pod := map[string]any{
			"apiVersion": "v1", "kind": "Pod",
			"metadata": map[string]any{"name": name, "namespace": namespace, "labels": labels},
			"spec":     spec,
		}
		if _, err := s.call(r, http.MethodPost, "/api/v1/namespaces/"+namespace+"/pods", pod); err != nil {
			return nil, err
		}
	}
	s.sets.Store(namespace+"/"+set.GetName(), set)
	return answer(r, http.StatusCreated, set.Object), nil
}

func isReady(pod *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(pod.Object, "status", "conditions")
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok && m["type"] == "Ready" && m["status"] == "True" && m["reason"] == "ContainersReady" {
			return true
		}
	}
	return false
}

func (s *standIn) get(r *http.Request, namespace, name string) (*http.Response, error) {
	found, ok := s.sets.Load(namespace + "/" + name)
	if !ok {
		return answer(r, http.StatusNotFound, meta.Status{
			TypeMeta: meta.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: meta.StatusFailure,
			Reason: meta.StatusReasonNotFound, Code: http.StatusNotFound, Message: strings.Join([]string{namespace, name}, "/"),
		}), nil
	}
	ready := int64(0)
	for i := range replicas {
		pod, err := s.call(r, http.MethodGet, fmt.Sprintf("/api/v1/namespaces/%s/pods/%s-%d", namespace, name, i), nil)
		if err == nil && isReady(pod) {
			ready++
		}
	}
	set := found.(*unstructured.Unstructured).DeepCopy()
	unstructured.SetNestedField(set.Object, ready, "status", "readyReplicas")
	return answer(r, http.StatusOK, set.Object), nil
}
