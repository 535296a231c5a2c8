// The conformance suite of the Gateway API, as it is, against a knetd: `go test -c` makes it a program, run.py runs it.
//
// The suite wants a cluster. What knetd has not is stood in for here: Deployments become Pods (pods_test.go), which
// run.py attaches and runs; the logs of these Pods are files; the definitions of the Gateway API's kinds are knetd's own.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apps "k8s.io/api/apps/v1"
	crd "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/gateway-api/conformance"
	"sigs.k8s.io/gateway-api/conformance/tests"
	"sigs.k8s.io/gateway-api/conformance/utils/config"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
	"sigs.k8s.io/gateway-api/pkg/consts"
	"sigs.k8s.io/gateway-api/pkg/features"
)

var (
	logs    = flag.String("logs", "", "folder of the Pods' logs: NAMESPACE/POD, lines of \"NANOSECONDS text\"")
	summary = flag.String("summary", "", "file that gets a line of JSON a test")
	only    = flag.String("only", "", "comma-separated names of the tests to run; all when empty")
	patient = flag.Bool("patient", false, "wait as long as the suite does by itself")
)

// definitions answers the one question about CustomResourceDefinitions: which version and channel is served.
type definitions struct{ client.Client }

func (d definitions) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	found, ok := list.(*crd.CustomResourceDefinitionList)
	if !ok {
		return d.Client.List(ctx, list, opts...)
	}
	one := crd.CustomResourceDefinition{}
	one.Name = "gateways.gateway.networking.k8s.io"
	one.Annotations = map[string]string{
		consts.BundleVersionAnnotation: consts.BundleVersion,
		consts.ChannelAnnotation:       "experimental",
	}
	found.Items = append(found.Items, one)
	return nil
}

// hurried: knetd answers within milliseconds, so a condition that has not come after some seconds never will.
func hurried() config.TimeoutConfig {
	soon, later := 3*time.Second, 8*time.Second
	t := config.DefaultTimeoutConfig()
	for _, d := range []*time.Duration{
		&t.GatewayMustHaveAddress, &t.GatewayMustHaveCondition, &t.GatewayStatusMustHaveListeners,
		&t.GatewayListenersMustHaveConditions, &t.ListenerSetMustHaveCondition, &t.ListenerSetListenersMustHaveConditions,
		&t.GWCMustBeAccepted, &t.HTTPRouteMustNotHaveParents, &t.HTTPRouteMustHaveCondition,
		&t.TLSRouteMustHaveCondition, &t.TCPRouteMustHaveCondition, &t.UDPRouteMustHaveCondition,
		&t.RouteMustHaveParents, &t.LatestObservedGenerationSet,
	} {
		*d = soon
	}
	t.MaxTimeToConsistency, t.DefaultTestTimeout = later, later
	t.NamespacesMustBeReady = 60 * time.Second // Pods are processes to be started
	t.DefaultPollInterval = 10 * time.Millisecond
	return t
}

// told writes what became of a test, and how long it took, for run.py to sum up.
func told(t *testing.T, file *os.File) func(*testing.T, suite.ConformanceTest, *suite.ConformanceTestSuite) {
	began := time.Now()
	return func(sub *testing.T, test suite.ConformanceTest, _ *suite.ConformanceTestSuite) {
		result := "pass"
		if sub.Failed() {
			result = "fail"
		} else if sub.Skipped() {
			result = "skip"
		}
		line, err := json.Marshal(map[string]any{
			"name": test.ShortName, "result": result, "features": test.Features, "at": time.Since(began).Seconds(),
		})
		require.NoError(t, err)
		fmt.Fprintf(file, "%s\n", line)
	}
}

func TestGateway(t *testing.T) {
	opts := conformance.DefaultOptions(t)
	wrap := opts.RestConfig.WrapTransport
	opts.RestConfig.WrapTransport = func(rt http.RoundTripper) http.RoundTripper {
		if wrap != nil {
			rt = wrap(rt)
		}
		return standIn{rt, *logs}
	}
	opts.RestConfig.QPS, opts.RestConfig.Burst = -1, -1 // nobody has to be spared
	require.NoError(t, rest.LoadTLSFiles(opts.RestConfig))
	opts.ClientOptions.Mapper = mapper(t, opts.RestConfig)
	opts.Client = definitions{opts.Client}
	opts.ManifestFS = []fs.FS{podsFS{&conformance.Manifests}}
	if opts.EnableAllSupportedFeatures { // a mesh is no gateway
		opts.ExemptFeatures = append(opts.ExemptFeatures,
			features.SetsToNamesSet(features.MeshCoreFeatures, features.MeshExtendedFeatures).UnsortedList()...)
	}
	if !*patient {
		opts.TimeoutConfig = hurried()
	}
	if *only != "" {
		opts.SkipTests = append(opts.SkipTests, allBut(*only)...)
	}
	if *summary != "" {
		file, err := os.Create(*summary)
		require.NoError(t, err)
		t.Cleanup(func() { file.Close() }) // tests that run side by side end after this function
		opts.Hook = told(t, file)
	}
	conformance.RunConformanceWithOptions(t, opts)
}

// mapper knows Deployments besides what knetd serves: podsFS keeps those it has made into Pods.
func mapper(t *testing.T, to *rest.Config) meta.RESTMapper {
	over, err := rest.HTTPClientFor(to)
	require.NoError(t, err)
	served, err := apiutil.NewDynamicRESTMapper(to, over)
	require.NoError(t, err)
	ours := meta.NewDefaultRESTMapper(nil)
	ours.Add(apps.SchemeGroupVersion.WithKind("Deployment"), meta.RESTScopeNamespace)
	return meta.FirstHitRESTMapper{MultiRESTMapper: meta.MultiRESTMapper{ours, served}}
}

func allBut(names string) (rest []string) {
	wanted := map[string]bool{}
	for _, name := range suite.ParseSkipTests(names) {
		wanted[name] = true
	}
	for _, test := range tests.ConformanceTests {
		if !wanted[test.ShortName] {
			rest = append(rest, test.ShortName)
		}
	}
	return rest
}
