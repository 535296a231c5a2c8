// The conformance suite of network-policy-api (ClusterNetworkPolicy), as it is, against a knetd: `go test -c` makes it
// a program, ../run_policy.py runs it.
//
// The suite wants a cluster. What knetd has not is stood in for here: StatefulSets become Pods (pods_test.go), which
// run_policy.py attaches; `exec` into them is a process in their network namespaces (exec_test.go).
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	k8s "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	api "sigs.k8s.io/network-policy-api/apis/v1beta1"
	"sigs.k8s.io/network-policy-api/conformance/tests"
	timeouts "sigs.k8s.io/network-policy-api/conformance/utils/config"
	"sigs.k8s.io/network-policy-api/conformance/utils/suite"
)

var (
	pods    = flag.String("pods", "", "folder that names the Pods' network namespaces: NAMESPACE/POD")
	summary = flag.String("summary", "", "file that gets a line of JSON a test")
	only    = flag.String("only", "", "comma-separated names of the tests to run; all when empty")
)

// A process of a Pod is this program too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "connect" {
		os.Exit(connect(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		os.Exit(serve(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// mapper knows StatefulSets besides what knetd serves.
func mapper(t *testing.T, to *rest.Config) meta.RESTMapper {
	over, err := rest.HTTPClientFor(to)
	require.NoError(t, err)
	served, err := apiutil.NewDynamicRESTMapper(to, over)
	require.NoError(t, err)
	ours := meta.NewDefaultRESTMapper(nil)
	ours.Add(apps.SchemeGroupVersion.WithKind("StatefulSet"), meta.RESTScopeNamespace)
	return meta.FirstHitRESTMapper{MultiRESTMapper: meta.MultiRESTMapper{ours, served}}
}

func wanted(test suite.ConformanceTest) bool {
	return *only == "" || strings.Contains(","+*only+",", ","+test.ShortName+",")
}

// told writes what became of a test, for run_policy.py to sum up.
func told(file *os.File, began time.Time, test suite.ConformanceTest, result string) {
	line, err := json.Marshal(map[string]any{
		"name": test.ShortName, "result": result, "features": test.Features, "at": time.Since(began).Seconds(),
	})
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(file, "%s\n", line)
}

func result(t *testing.T) string {
	if t.Failed() {
		return "fail"
	} else if t.Skipped() {
		return "skip"
	}
	return "pass"
}

func TestPolicy(t *testing.T) {
	cfg, err := config.GetConfig()
	require.NoError(t, err)
	cfg.QPS, cfg.Burst = -1, -1 // nobody has to be spared
	require.NoError(t, rest.LoadTLSFiles(cfg))
	cfg.WrapTransport = func(rt http.RoundTripper) http.RoundTripper { return &standIn{RoundTripper: rt} }
	c, err := client.New(cfg, client.Options{Mapper: mapper(t, cfg)})
	require.NoError(t, err)
	require.NoError(t, api.Install(c.Scheme()))
	door := rest.Config{Host: execDoor(t)}
	clients, err := k8s.NewForConfig(&door)
	require.NoError(t, err)
	file, err := os.Create(*summary)
	require.NoError(t, err)
	t.Cleanup(func() { file.Close() })

	// knetd's policies are in force before a write is answered: a short look shows what holds.
	waits := timeouts.DefaultTimeoutConfig()
	waits.NamespacesMustBeReady = 60 * time.Second
	waits.RequestTimeout, waits.PokeTimeout, waits.PokeInterval = time.Second, 4*time.Second, 100*time.Millisecond
	s := suite.New(suite.Options{
		Client: c, ClientSet: clients, KubeConfig: door, EnableAllSupportedFeatures: true, TimeoutConfig: waits,
	})
	s.Setup(t)
	began := time.Now()
	for _, test := range tests.ConformanceTests {
		if !wanted(test) {
			continue
		}
		t.Run(test.ShortName, func(t *testing.T) {
			t.Cleanup(func() { told(file, began, test, result(t)) })
			test.Run(t, s)
		})
	}
}
