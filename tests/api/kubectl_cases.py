"""What people type at kubectl, as a table: a case is a name, the clients it is for, and its steps.

A step is (arguments, expectation...). Arguments is a string split as a shell does; the case's own namespace is
put in. Expectations: keyword `stdin`; `code` (0); `has` and `hasnt`, texts (or lists of them) that the output,
both streams, must and must not contain; `like`, a regular expression for the whole output; `json`, a function
that gets the parsed standard output and returns what is true of it; `until`: ask again until it is so; `keep`, a
word that stands for the output from then on; `edit`, what sed does as the editor.
"""

OLD, NEW = "1.20", "1.32"
BOTH = (OLD, NEW)


def step(args, **expect):
    return args, expect


SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec:
  selector: {app: web}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: https, port: 443}
"""
LESS = SERVICE.replace("  - {name: https, port: 443}\n", "")
MORE = SERVICE + "  - {name: more, port: 99}\n"
BALANCER = """\
apiVersion: v1
kind: Service
metadata: {name: front}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  sessionAffinity: ClientIP
  loadBalancerSourceRanges: [192.0.2.0/24]
  ports:
  - {port: 80}
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web-0, labels: {app: web}}
spec:
  containers:
  - {name: c, image: web, ports: [{name: http, containerPort: 8080}]}
status:
  podIPs: [{ip: 10.244.0.77}]
  podIP: 10.244.0.77
  conditions: [{type: Ready, status: "True"}]
"""
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: site}
spec:
  ingressClassName: knetd
  rules:
  - host: site.example
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
"""
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: only-web}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: web}}}]
    ports: [{port: 5432, protocol: TCP}]
"""
CLUSTER_POLICY = """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: of-NAMESPACE}
spec:
  tier: Admin
  priority: 12
  subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}}}
  egress:
  - {name: no metadata, action: Deny, to: [{networks: [169.254.169.254/32]}], protocols: [{tcp: {destinationPort: {number: 80}}}]}
"""
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: red, size: "10"}
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: key}
stringData: {user: admin}
"""
SLICE = """\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ext-1, labels: {kubernetes.io/service-name: ext}}
addressType: IPv4
endpoints: [{addresses: [192.0.2.7], conditions: {ready: true}}]
ports: [{name: "", port: 9000, protocol: TCP}]
"""
ENDPOINTS = """\
apiVersion: v1
kind: Endpoints
metadata: {name: ext}
subsets: [{addresses: [{ip: 192.0.2.9}], ports: [{port: 9000}]}]
"""
HEADLESS = """\
apiVersion: v1
kind: Service
metadata: {name: ext}
spec: {ports: [{port: 9000}]}
"""
GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: of-NAMESPACE}
spec: {controllerName: example.com/none}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: of-NAMESPACE
  listeners: [{name: http, port: 80, protocol: HTTP}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: route}
spec:
  parentRefs: [{name: edge}]
  hostnames: [site.example]
  rules:
  - matches: [{path: {type: PathPrefix, value: /}}]
    backendRefs: [{name: web, port: 80}]
"""
ROUTE_BETA = """\
apiVersion: gateway.networking.k8s.io/v1beta1
kind: HTTPRoute
metadata: {name: old}
spec: {hostnames: [old.example], rules: [{backendRefs: [{name: web, port: 80}]}]}
"""
OWNER = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: owner}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: held
  finalizers: [example.com/hold]
"""

apply = lambda text, **e: step("apply -f -", stdin=text, **e)
create = lambda text, **e: step("create -f -", stdin=text, **e)
WEB = apply(SERVICE, has="service/web created")

CASES = [
    # ---- what there is
    ("api-resources", BOTH, [step("api-resources", has=["services", "endpointslices", "Ingress", "netpol", "HTTPRoute", "podnetworks"])]),
    ("api-resources by group", BOTH, [step("api-resources --api-group=networking.k8s.io -o name", like=r"(?s).*ingresses\.networking\.k8s\.io.*")]),
    ("api-resources by verb", BOTH, [step("api-resources --verbs=list,deletecollection --namespaced -o name", has="pods", hasnt="podnetworks")]),
    ("api-versions", BOTH, [step("api-versions", has=["v1", "discovery.k8s.io/v1", "networking.k8s.io/v1", "gateway.networking.k8s.io/v1", "knetd.io/v1alpha1"])]),
    ("version", BOTH, [step("version -o json", json=lambda o: o["serverVersion"]["gitVersion"].startswith("v1."))]),
    ("cluster-info", BOTH, [step("cluster-info", has="is running at")]),
    ("get --raw", BOTH, [step("get --raw /healthz", has="ok"), step("get --raw /api/v1/namespaces/default", json=lambda o: o["kind"] == "Namespace")]),
    ("explain a kind", BOTH, [step("explain services", has=["KIND:", "Service", "spec"])]),
    ("explain a field", BOTH, [step("explain service.spec.ports", has=["targetPort", "nodePort", "protocol"])]),
    ("explain recursive", BOTH, [step("explain ingress.spec --recursive", has=["ingressClassName", "pathType", "secretName"])]),
    ("explain a custom kind", (NEW,), [step("explain httproute.spec.rules", has=["backendRefs", "matches", "filters"])]),
    ("can-i", BOTH, [step("auth can-i create services", has="yes")]),
    ("whoami", (NEW,), [step("auth whoami -o json", json=lambda o: bool(o["status"]["userInfo"]["username"]))]),
    # ---- create
    ("create -f", BOTH, [create(SERVICE, has="service/web created"), create(SERVICE, code=1, has="already exists")]),
    ("create -f from JSON", BOTH, [step("create -f -", stdin='{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"j"},"data":{"a":"b"}}', has="configmap/j created")]),
    ("create --save-config, then apply", BOTH, [step("create --save-config -f -", stdin=SERVICE, has="created"), apply(LESS, has="configured"),
                                                step("get svc web -o json", json=lambda o: len(o["spec"]["ports"]) == 1)]),
    ("create a List", BOTH, [create("apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n", has=["configmap/a created", "configmap/b created"])]),
    ("create several documents", BOTH, [create(SERVICE + "---\n" + CONFIG, has=["service/web created", "configmap/settings created"])]),
    ("create with generateName", BOTH, [create(CONFIG.replace("name: settings", "generateName: gen-"), like=r"configmap/gen-[a-z0-9]{5} created\n"),
                                        step("get cm -o name", has="configmap/gen-")]),
    ("create service clusterip", BOTH, [step("create service clusterip two --tcp=80:8080", has="service/two created"),
                                        step("get svc two -o jsonpath={.spec.ports[0].targetPort}", like="8080")]),
    ("create service nodeport", BOTH, [step("create service nodeport np --tcp=80", has="service/np created"),
                                       step("get svc np -o json", json=lambda o: 30000 <= o["spec"]["ports"][0]["nodePort"] <= 32767)]),
    ("create service loadbalancer", BOTH, [step("create service loadbalancer lb --tcp=80", has="service/lb created"), step("get svc lb", has=["LoadBalancer", "<pending>"])]),
    ("create service externalname", BOTH, [step("create service externalname en --external-name=example.com", has="service/en created"), step("get svc en", has="example.com")]),
    ("create configmap", BOTH, [step("create configmap c1 --from-literal=a=1 --from-literal=b=2", has="configmap/c1 created"),
                                step("get cm c1 -o jsonpath={.data.a}{.data.b}", like="12")]),
    ("create secret generic", BOTH, [step("create secret generic s1 --from-literal=pw=hunter2", has="secret/s1 created"),
                                     step("get secret s1 -o jsonpath={.data.pw}", like="aHVudGVyMg==")]),
    ("create ingress", BOTH, [step("create ingress i1 --class=knetd --rule=a.example/*=web:80", has="i1 created"),
                              step("get ingress i1", has=["knetd", "a.example", "80"])]),
    ("create namespace", BOTH, [step("create namespace NAMESPACE-x", has="namespace/NAMESPACE-x created"), step("get ns NAMESPACE-x", has="Active"),
                                step("delete ns NAMESPACE-x --timeout=20s", has="deleted")]),
    ("create --dry-run=server", BOTH, [step("create --dry-run=server -f -", stdin=SERVICE, has="created (server dry run)"), step("get svc web", code=1, has="not found")]),
    ("run", BOTH, [step("run box --image=busybox --port=80 --labels=app=box", has="pod/box created"), step("get pod box -o jsonpath={.spec.containers[0].image}", like="busybox")]),
    ("expose a pod", BOTH, [create(POD), step("expose pod web-0 --port=80 --target-port=8080 --name=exposed", has="service/exposed exposed"),
                            step("get svc exposed -o jsonpath={.spec.selector.app}", like="web")]),
    # ---- apply
    ("apply until it is as asked", BOTH, [WEB, apply(SERVICE, has="service/web unchanged"), apply(MORE, has="service/web configured"),
                                          step("get svc web -o json", json=lambda o: [p["port"] for p in o["spec"]["ports"]] == [80, 443, 99]),
                                          apply(LESS, has="configured"), step("get svc web -o json", json=lambda o: [p["port"] for p in o["spec"]["ports"]] == [80])]),
    ("apply keeps what others set", BOTH, [WEB, step("label svc web tier=front", has="labeled"), apply(SERVICE + "\n"), step("get svc web --show-labels", has="tier=front")]),
    ("apply of every kind twice", BOTH, [apply("---\n".join([SERVICE, POD, INGRESS, POLICY, CONFIG, SLICE]), has="created"),
                                         apply("---\n".join([SERVICE, POD, INGRESS, POLICY, CONFIG, SLICE]), hasnt=["configured", "created"])]),
    ("apply of Gateway kinds twice", BOTH, [apply(GATEWAY, has=["gatewayclass.gateway.networking.k8s.io/of-NAMESPACE created", "httproute.gateway.networking.k8s.io/route created"]),
                                            apply(GATEWAY, hasnt=["configured", "created"]), step("delete gatewayclass of-NAMESPACE", has="deleted")]),
    ("apply in an older version", BOTH, [apply(ROUTE_BETA, has="created"), step("get httproutes.v1beta1.gateway.networking.k8s.io old -o jsonpath={.apiVersion}", like="gateway.networking.k8s.io/v1beta1"),
                                         step("get httproutes.v1.gateway.networking.k8s.io old -o jsonpath={.apiVersion}", like="gateway.networking.k8s.io/v1")]),
    ("apply of stringData", BOTH, [apply(SECRET, has="created"), step("get secret key -o jsonpath={.data.user}", like="YWRtaW4="), step("get secret key -o json", json=lambda o: "stringData" not in o)]),
    ("apply --dry-run=server", BOTH, [WEB, step("apply --dry-run=server -f -", stdin=MORE, has="configured (server dry run)"),
                                      step("get svc web -o json", json=lambda o: len(o["spec"]["ports"]) == 2)]),
    ("apply --dry-run=client", BOTH, [step("apply --dry-run=client -f -", stdin=SERVICE, has="created (dry run)"), step("get svc web", code=1)]),
    ("apply view-last-applied", BOTH, [WEB, step("apply view-last-applied svc web", has="targetPort: 8080")]),
    ("apply set-last-applied", BOTH, [create(SERVICE), step("apply set-last-applied --create-annotation=true -f -", stdin=SERVICE, has="configured"), apply(LESS, has="configured"),
                                      step("get svc web -o json", json=lambda o: len(o["spec"]["ports"]) == 1)]),
    ("apply --prune", (NEW,), [step("apply --prune -l prune=yes --prune-allowlist=core/v1/ConfigMap -f -", stdin=CONFIG.replace("metadata: {name: settings", "metadata: {name: settings, labels: {prune: 'yes'}")),
                               step("apply --prune -l prune=yes --prune-allowlist=core/v1/ConfigMap -f -", stdin=CONFIG.replace("metadata: {name: settings", "metadata: {name: other, labels: {prune: 'yes'}"), has="configmap/settings pruned")]),
    ("apply --force of what cannot change", BOTH, [WEB, step("apply -f -", stdin=SERVICE.replace("spec:", "spec:\n  clusterIP: 10.96.77.77"), code=1, has=["spec.clusterIPs[0]", "may not change once set"])]),
    ("diff", BOTH, [WEB, step("diff -f -", stdin=SERVICE, code=0), step("diff -f -", stdin=MORE, code=1, has=["+  - ", "port: 99"]),
                    step("get svc web -o json", json=lambda o: len(o["spec"]["ports"]) == 2)]),
    ("edit", BOTH, [WEB, step("edit svc web", edit="s/port: 443/port: 8443/", has="service/web edited"), step("get svc web -o jsonpath={.spec.ports[*].port}", like="80 8443")]),
    ("edit without a change", BOTH, [WEB, step("edit svc web", edit="s/x^/y/", has="cancelled, no changes made")]),
    ("replace", BOTH, [create(SERVICE), step("replace -f -", stdin=LESS, has="service/web replaced"), step("get svc web -o json", json=lambda o: len(o["spec"]["ports"]) == 1)]),
    ("replace what is not there", BOTH, [step("replace -f -", stdin=SERVICE, code=1, has="not found")]),
    ("replace --force", BOTH, [create(SERVICE), step("replace --force -f -", stdin=LESS, has="replaced")]),
    # ---- server-side apply
    ("apply --server-side", (NEW,), [step("apply --server-side -f -", stdin=SERVICE, has="service/web serverside-applied"), step("apply --server-side -f -", stdin=LESS, has="serverside-applied"),
                                     step("get svc web -o json", json=lambda o: [p["port"] for p in o["spec"]["ports"]] == [80])]),
    ("server-side conflict", (NEW,), [step("apply --server-side -f -", stdin=CONFIG, has="serverside-applied"),
                                      step("apply --server-side --field-manager=other -f -", stdin=CONFIG.replace("red", "blue"), code=1, has=["conflict with \"kubectl\"", ".data.colour"]),
                                      step("apply --server-side --field-manager=other --force-conflicts -f -", stdin=CONFIG.replace("red", "blue"), has="serverside-applied"),
                                      step("get cm settings -o jsonpath={.data.colour}", like="blue")]),
    ("managed fields are told", (NEW,), [step("apply --server-side -f -", stdin=CONFIG), step("get cm settings -o yaml --show-managed-fields", has=["f:colour", "manager: kubectl", "operation: Apply"]),
                                         step("get cm settings -o yaml", hasnt="managedFields")]),
    ("from client-side to server-side apply", (NEW,), [WEB, step("apply --server-side -f -", stdin=LESS, has="serverside-applied"),
                                                       step("get svc web -o json", json=lambda o: [p["port"] for p in o["spec"]["ports"]] == [80])]),
    ("server-side dry run", (NEW,), [step("apply --server-side --dry-run=server -f -", stdin=SERVICE, has="serverside-applied (server dry run)"), step("get svc web", code=1)]),
    # ---- read
    ("get one", BOTH, [WEB, step("get svc web", like=r"(?s)NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\nweb +ClusterIP +10\.96\.\S+ +<none> +80/TCP,443/TCP +\d+s\n")]),
    ("get -o wide", BOTH, [WEB, step("get svc -o wide", has=["SELECTOR", "app=web"])]),
    ("get -o name", BOTH, [WEB, step("get svc,cm -o name", has="service/web")]),
    ("get -o yaml", BOTH, [WEB, step("get svc web -o yaml", has=["apiVersion: v1", "kind: Service", "  clusterIP: 10.96."])]),
    ("get -o custom-columns", BOTH, [WEB, step("get svc -o custom-columns=N:.metadata.name,P:.spec.ports[*].port", like=r"N +P\nweb +80,443\n")]),
    ("get -o go-template", BOTH, [WEB, step("get svc web -o go-template={{.metadata.name}}", like="web")]),
    ("get -l", BOTH, [WEB, create(CONFIG), step("get svc -l app=web -o name", has="service/web"), step("get svc -l app!=web", has="No resources found"),
                      step("get svc -l 'app in (web,api),!x' -o name", has="service/web")]),
    ("get --field-selector", BOTH, [WEB, step("get svc --field-selector metadata.name=web -o name", has="service/web"), step("get svc --field-selector spec.nonsense=1", code=1, has="field label not supported")]),
    ("get --sort-by", BOTH, [create(CONFIG), create(CONFIG.replace("settings", "another")), step("get cm --sort-by=.metadata.name -o name", like=r"(?s).*another.*settings.*")]),
    ("get --show-labels and -L", BOTH, [WEB, step("get svc --show-labels", has=["LABELS", "app=web"]), step("get svc -L app", has="APP")]),
    ("get several kinds", BOTH, [WEB, create(POD), step("get svc,pods", has=["service/web", "pod/web-0"])]),
    ("get all", BOTH, [WEB, create(POD), step("get all", has=["service/web", "pod/web-0"])]),
    ("get -A", BOTH, [WEB, step("get svc -A", has=["NAMESPACE", "web"])]),
    ("get --chunk-size", BOTH, [create(CONFIG), create(CONFIG.replace("settings", "b")), create(CONFIG.replace("settings", "c")), step("get cm --chunk-size=1 -o name", has=["settings", "configmap/b", "configmap/c"])]),
    ("get --ignore-not-found", BOTH, [step("get svc none --ignore-not-found", like=""), step("get svc none", code=1, has="(NotFound): services \"none\" not found")]),
    ("get nothing", BOTH, [step("get svc", has="No resources found in NAMESPACE namespace.")]),
    ("get an unknown kind", BOTH, [step("get gadgets", code=1, has="the server doesn't have a resource type \"gadgets\"")]),
    ("columns of pods and slices", BOTH, [create(POD), WEB, step("get pods -o wide", has=["READY", "STATUS", "10.244.0.77"]), step("get endpointslices", has=["ADDRESSTYPE", "10.244.0.77"])]),
    ("columns of endpoints", BOTH, [create(POD), WEB, step("get endpoints web", has=["ENDPOINTS", "10.244.0.77:8080"])]),
    ("columns of ingresses and policies", BOTH, [apply(INGRESS), apply(POLICY), step("get ing", has=["CLASS", "HOSTS", "site.example"]), step("get netpol", has=["POD-SELECTOR", "app=db"])]),
    ("ClusterNetworkPolicy", BOTH, [apply(CLUSTER_POLICY), apply(CLUSTER_POLICY.replace("12", "13"), has="configured"), step("get cnp", has=["TIER", "PRIORITY", "Admin", "13", "of-NAMESPACE"]),
                                    step("get clusternetworkpolicies.v1alpha2.policy.networking.k8s.io of-NAMESPACE -o json", json=lambda o: o["apiVersion"] == "policy.networking.k8s.io/v1alpha2"),
                                    step("get cnp of-NAMESPACE -o json", json=lambda o: o["apiVersion"] == "policy.networking.k8s.io/v1beta1" and o["metadata"]["generation"] == 2),
                                    step("patch cnp of-NAMESPACE --type=merge -p '{\"spec\":{\"priority\":1001}}'", code=1, has="spec.priority in body should be less than or equal to 1000"),
                                    step("explain cnp.spec.egress.to.networks", has="Ranges of addresses"), step("delete cnp of-NAMESPACE", has="deleted")]),
    ("columns of config and secrets", BOTH, [apply(CONFIG), apply(SECRET), step("get cm settings", has=["DATA", "2"]), step("get secret key", has=["TYPE", "Opaque", "1"])]),
    ("columns of Gateway kinds", BOTH, [apply(GATEWAY), step("get gateways,httproutes", has=["edge", "of-NAMESPACE", "route", "site.example"]), step("delete gatewayclass of-NAMESPACE")]),
    ("columns of nodes", BOTH, [step("get nodes -o wide", has=["STATUS", "VERSION", "Ready", "INTERNAL-IP"])]),
    ("get -w", BOTH, [WEB, step("get svc -w --request-timeout=1s", code=None, has=["NAME", "web"])]),
    # ---- describe
    ("describe a Service", BOTH, [create(POD), WEB, step("describe svc web", has=["Selector:", "app=web", "TargetPort:", "8080/TCP", "10.244.0.77:8080"])]),
    ("describe a load balancer", BOTH, [apply(BALANCER), step("describe svc front", has=["LoadBalancer", "Session Affinity:", "ClientIP", "External Traffic Policy:", "HealthCheck NodePort:",
                                                                                         "LoadBalancer Source Ranges:", "192.0.2.0/24", "NodePort:"])]),
    ("describe an Ingress", BOTH, [WEB, apply(INGRESS), step("describe ingress site", has=["site.example", "web:80"])]),
    ("describe a Pod", BOTH, [create(POD), step("describe pod web-0", has=["10.244.0.77", "Conditions:"])]),
    ("describe the node", BOTH, [step("describe node node", has=["Conditions:", "Addresses:", "Ready"])]),
    ("describe the rest", BOTH, [apply(POLICY), apply(CONFIG), apply(SECRET), step("describe netpol only-web", has="app=db"), step("describe cm settings", has="colour"),
                                 step("describe secret key", has="user:  5 bytes"), step("describe ns NAMESPACE", has="Active")]),
    # ---- change
    ("label", BOTH, [WEB, step("label svc web x=y", has="labeled"), step("label svc web x=z", code=1, has="already has a value"), step("label --overwrite svc web x=z", has="labeled"),
                     step("label svc web x-", like=r"service/web (un)?labeled\n"), step("get svc web -o json", json=lambda o: o["metadata"]["labels"] == {"app": "web"})]),
    ("annotate", BOTH, [WEB, step("annotate svc web note=hello", has="annotated"), step("get svc web -o jsonpath={.metadata.annotations.note}", like="hello"), step("annotate svc web note-", has="annotated")]),
    ("label all of a kind", BOTH, [create(CONFIG), create(CONFIG.replace("settings", "b")), step("label cm --all k=v", has="labeled"), step("get cm -l k=v -o name", has=["settings", "b"])]),
    ("patch strategic", BOTH, [WEB, step("patch svc web -p '{\"spec\":{\"ports\":[{\"port\":80,\"targetPort\":9090}]}}'", has="patched"),
                               step("get svc web -o json", json=lambda o: [p["targetPort"] for p in o["spec"]["ports"]] == [9090, 443])]),
    ("patch strategic deletes an item", BOTH, [WEB, step("patch svc web -p '{\"spec\":{\"ports\":[{\"$patch\":\"delete\",\"port\":443}]}}'", has="patched"),
                                               step("get svc web -o json", json=lambda o: len(o["spec"]["ports"]) == 1)]),
    ("patch merge", BOTH, [WEB, step("patch svc web --type=merge -p '{\"spec\":{\"type\":\"NodePort\"}}'", has="patched"), step("get svc web", has="NodePort")]),
    ("patch json", BOTH, [WEB, step("patch svc web --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/ports/0/port\",\"value\":8000}]'", has="patched"),
                          step("patch svc web --type=json -p '[{\"op\":\"test\",\"path\":\"/spec/ports/0/port\",\"value\":1}]'", code=1)]),
    ("patch status", (NEW,), [apply(SERVICE.replace("spec:", "spec:\n  type: LoadBalancer")), step("patch svc web --subresource=status --type=merge -p '{\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.1\"}]}}}'", has="patched"),
                              step("get svc web -o jsonpath={.status.loadBalancer.ingress[0].ip}", like="192.0.2.1"),
                              step("patch svc web --type=merge -p '{\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"192.0.2.2\"}]}}}'"),
                              step("get svc web -o jsonpath={.status.loadBalancer.ingress[0].ip}", like="192.0.2.1")]),
    ("patch without a change", BOTH, [WEB, step("patch svc web -p '{\"metadata\":{\"labels\":{\"app\":\"web\"}}}'", has="patched (no change)")]),
    ("set selector", BOTH, [WEB, step("set selector svc web app=other", has="selector updated"), step("get svc web -o jsonpath={.spec.selector.app}", like="other")]),
    ("change the type there and back", BOTH, [WEB, apply(SERVICE.replace("spec:", "spec:\n  type: LoadBalancer"), has="configured"), step("get svc web", has="LoadBalancer"),
                                              apply(SERVICE.replace("spec:", "spec:\n  type: ClusterIP"), has="configured"), step("get svc web -o json", json=lambda o: "nodePort" not in o["spec"]["ports"][0])]),
    # ---- mistakes
    ("a wrong port", BOTH, [step("apply -f -", stdin=SERVICE.replace("port: 443", "port: 443000"), code=1, has=["The Service \"web\" is invalid", "spec.ports[1].port: Invalid value: 443000: must be between 1 and 65535, inclusive"])]),
    ("a wrong field", (NEW,), [step("apply -f -", stdin=SERVICE.replace("selector", "selektor"), code=1, has="strict decoding error: unknown field \"spec.selektor\"")]),
    ("a wrong field, warned about", (NEW,), [step("apply --validate=warn -f -", stdin=SERVICE.replace("selector", "selektor"), has=["unknown field \"spec.selektor\"", "created"])]),
    ("a wrong name", BOTH, [step("apply -f -", stdin=SERVICE.replace("name: web,", "name: Web_1,"), code=1, has=["metadata.name", "DNS-1035"])]),
    ("a missing namespace", BOTH, [step("apply -n nowhere -f -", stdin=CONFIG, code=1, has="namespaces \"nowhere\" not found")]),
    ("a kind nobody knows", BOTH, [step("apply -f -", stdin="apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n", code=1, has="Deployment")]),
    ("a wrong Ingress", BOTH, [step("apply -f -", stdin=INGRESS.replace("path: /,", "path: nothing,"), code=1, has="must be an absolute path")]),
    ("a wrong policy", BOTH, [step("apply -f -", stdin=POLICY.replace("5432", "99999"), code=1, has="must be between 1 and 65535")]),
    ("a taken clusterIP", BOTH, [WEB, step("get svc web -o jsonpath={.spec.clusterIP}", keep="@IP"), step("apply -f -", stdin=SERVICE.replace("name: web,", "name: second,").replace("spec:", "spec:\n  clusterIP: @IP"), code=1, has="provided IP is already allocated")]),
    ("a stale replace", BOTH, [create(CONFIG), step("get cm settings -o yaml", keep="@OLD"), step("label cm settings a=b"), step("replace -f -", stdin="@OLD", code=1, has="the object has been modified")]),
    # ---- wait
    ("wait for a condition", BOTH, [create(POD), step("wait --for=condition=Ready pod/web-0 --timeout=5s", has="condition met")]),
    ("wait for a deletion", (NEW,), [create(CONFIG), step("delete cm settings --wait=false"), step("wait --for=delete cm/settings --timeout=5s")]),
    ("wait for a value", (NEW,), [WEB, step("wait --for=jsonpath={.spec.type}=ClusterIP svc/web --timeout=5s", has="condition met")]),
    ("wait in vain", BOTH, [create(POD.replace('status: "True"', 'status: "False"')), step("wait --for=condition=Ready pod/web-0 --timeout=1s", code=1, has="timed out")]),
    # ---- delete
    ("delete", BOTH, [WEB, step("delete svc web", has="service \"web\" deleted"), step("delete svc web", code=1, has="not found"), step("delete svc web --ignore-not-found", code=0)]),
    ("delete -f", BOTH, [WEB, step("delete -f -", stdin=SERVICE, has="deleted")]),
    ("delete -l and --all", BOTH, [create(CONFIG), WEB, step("delete svc -l app=web", has="deleted"), step("delete cm --all", has="deleted"), step("get svc,cm", has="No resources found")]),
    ("delete --dry-run=server", BOTH, [WEB, step("delete svc web --dry-run=server", has="deleted (server dry run)"), step("get svc web", has="web")]),
    ("delete --now and --force", BOTH, [create(POD), step("delete pod web-0 --now", has="deleted"), create(POD), step("delete pod web-0 --force --grace-period=0", has="deleted")]),
    ("delete waits for a finalizer", BOTH, [create(OWNER), step("delete cm held --wait=false", has="deleted"), step("get cm held -o jsonpath={.metadata.deletionTimestamp}", like=r"20.*Z"),
                                            step("patch cm held --type=merge -p '{\"metadata\":{\"finalizers\":null}}'", has="patched"), step("get cm held", code=1, has="not found")]),
    ("delete takes dependants along", BOTH, [create(OWNER), step("get cm owner -o jsonpath={.metadata.uid}", keep="@UID"),
                                             create("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: child\n  ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: owner, uid: @UID}]\n"),
                                             step("delete cm owner"), step("get cm child", code=1, until=True), step("patch cm held --type=merge -p '{\"metadata\":{\"finalizers\":null}}'")]),
    ("delete --cascade=orphan", (NEW,), [create(OWNER), step("get cm owner -o jsonpath={.metadata.uid}", keep="@UID"),
                                         create("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: child\n  ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: owner, uid: @UID}]\n"),
                                         step("delete cm owner --cascade=orphan"), step("get cm child -o json", json=lambda o: not o["metadata"].get("ownerReferences")),
                                         step("patch cm held --type=merge -p '{\"metadata\":{\"finalizers\":null}}'")]),
    ("delete a namespace with all in it", BOTH, [step("create ns NAMESPACE-y"), step("create -n NAMESPACE-y -f -", stdin=SERVICE), step("delete ns NAMESPACE-y --timeout=30s", has="deleted"),
                                                 step("get svc -n NAMESPACE-y", has="No resources found")]),
    ("delete a protected namespace", BOTH, [step("delete ns default", code=1, has="Forbidden")]),
    # ---- events, Endpoints, Gateway
    ("events", (NEW,), [step("events", code=0)]),
    ("hand-written Endpoints are mirrored", BOTH, [create(HEADLESS), create(ENDPOINTS), step("get endpointslices -l kubernetes.io/service-name=ext -o yaml", has="192.0.2.9")]),
    ("attachments can only be read", BOTH, [step("get podnetworks", has="No resources found"), step("delete podnetworks --all", has="No resources found"),
                                            step("create -f -", stdin="apiVersion: knetd.io/v1alpha1\nkind: PodNetwork\nmetadata: {name: x}\n", code=1)]),
    ("kustomize", BOTH, [step("apply -k KUSTOMIZE", has="configmap/from-kustomize-")]),
]
