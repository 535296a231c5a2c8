// ui.js - the status page. One watch of several kinds keeps copies of the objects, /metrics is looked at every two
// seconds, and from both the view that is open is drawn anew: as a tree of plain values (h), of which what differs is
// brought into the document (patch). Texts of objects only ever become text nodes and attributes. Nothing is written:
// every request is a GET.

const KINDS = "namespaces,nodes,pods,services,endpointslices,ingresses,networkpolicies,clusternetworkpolicies,events," +
	"gateways,listenersets,httproutes,grpcroutes,tlsroutes,tcproutes,udproutes,addresspools,podnetworks";
const ROUTES = ["Ingress", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"];
const CARDS = 60, ROWS = 200, PODS_SHOWN = 6, PODS_MOST = 40; // what is drawn at most: of a column, a table, one group of pods
const $ = id => document.getElementById(id);
const sleep = ms => new Promise(done => setTimeout(done, ms));
const many = (n, one, more = one + "s") => `${n.toLocaleString("en")} ${n === 1 ? one : more}`;

// ---- the document ------------------------------------------------------------------------------

const SVG = new Set(["svg", "path", "polyline"]);

function h(tag, props, ...kids) {
	return { tag, props: props || {}, kids: kids.flat(Infinity).filter(k => k !== null && k !== undefined && k !== false && k !== "") };
}

function dress(el, props) {
	const had = el.props || {};
	for (const name in { ...had, ...props }) {
		const v = props[name];
		if (had[name] === v || name === "key")
			continue;
		if (name === "width") // a style attribute would not pass the page's own policy
			el.style.width = v;
		else if (v === undefined || v === null || v === false)
			el.removeAttribute(name);
		else
			el.setAttribute(name, v === true ? "" : v);
	}
	el.props = props;
}

function make(kid) {
	if (typeof kid !== "object")
		return document.createTextNode(kid);
	return SVG.has(kid.tag) ? document.createElementNS("http://www.w3.org/2000/svg", kid.tag) : document.createElement(kid.tag);
}

function patch(parent, kids) {
	const keyed = new Map();
	for (const el of parent.childNodes)
		if (el.props?.key !== undefined)
			keyed.set(el.props.key, el);
	let at = parent.firstChild;
	for (const kid of kids) {
		const text = typeof kid !== "object", key = text ? undefined : kid.props.key;
		let el = key !== undefined ? keyed.get(key) : at;
		if (!el || (text ? el.nodeType !== 3 : el.nodeName.toLowerCase() !== kid.tag || el.props?.key !== key))
			el = make(kid);
		if (el === at)
			at = at.nextSibling;
		else
			parent.insertBefore(el, at);
		if (text) {
			if (el.nodeValue !== String(kid))
				el.nodeValue = kid;
			continue;
		}
		dress(el, kid.props);
		patch(el, kid.kids);
	}
	while (at) {
		const next = at.nextSibling;
		at.remove();
		at = next;
	}
}

// ---- the API -----------------------------------------------------------------------------------

let token = sessionStorage.getItem("knetd-token") || "", asking = null;

function token_from_address() {
	const found = /^#token=([\w.~+/=-]+)$/.exec(location.hash);
	if (!found)
		return false;
	keep_token(found[1]);
	history.replaceState(null, "", location.pathname + location.search);
	return true;
}

function keep_token(text) {
	token = text;
	sessionStorage.setItem("knetd-token", token);
}

// One question at a time, however many requests were refused.
function login() {
	return asking ||= new Promise(done => {
		const box = $("login");
		$("login-wrong").textContent = token ? "This token is not the one." : "";
		$("token").value = "";
		box.onclose = () => {
			asking = null;
			if ($("token").value)
				keep_token($("token").value.trim());
			$("token").value = "";
			done();
		};
		box.showModal();
	});
}

async function ask(path, signal) {
	for (;;) {
		const used = token;
		const answer = await fetch(path, { signal, cache: "no-store", headers: used ? { Authorization: "Bearer " + used } : {} });
		if (answer.status !== 401)
			return answer;
		if (used === token)
			await login();
	}
}

// ---- objects -----------------------------------------------------------------------------------

let objects = {}, changes = 0, version = 0; // kind -> key -> object; how often they changed; where to go on
const key_of = m => (m.namespace ? m.namespace + "/" : "") + m.name;
const id_of = o => o.kind + "/" + key_of(o.metadata);
const all = kind => objects[kind] ? [...objects[kind].values()] : [];
const get = id => objects[id.slice(0, id.indexOf("/"))]?.get(id.slice(id.indexOf("/") + 1));
const labels_of = o => o?.metadata.labels || {};

function put(into, type, o) {
	const map = into[o.kind] ||= new Map(), key = key_of(o.metadata), had = map.get(key);
	if (had && +had.metadata.resourceVersion >= +o.metadata.resourceVersion)
		return;
	if (type === "DELETED")
		map.delete(key);
	else
		map.set(key, o);
}

function take(event, fresh) {
	const o = event.object;
	if (event.type === "ERROR")
		throw Object.assign(new Error(o.message), { gone: true });
	if (event.type !== "BOOKMARK") {
		put(fresh || objects, event.type, o);
	} else if (fresh) {
		objects = fresh;
		fresh = null;
	}
	if (!fresh) {
		version = +o.metadata.resourceVersion;
		changes++;
		draw_soon();
	}
	return fresh;
}

// Until the connection ends. Behind a version, or from the present state, which replaces the old one when it is whole.
async function follow(signal) {
	const answer = await ask(`/knetd/v1/watch?kinds=${KINDS}` + (version ? "&resourceVersion=" + version : ""), signal);
	if (!answer.ok)
		throw Object.assign(new Error(`${answer.status} ${(await answer.json()).message || ""}`), { gone: true });
	tell_state("live");
	const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
	let fresh = version ? null : {}, rest = "";
	for (;;) {
		const { value, done } = await reader.read();
		if (done)
			return;
		heard = performance.now();
		const lines = (rest + value).split("\n");
		rest = lines.pop();
		for (const line of lines)
			fresh = take(JSON.parse(line), fresh);
	}
}

// A page that nobody looks at asks for nothing.
let cut = null, hidden = 0, heard = 0;
setInterval(() => heard < performance.now() - 150000 && cut?.abort(), 30000); // bookmarks come every minute
const shown = () => document.hidden ? new Promise(done => document.addEventListener("visibilitychange", done, { once: true })) : null;
document.addEventListener("visibilitychange", () => {
	clearTimeout(hidden);
	if (document.hidden)
		hidden = setTimeout(() => cut?.abort(), 60000);
});

async function keep_following() {
	for (let wait = 250; ; wait = Math.min(wait * 2, 4000)) {
		const begun = performance.now();
		cut = new AbortController();
		heard = begun;
		try {
			await follow(cut.signal);
		} catch (e) {
			if (e.gone)
				version = 0;
		}
		cut.abort();
		if (performance.now() - begun > 5000)
			wait = 250;
		tell_state("connecting");
		await sleep(wait * (0.7 + Math.random() * 0.6));
		await shown();
	}
}

// ---- counters ----------------------------------------------------------------------------------

const COUNTED = { // the series that are looked at, and what they are added up to
	knetd_service_connections_total: l => ["connections", `Service/${l.namespace}/${l.service}`],
	knetd_ingress_route_requests_total: l => [l.route],
	knetd_ingress_requests_total: () => ["requests"],
	coredns_dns_requests_total: () => ["queries"],
	knetd_policy_denied_packets_total: l => ["denied", l.namespace ? `NetworkPolicy/${l.namespace}/${l.policy}` : `ClusterNetworkPolicy/${l.policy}`],
	knetd_policy_unknown_packets_total: () => ["denied"],
};
let counters = null, before = null; // { at, sums }
const trend = { connections: [], requests: [], queries: [], denied: [] };

function read_counters(text) {
	const sums = new Map();
	for (const line of text.split("\n")) {
		const end = line.search(/[{ ]/), name = line.slice(0, end);
		if (!Object.hasOwn(COUNTED, name))
			continue;
		const labels = {};
		for (const [, k, v] of line.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
			labels[k] = v;
		for (const key of COUNTED[name](labels))
			sums.set(key, (sums.get(key) || 0) + Number(line.slice(line.lastIndexOf(" "))));
	}
	return sums;
}

function rate(key) {
	if (!before || !counters?.sums.has(key))
		return null;
	const now = counters.sums.get(key), was = before.sums.get(key) || 0;
	return Math.max(0, now < was ? now : now - was) / (counters.at - before.at) * 1000;
}
const total = key => counters?.sums.get(key);
const short = n => n === null || n === undefined ? "–" : n >= 1e6 ? (n / 1e6).toFixed(1) + " M" : n >= 1e4 ? (n / 1e3).toFixed(1) + " k" :
	n >= 100 || Number.isInteger(n) ? Math.round(n).toLocaleString("en") : n.toFixed(1);

async function keep_counting() {
	for (;;) {
		await shown();
		const begun = performance.now();
		try {
			const answer = await ask("/metrics");
			if (answer.ok) {
				before = counters;
				counters = { sums: read_counters(await answer.text()), at: performance.now() };
				for (const key in trend)
					trend[key] = [...trend[key], rate(key) || 0].slice(-60);
				draw_soon();
			}
		} catch { before = counters = null; }
		await sleep(Math.max(2000, 20 * (performance.now() - begun))); // a large node is asked less often
	}
}

let node = null, connection = "", domain = "cluster.local";
function tell_state(what) {
	connection = what;
	const ill = node?.modules?.find(m => !m.ready), el = $("state");
	el.className = connection === "live" ? (ill ? "broken" : "live") : "broken";
	el.textContent = connection !== "live" ? "connecting…" : ill ? `${ill.name}: ${ill.error}` : "live";
}

async function keep_asking_state() {
	for (;;) {
		await shown();
		try {
			const answer = await ask("/knetd/v1/status");
			node = answer.ok ? await answer.json() : node;
			$("node").textContent = node ? `${node.node} · ${node.version}` : "";
			domain = node?.clusterDomain || domain;
			document.title = node ? `knetd on ${node.node}` : "knetd";
			tell_state(connection);
		} catch { /* the watch tells that nobody is there */ }
		await sleep(5000);
	}
}

// ---- what the objects mean together ------------------------------------------------------------

function fits(selector, labels) {
	const has = Object.hasOwn;
	return Object.entries(selector?.matchLabels || {}).every(([k, v]) => has(labels, k) && labels[k] === v) &&
		(selector?.matchExpressions || []).every(({ key, operator, values = [] }) =>
			operator === "Exists" ? has(labels, key) : operator === "DoesNotExist" ? !has(labels, key) :
			operator === "In" ? has(labels, key) && values.includes(labels[key]) : !has(labels, key) || !values.includes(labels[key]));
}

// Nobody has said this pod's labels: what isolates anybody of its namespace isolates it.
const unlabelled = pod => pod.metadata.annotations?.["knetd.io/created-by"] === "cni" &&
	!("knetd.io/labels" in pod.metadata.annotations) && !Object.keys(labels_of(pod)).length;

function directions(policy) {
	const s = policy.spec || {};
	if (policy.kind === "NetworkPolicy")
		return s.policyTypes || (s.egress?.length ? ["Ingress", "Egress"] : ["Ingress"]);
	return [s.ingress?.length && "Ingress", s.egress?.length && "Egress"].filter(Boolean);
}

function selects(policy, pod) {
	const s = policy.spec || {}, ns = pod.metadata.namespace;
	if (policy.kind === "NetworkPolicy")
		return policy.metadata.namespace === ns && (unlabelled(pod) || fits(s.podSelector, labels_of(pod)));
	const of = s.subject?.pods?.namespaceSelector || s.subject?.namespaces;
	return !!of && fits(of, labels_of(objects.Namespace?.get(ns))) && (!s.subject.pods || fits(s.subject.pods.podSelector, labels_of(pod)));
}

const judged = new WeakMap(); // pod -> { changes, marks }
function policies_of(pod) {
	let known = judged.get(pod);
	if (known?.changes !== changes) {
		const mine = [...model.policies.get(pod.metadata.namespace) || [], ...model.policies.get("") || []].filter(p => selects(p, pod));
		known = { changes, Ingress: mine.filter(p => directions(p).includes("Ingress")), Egress: mine.filter(p => directions(p).includes("Egress")) };
		judged.set(pod, known);
	}
	return known;
}

const pod_ips = pod => (pod.status?.podIPs || []).map(i => i.ip).concat(pod.status?.podIPs?.length || !pod.status?.podIP ? [] : pod.status.podIP);
const is_ready = pod => !!pod.status?.conditions?.some(c => c.type === "Ready" && c.status === "True");
const ports_of = s => (s.spec.ports || []).map(p => `${p.port}${p.protocol && p.protocol !== "TCP" ? "/" + p.protocol : ""}`).join(", ");
const ips_of = s => (s.spec.clusterIPs || []).filter(ip => ip !== "None");
const hosted = (ip, port) => (ip.includes(":") ? `[${ip}]` : ip) + ":" + port;

let model = { changes: -1, policies: new Map() };
function model_now() {
	if (model.changes === changes)
		return model;
	const m = model = { changes, policies: new Map(), services: new Map(), items: new Map(), routes: [], entrances: new Map() };
	for (const p of [...all("NetworkPolicy"), ...all("ClusterNetworkPolicy")]) {
		const ns = p.metadata.namespace || "";
		m.policies.set(ns, [...m.policies.get(ns) || [], p]);
	}
	for (const o of all("Service"))
		m.services.set(id_of(o), { id: id_of(o), o, items: new Map() });
	for (const o of all("Pod"))
		m.items.set(id_of(o), { id: id_of(o), pod: o, name: o.metadata.name, ns: o.metadata.namespace, ips: pod_ips(o), ready: is_ready(o), services: [] });
	for (const o of all("EndpointSlice"))
		add_slice(m, o);
	for (const s of m.services.values())
		add_ports(m, s);
	for (const kind of ROUTES)
		for (const o of all(kind))
			add_route(m, o);
	for (const o of all("Gateway"))
		m.entrances.set(id_of(o), { id: id_of(o), name: o.metadata.name, ns: o.metadata.namespace,
			sub: [(o.spec.listeners || []).map(l => `${l.protocol} ${l.port}`).join(", "), (o.status?.addresses || []).map(a => a.value).join(", ")] });
	return m;
}

function add_slice(m, o) {
	const s = m.services.get(`Service/${o.metadata.namespace}/${labels_of(o)["kubernetes.io/service-name"]}`);
	for (const e of s ? o.endpoints || [] : []) {
		const to = e.targetRef?.kind === "Pod" ? `Pod/${e.targetRef.namespace || o.metadata.namespace}/${e.targetRef.name}` : `address/${e.addresses[0]}`;
		if (!m.items.has(to))
			m.items.set(to, { id: to, name: e.targetRef?.name || e.addresses[0], ns: o.metadata.namespace, ips: e.addresses, services: [] });
		const item = m.items.get(to), c = e.conditions || {};
		s.items.set(to, { item, ready: c.ready !== false, ending: !!c.terminating });
		if (!item.services.includes(s))
			item.services.push(s);
	}
}

// What leads to a Service straight from outside, beside the routes.
function add_ports(m, s) {
	const { spec, status, metadata } = s.o, door = (id, name) => {
		if (!m.entrances.has(id))
			m.entrances.set(id, { id, name, sub: [] });
		return id;
	};
	const add = (what, parent, title, sub, broken) => m.routes.push({ id: `${what}/${key_of(metadata)}`, o: s.o, ns: metadata.namespace,
		title, sub: `${sub} of ${metadata.name}`, parents: [parent], backends: [s.id], broken, of_service: true });
	const held = (status?.loadBalancer?.ingress || []).map(i => i.ip || i.hostname);
	if (spec.type === "LoadBalancer")
		add("balancer", door("balancers", "Load-balancer addresses"), held.length ? held.map(ip => hosted(ip, ports_of(s.o))).join(", ") : "no address yet",
			"load balancer", held.length ? "" : "no address is left for it");
	const nodes = (spec.ports || []).filter(p => p.nodePort).map(p => `${p.nodePort}${p.protocol === "TCP" || !p.protocol ? "" : "/" + p.protocol}`);
	if (nodes.length)
		add("nodeport", door("nodeports", "Node ports"), ":" + nodes.join(", :"), "node port");
	if (spec.externalIPs?.length)
		add("external", door("externals", "External addresses"), spec.externalIPs.map(ip => hosted(ip, ports_of(s.o))).join(", "), "external address");
}

function backends_of(o) {
	const s = o.spec || {};
	if (o.kind === "Ingress")
		return [s.defaultBackend, ...(s.rules || []).flatMap(r => (r.http?.paths || []).map(p => p.backend))]
			.filter(b => b?.service).map(b => `Service/${o.metadata.namespace}/${b.service.name}`);
	return (s.rules || []).flatMap(r => r.backendRefs || []).filter(b => (b.kind || "Service") === "Service")
		.map(b => `Service/${b.namespace || o.metadata.namespace}/${b.name}`);
}

function hosts_of(o) {
	if (o.kind !== "Ingress")
		return o.spec?.hostnames?.length ? o.spec.hostnames : ["all hosts"];
	return o.spec?.rules?.length ? o.spec.rules.map(r => r.host || "all hosts") : ["everything else"];
}

function trouble_of(o, backends) {
	for (const p of o.status?.parents || [])
		for (const c of p.conditions || [])
			if ((c.type === "Accepted" || c.type === "ResolvedRefs") && c.status === "False")
				return `${c.reason}: ${c.message}`;
	const missing = backends.find(b => !model.services.has(b));
	return missing ? `there is no ${missing.replace("/", " ")}` : "";
}

function parents_of(m, o) {
	if (o.kind === "Ingress") {
		if (!m.entrances.has("ingress"))
			m.entrances.set("ingress", { id: "ingress", name: "Ingress", sub: ["HTTP, HTTPS"] });
		return ["ingress"];
	}
	return (o.spec?.parentRefs || []).map(p => {
		const ns = p.namespace || o.metadata.namespace, set = p.kind === "ListenerSet" && objects.ListenerSet?.get(`${ns}/${p.name}`);
		const to = set ? set.spec.parentRef : p;
		return `Gateway/${to.namespace || (set ? set.metadata.namespace : ns)}/${to.name}`;
	});
}

function add_route(m, o) {
	const backends = [...new Set(backends_of(o))], hosts = hosts_of(o);
	m.routes.push({ id: id_of(o), o, ns: o.metadata.namespace, title: hosts[0] + (hosts.length > 1 ? ` and ${hosts.length - 1} more` : ""),
		sub: `${o.kind} ${o.metadata.name}`, parents: [...new Set(parents_of(m, o))], backends, broken: trouble_of(o, backends), hosts });
}

// ---- what is wanted of it ----------------------------------------------------------------------

let wanted_ns = "", wanted = "";
const in_ns = ns => !wanted_ns || ns === wanted_ns;
const says = (...texts) => !wanted || texts.some(t => t && String(t).toLowerCase().includes(wanted));
const words = o => [o.metadata.name, o.metadata.namespace, o.kind, ...Object.entries(labels_of(o)).map(([k, v]) => `${k}=${v}`)];
const item_says = i => says(i.name, i.ns, ...i.ips, ...(i.pod ? words(i.pod) : []));
const by_name = (a, b) => a.id < b.id ? -1 : 1;

// What is searched for, and what it leads to or is led to by.
function chosen() {
	const m = model_now(), filter = !!wanted;
	const hit = new Set();
	for (const s of m.services.values())
		if (in_ns(s.o.metadata.namespace) && says(...words(s.o), ...ips_of(s.o), ports_of(s.o)))
			hit.add(s);
	const routes = m.routes.filter(r => r.backends.some(b => m.services.has(b) && in_ns(b.split("/")[1])) || in_ns(r.ns));
	const found = new Set(routes.filter(r => says(r.title, r.sub, ...(r.hosts || []), ...words(r.o))));
	for (const r of filter ? found : [])
		r.backends.forEach(b => m.services.has(b) && hit.add(m.services.get(b)));
	const items = new Set();
	for (const i of m.items.values())
		if (in_ns(i.ns) && item_says(i)) {
			items.add(i);
			if (filter)
				i.services.forEach(s => hit.add(s));
		}
	for (const s of hit)
		s.items.forEach(e => items.add(e.item));
	const led = new Set([...hit].map(s => s.id));
	return { services: [...hit], items: [...items], routes: routes.filter(r => found.has(r) || r.backends.some(b => led.has(b))) };
}

function ordered(list, place) {
	return list.map(x => [place(x), x]).sort(([a, x], [b, y]) => a - b || by_name(x, y)).map(([, x]) => x);
}

const mean = list => list.length ? list.reduce((a, b) => a + b, 0) / list.length : Infinity;
const index = list => new Map(list.map((x, i) => [x.id, i]));

// Pods of the same Services stand together.
function groups_of(items, services) {
	const groups = new Map();
	for (const item of items) {
		const of = item.services.filter(s => services.has(s.id)).map(s => s.id).sort();
		const id = "group/" + (of.join(" ") || item.ns);
		if (!groups.has(id))
			groups.set(id, { id, of, ns: item.ns, items: [] });
		groups.get(id).items.push(item);
	}
	return [...groups.values()];
}

function picture() {
	const m = model_now(), c = chosen();
	const used = new Set(c.routes.flatMap(r => r.parents));
	const entrances = [...m.entrances.values()].filter(e => used.has(e.id) || (e.ns && in_ns(e.ns) && says(e.name, e.ns, ...e.sub))).sort(by_name);
	const doors = index(entrances);
	const routes = ordered(c.routes, r => mean(r.parents.filter(p => doors.has(p)).map(p => doors.get(p))));
	const route_at = new Map();
	routes.forEach((r, i) => r.backends.forEach(b => route_at.set(b, [...route_at.get(b) || [], i])));
	const services = ordered(c.services, s => mean(route_at.get(s.id) || []));
	const drawn = services.slice(0, CARDS), service_at = index(drawn);
	const groups = ordered(groups_of(c.items.filter(i => !i.services.length || i.services.some(s => service_at.has(s.id))), service_at),
		g => mean(g.of.map(id => service_at.get(id))));
	return { entrances, routes, services, groups };
}

// ---- the picture -------------------------------------------------------------------------------

const SHIELD = "M5 0 10 2v4c0 3-2.4 4.6-5 5.5C2.4 10.6 0 9 0 6V2z";
let picked = "", open_groups = new Set(), edges = [];

function rate_of(key) {
	const r = rate(key);
	return r === null ? null : h("span", { class: "rate" + (r > 0 ? " on" : ""), title: `${(total(key) || 0).toLocaleString("en")} in all` }, short(Math.round(r * 10) / 10) + "/s");
}

function card(what, id, name, subs, more = {}) {
	return h("button", { key: id, type: "button", "data-id": id, class: `card ${what}${more.broken ? " none" : ""}${picked === id ? " picked" : ""}`, title: more.title || name },
		h("span", { class: "top" }, h("span", { class: "name" }, name), more.rate), subs.filter(Boolean).map(s => h("span", { class: "sub" }, s)));
}

function column(name, n, kids, empty) {
	return h("section", { class: "column", "aria-label": name }, h("h2", {}, name, " ", h("span", {}, n.toLocaleString("en"))),
		kids.length ? kids.slice(0, CARDS) : h("p", { class: "empty hint" }, empty),
		kids.length > CARDS && h("p", { class: "more" }, `and ${many(kids.length - CARDS, "more", "more")}: a filter or a namespace shows them`));
}

function service_card(s) {
	const n = s.items.size, ready = [...s.items.values()].filter(e => e.ready).length, { spec, metadata } = s.o;
	const at = spec.type === "ExternalName" ? spec.externalName : ips_of(s.o).length ? hosted(ips_of(s.o)[0], ports_of(s.o)) : "headless";
	return card("svc", s.id, metadata.name, [at, `${wanted_ns ? "" : metadata.namespace + " · "}${n ? `${ready} of ${n} ready` : "no endpoints"}`],
		{ broken: spec.type !== "ExternalName" && !ready, rate: rate_of(s.id) });
}

function mark(way, list) {
	return list.length > 0 && h("span", { class: "mark", title: `${way === "in" ? "What comes in" : "What goes out"} is what these allow: ${list.map(p => p.metadata.name).join(", ")}` },
		h("svg", { viewBox: "0 0 10 12", "aria-hidden": "true" }, h("path", { d: SHIELD })), way);
}

function item_row(item, group) {
	const e = group.of.length ? model.services.get(group.of[0])?.items.get(item.id) : null, ready = e ? e.ready : item.ready;
	const p = item.pod ? policies_of(item.pod) : { Ingress: [], Egress: [] };
	return h("button", { key: item.id, type: "button", "data-id": item.id, class: "row" + (picked === item.id ? " picked" : "") },
		h("span", { class: "dot" + (e?.ending ? " ending" : ready ? "" : " no"), title: e?.ending ? "ending" : ready ? "ready" : "not ready" }),
		h("span", { class: "name", title: `${item.ns}/${item.name}` }, item.name), mark("in", p.Ingress), mark("out", p.Egress), h("span", { class: "ip mono" }, item.ips[0] || ""));
}

function group_card(g) {
	const ready = g.items.filter(i => g.of.length ? model.services.get(g.of[0])?.items.get(i.id)?.ready : i.ready).length, n = g.items.length;
	const large = n > PODS_SHOWN, open = open_groups.has(g.id);
	const kids = g.items.sort(by_name).slice(0, !large ? n : open ? PODS_MOST : 0).map(i => item_row(i, g));
	if (large)
		kids.unshift(h("button", { key: "bar", type: "button", class: "row", "data-open": g.id, "aria-expanded": String(open) },
			h("span", { class: "name" }, `${many(n, "pod")}, ${ready} ready`), h("span", { class: "ip" }, open ? "fewer" : "show")),
		h("div", { class: "bar", key: "line", "aria-hidden": "true" }, h("i", { width: `${100 * ready / n}%` })));
	if (open && n > PODS_MOST)
		kids.push(h("p", { class: "hint dim", key: "more" }, `and ${many(n - PODS_MOST, "more", "more")}: the tables and the filter find them`));
	return h("div", { key: g.id, class: "card pods", "data-id": g.id }, g.of.length === 0 && h("span", { class: "sub hint", key: "of" }, `${g.ns}: in no Service`), kids);
}

function view_picture() {
	const p = picture(), empty = wanted || wanted_ns ? "nothing that fits" : null;
	edges = [];
	const drawn = new Map([...p.entrances, ...p.routes.slice(0, CARDS), ...p.services.slice(0, CARDS)].map(x => [x.id, x]));
	for (const r of p.routes.slice(0, CARDS)) {
		const busy = !r.of_service && rate(r.id) > 0;
		for (const id of r.parents)
			if (drawn.has(id))
				edges.push({ from: id, to: r.id, busy });
		for (const id of r.backends) // which of several it was is not counted
			if (drawn.has(id))
				edges.push({ from: r.id, to: id, busy: busy && r.backends.length === 1 });
	}
	for (const g of p.groups.slice(0, CARDS))
		for (const id of g.of) {
			const some = [...model.services.get(id).items.values()].some(e => e.ready);
			edges.push({ from: id, to: g.id, busy: rate(id) > 0, broken: !some });
		}
	return [h("div", { id: "graph", key: "graph" },
		h("svg", { key: "lines", "aria-hidden": "true" }),
		column("Outside", p.entrances.length, p.entrances.map(e => card("out", e.id, e.name, [e.ns, ...e.sub], { rate: e.id === "ingress" ? rate_of("requests") : null })),
			empty || "No Ingress, Gateway, node port or load balancer: nobody outside is let in."),
		column("Routes and ports", p.routes.length, p.routes.map(r => card("route", r.id, r.title, [(wanted_ns ? "" : r.ns + " · ") + r.sub, r.broken],
			{ broken: r.broken, title: r.hosts?.slice(0, 20).join(", "), rate: r.of_service ? null : rate_of(r.id) })), empty || "No routes."),
		column("Services", p.services.length, p.services.map(service_card), empty || "No Services: knetctl apply -f makes some."),
		column("Pods", model.items.size && !empty ? model.items.size : p.groups.reduce((n, g) => n + g.items.length, 0), p.groups.map(group_card), empty || "No pods yet."))];
}

// Where the cards stand is only known when they do.
function draw_lines() {
	const graph = $("graph");
	if (!graph)
		return;
	const box = graph.getBoundingClientRect(), place = new Map();
	for (const el of graph.querySelectorAll(".card"))
		place.set(el.dataset.id, el.getBoundingClientRect());
	patch(graph.querySelector("svg"), edges.filter(e => place.has(e.from) && place.has(e.to)).map(e => {
		const a = place.get(e.from), b = place.get(e.to), x = a.right - box.left, y = a.top + a.height / 2 - box.top;
		const u = b.left - box.left, v = b.top + Math.min(b.height / 2, 24 + b.height / 4) - box.top, mid = (u - x) / 2;
		return h("path", { key: e.from + ">" + e.to, class: e.broken ? "broken" : e.busy ? "on" : "", d: `M${x.toFixed(1)} ${y.toFixed(1)}c${mid} 0 ${mid} ${(v - y).toFixed(1)} ${(u - x).toFixed(1)} ${(v - y).toFixed(1)}` });
	}));
	light(looked_at);
}

// All that one card leads to and is led to by stands out.
let looked_at = "";
function light(id) {
	looked_at = id;
	const graph = $("graph");
	if (!graph)
		return;
	const lit = new Set(id ? [id] : []), lines = new Set();
	for (const [near, far] of id ? [["from", "to"], ["to", "from"]] : []) {
		const todo = [id];
		while (todo.length) {
			const at = todo.pop();
			for (const e of edges.filter(e => e[near] === at)) {
				lines.add(e.from + ">" + e.to);
				lit.add(e[far]);
				todo.push(e[far]);
			}
		}
	}
	graph.classList.toggle("focus", lines.size > 0);
	for (const el of graph.querySelectorAll(".card"))
		el.classList.toggle("lit", lit.has(el.dataset.id));
	for (const el of graph.querySelectorAll("path"))
		el.classList.toggle("lit", lines.has(el.props.key));
}

// ---- tables ------------------------------------------------------------------------------------

const link = (id, text) => h("button", { type: "button", class: "link", "data-id": id }, text);

function table(name, heads, list, row) {
	return h("section", { key: name }, h("div", { class: "wide" }, h("table", {}, h("caption", {}, `${name} (${list.length.toLocaleString("en")})`),
		h("thead", {}, h("tr", {}, heads.map(t => h("th", { scope: "col" }, t)))),
		h("tbody", {}, list.slice(0, ROWS).map(x => h("tr", { key: x.id }, row(x).map(v => h("td", typeof v === "number" ? { class: "n" } : {}, typeof v === "number" ? short(v) : v))))))),
	!list.length && h("p", { class: "empty hint" }, wanted || wanted_ns ? "nothing that fits" : "none"),
	list.length > ROWS && h("p", { class: "more" }, `the first ${ROWS} of ${list.length.toLocaleString("en")}: a filter or a namespace shows the others`));
}

function wanted_of(...kinds) {
	return kinds.flatMap(all).filter(o => (!o.metadata.namespace || in_ns(o.metadata.namespace)) && says(...words(o)))
		.map(o => ({ id: id_of(o), o, m: o.metadata })).sort(by_name);
}

const per_s = key => rate(key) === null ? "–" : Math.round(rate(key) * 10) / 10;
const listed = list => list.map((p, i) => [i ? ", " : "", link(id_of(p), p.metadata.name)]);

function view_tables() {
	const m = model_now(), c = chosen(), routes = c.routes.filter(r => !r.of_service).sort(by_name);
	const events = all("Event").filter(e => e.involvedObject?.kind && in_ns(e.metadata.namespace) && says(e.message, e.reason, e.involvedObject.name))
		.map(o => ({ id: id_of(o), o, at: o.lastTimestamp || o.eventTime || o.metadata.creationTimestamp })).sort((a, b) => a.at < b.at ? 1 : -1);
	return [h("div", { class: "tables", key: "tables" },
		table("Pods", ["Namespace", "Name", "Ready", "Addresses", "Labels", "Isolated in by", "Isolated out by", "Services"], c.items.filter(i => i.pod).sort(by_name), i => {
			const p = policies_of(i.pod);
			return [i.ns, link(i.id, i.name), i.ready ? "yes" : "no", i.ips.join(" "), Object.entries(labels_of(i.pod)).map(([k, v]) => `${k}=${v}`).join(" "),
				listed(p.Ingress), listed(p.Egress), listed(i.services.map(s => s.o))];
		}),
		table("Services", ["Namespace", "Name", "Type", "Cluster address", "Ports", "From outside", "Ready", "Connections", "each second"], c.services.sort(by_name), s => [s.o.metadata.namespace,
			link(s.id, s.o.metadata.name), s.o.spec.type, ips_of(s.o).join(" ") || "none", ports_of(s.o),
			m.routes.filter(r => r.of_service && r.backends[0] === s.id).map(r => r.title).join(" "),
			`${[...s.items.values()].filter(e => e.ready).length} of ${s.items.size}`, total(s.id) ?? "–", per_s(s.id)]),
		table("Routes", ["Namespace", "Kind", "Name", "Hosts", "Services", "State", "Requests", "each second"], routes, r => [r.ns, r.o.kind, link(r.id, r.o.metadata.name), r.hosts.join(" "),
			r.backends.map((b, i) => [i ? ", " : "", link(b, b.split("/").slice(1).join("/"))]), r.broken || "good", total(r.id) ?? "–", per_s(r.id)]),
		table("Policies", ["Namespace", "Kind", "Name", "Pods", "Directions", "Denied packets", "each second"], wanted_of("NetworkPolicy", "ClusterNetworkPolicy"), p => [p.m.namespace || "all", p.o.kind,
			link(p.id, p.m.name), all("Pod").filter(pod => selects(p.o, pod)).length, directions(p.o).join(", "), total(p.id) ?? "–", per_s(p.id)]),
		table("Events", ["Last", "Type", "Object", "Reason", "Message"], events, e => [h("time", { datetime: e.at }, ago(e.at)), e.o.type,
			link(`${e.o.involvedObject.kind}/${key_of(e.o.involvedObject)}`, `${e.o.involvedObject.kind} ${e.o.involvedObject.name}`), e.o.reason, e.o.message]))];
}

function ago(time) {
	const s = Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000));
	return s < 90 ? `${s} s` : s < 5400 ? `${Math.round(s / 60)} min` : s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} d`;
}

// ---- names -------------------------------------------------------------------------------------

let queries = [], queries_next = null;

function view_names() {
	const list = chosen().services.sort(by_name).map(s => ({ id: s.id, s, name: `${s.o.metadata.name}.${s.o.metadata.namespace}.svc.${domain}` }));
	return [h("div", { class: "tables", key: "names" },
		h("section", { key: "log" }, h("h2", {}, `Queries as they come (${short(rate("queries"))}/s)`),
			h("pre", { id: "queries", tabindex: "0" }, queries.join("\n") || "none since this page looks")),
		table("Names", ["Name", "Answer", "Named ports (SRV)"], list, ({ id, name, s }) => [link(id, name),
			s.o.spec.type === "ExternalName" ? `CNAME ${s.o.spec.externalName}` : ips_of(s.o).join(" ") || [...s.items.values()].filter(e => e.ready || s.o.spec.publishNotReadyAddresses)
				.slice(0, 8).map(e => e.item.ips[0]).join(" ") || "none: no endpoint is ready",
			(s.o.spec.ports || []).filter(p => p.name).map(p => `_${p.name}._${(p.protocol || "TCP").toLowerCase()} ${p.port}`).join(", ")]))];
}

async function keep_reading_queries() {
	for (;;) {
		await shown();
		if (view === "names" || queries_next === null) // once at the start: what is asked from then on is shown
			try {
				const answer = await ask("/knetd/v1/dns/log" + (queries_next === null ? "" : "?since=" + queries_next));
				if (answer.ok) {
					const { lines, next } = await answer.json();
					queries = [...lines.reverse(), ...queries].slice(0, ROWS);
					queries_next = next;
					draw_soon();
				}
			} catch { queries_next = null; }
		await sleep(1000);
	}
}

// ---- why can A not reach B ---------------------------------------------------------------------

let question = null, answered = null, asked_at = -1, asking_trace = false; // question: { from, to }

function question_from_address() {
	const text = new URLSearchParams(location.search).get("trace"), comma = text?.indexOf(",");
	if (!text)
		return;
	question = { from: text.slice(0, comma).trim(), to: text.slice(comma + 1).trim() };
	view = location.hash && location.hash !== "#trace" ? view : "trace";
}

async function trace() {
	if (!question || asking_trace)
		return;
	asking_trace = true;
	asked_at = changes;
	const mine = question;
	try {
		const reply = await ask("/knetd/v1/trace?" + new URLSearchParams(mine)), body = await reply.json();
		if (mine === question)
			answered = reply.ok ? body : { message: body.message };
	} catch {
		if (mine === question)
			answered = { message: "knetd does not answer" };
		setTimeout(trace, 1000);
	}
	asking_trace = false;
	if (mine !== question)
		await trace();
	draw_soon();
}

function pose(from, to) {
	question = { from, to };
	answered = null;
	history.replaceState(null, "", `${location.pathname}?trace=${encodeURIComponent(from + "," + to)}#trace`);
	trace();
}

function verdict(a) {
	if (a.message)
		return h("p", { key: "verdict", class: "verdict no", role: "status" }, a.message);
	return [h("p", { key: "verdict", class: "verdict " + (a.reaches ? "yes" : "no"), role: "status" },
		`${a.reaches ? "✓" : "✗"} ${a.from} ${a.reaches ? "reaches" : "does not reach"} ${a.to}`, h("small", {}, a.result)),
	h("ol", { key: "way", class: "way", "aria-label": "The way, step by step" }, a.steps.map(s => h("li", { class: s.verdict },
		h("span", { class: "knot", "aria-label": { ok: "good", note: "note", stop: "stops here" }[s.verdict] || s.verdict }, { ok: "✓", note: "·", stop: "✗" }[s.verdict] || "·"),
		h("b", {}, s.step), s.text, s.detail && h("small", {}, s.detail))))];
}

function view_trace() {
	const pods = all("Pod").map(o => key_of(o.metadata)).sort().slice(0, 300);
	const services = all("Service").flatMap(o => (o.spec.ports || []).slice(0, 3).map(p => `${o.metadata.name}.${o.metadata.namespace}:${p.port}`)).sort().slice(0, 300);
	if (question && asked_at !== changes)
		setTimeout(trace, 300); // what changed may have changed the answer
	return [h("form", { id: "ask", key: "ask" },
		h("label", {}, "From: a pod, node, or an address", h("input", { id: "from", list: "pods", required: true, spellcheck: "false", autocomplete: "off", placeholder: "default/web-0" })),
		h("label", {}, "To: a Service, a name or an address, with a port", h("input", { id: "to", list: "ends", required: true, spellcheck: "false", autocomplete: "off", placeholder: "db.default:5432" })),
		h("label", { class: "small" }, "Protocol", h("select", { id: "proto" }, ["tcp", "udp", "sctp"].map(p => h("option", { value: p }, p.toUpperCase())))),
		h("button", {}, "Look"),
		h("datalist", { id: "pods" }, h("option", { value: "node" }), pods.map(p => h("option", { value: p }))),
		h("datalist", { id: "ends" }, services.map(p => h("option", { value: p })))),
	question ? answered ? verdict(answered) : h("p", { key: "verdict", class: "verdict" }, "…") :
		h("p", { key: "verdict", class: "empty" }, "What would happen to a packet, step by step: the name, the Service, its endpoint, translation, policies and the way. Nothing is sent, and nothing is changed. The address of this page then says the question, to be shared.")];
}

function show_question() {
	if (!question || !$("ask"))
		return;
	const [, to, proto] = /^(.*?)(?:\/(tcp|udp|sctp))?$/i.exec(question.to);
	$("from").value = question.from;
	$("to").value = to;
	$("proto").value = (proto || "tcp").toLowerCase();
}

// ---- details -----------------------------------------------------------------------------------

function yaml(v, pad = "") {
	if (v === null || typeof v !== "object")
		return " " + (typeof v === "string" && (v === "" || /[:#\n\t"'{}[\],&*!|>%@`\\]|^[\s\d.+?-]|\s$|^(true|false|null|yes|no|on|off|~)$/i.test(v)) ? JSON.stringify(v) : String(v));
	const list = Array.isArray(v), kids = list ? v.map(x => ["-", x]) : Object.entries(v).map(([k, x]) => [k + ":", x]);
	if (!kids.length)
		return list ? " []" : " {}";
	return kids.map(([k, x]) => {
		const text = yaml(x, pad + "  ");
		return list && text.startsWith("\n") ? `\n${pad}-${text.slice(pad.length + 2)}` : `\n${pad}${k}${text}`;
	}).join("");
}

function as_text(o) {
	const { managedFields: _, ...metadata } = o.metadata, { apiVersion, kind, metadata: __, ...rest } = o;
	const lines = yaml({ apiVersion, kind, metadata, ...rest }).slice(1).split("\n");
	return lines.slice(0, 500).join("\n") + (lines.length > 500 ? `\n# and ${lines.length - 500} lines more` : "");
}

function facts(o, id) {
	const item = model.items.get(id), s = model.services.get(id), r = model.routes.find(r => r.id === id), out = [];
	const fact = (name, ...v) => out.push(h("dt", {}, name), h("dd", {}, v));
	if (o.metadata.namespace)
		fact("Namespace", o.metadata.namespace);
	if (item?.pod) {
		const p = policies_of(o);
		fact("Addresses", item.ips.join(" "));
		fact("Node", o.spec?.nodeName || "–");
		fact("Ready", item.ready ? "yes" : "no");
		if (unlabelled(o))
			fact("Labels", "nobody has said them");
		fact("Takes", p.Ingress.length ? ["what these allow: ", listed(p.Ingress)] : "everything");
		fact("Sends", p.Egress.length ? ["what these allow: ", listed(p.Egress)] : "everything");
		fact("Services", item.services.length ? listed(item.services.map(x => x.o)) : "none");
	} else if (s) {
		fact("Name", `${o.metadata.name}.${o.metadata.namespace}.svc.${domain}`);
		fact("Address", ips_of(o).join(" ") || "none");
		fact("Ports", (o.spec.ports || []).map(p => `${p.name ? p.name + " " : ""}${p.port} → ${p.targetPort ?? p.port}${p.nodePort ? `, node port ${p.nodePort}` : ""} ${p.protocol || "TCP"}`).join("; "));
		fact("Endpoints", s.items.size ? [...s.items.values()].slice(0, 20).map((e, i) => [i ? ", " : "", e.item.pod ? link(e.item.id, e.item.name) : e.item.name, e.ready ? "" : " (not ready)"]) : "none",
			s.items.size > 20 && ` and ${s.items.size - 20} more`);
		fact("Connections", `${short(total(id))}, ${short(rate(id))}/s`);
	} else if (r) {
		fact("Leads to", r.backends.map((b, i) => [i ? ", " : "", model.services.has(b) ? link(b, b.split("/").slice(1).join("/")) : b]));
		fact("State", r.broken || "good");
		fact("Requests", `${short(total(id))}, ${short(rate(id))}/s`);
	} else if (o.kind.endsWith("NetworkPolicy")) {
		const pods = all("Pod").filter(p => selects(o, p));
		fact("Pods", pods.length ? listed(pods.slice(0, 20)) : "none", pods.length > 20 && ` and ${pods.length - 20} more`);
		fact("Denied", `${short(total(id))} packets, ${short(rate(id))}/s`);
	}
	return h("dl", { key: "facts" }, out);
}

function draw_details() {
	const box = $("details"), m = model_now();
	const id = /^(balancer|nodeport|external)\//.test(picked) ? "Service/" + picked.slice(picked.indexOf("/") + 1) : picked;
	const o = id.includes("/") ? get(id) : null, item = m.items.get(id), door = m.entrances.get(id);
	box.hidden = !picked;
	if (!picked)
		return;
	const close = h("button", { key: "close", class: "close", type: "button", "data-close": true, "aria-label": "Close the details" }, "✕");
	if (!o)
		return patch(box, [close, h("h3", { key: "title" }, item?.name || door?.name || id),
			h("p", { key: "p", class: "dim" }, item ? `An endpoint that is no pod of this node: ${item.ips.join(" ")}.` : door ? m.routes.filter(r => r.parents.includes(id)).slice(0, 50).map(r => h("span", { class: "event" }, link(r.id, `${r.title} (${r.sub})`))) : "It is gone.")]);
	const events = all("Event").filter(e => e.involvedObject?.kind === o.kind && e.involvedObject.name === o.metadata.name && (e.involvedObject.namespace || "") === (o.metadata.namespace || ""));
	patch(box, [close, h("h3", { key: "title" }, o.metadata.name), h("span", { key: "kind", class: "dim" }, o.kind), facts(o, id),
		o.kind === "Pod" && h("p", { key: "trace" }, h("button", { type: "button", "data-from": key_of(o.metadata) }, "What can it reach?")),
		o.kind === "Service" && h("p", { key: "trace" }, h("button", { type: "button", "data-to": `${o.metadata.name}.${o.metadata.namespace}:${o.spec.ports?.[0]?.port || ""}` }, "Who can reach it?")),
		events.length > 0 && [h("h4", { key: "eh" }, "Events"), h("div", { key: "ev" }, events.slice(-10).reverse().map(e => h("p", { class: `event ${e.type === "Warning" ? "Warning" : ""}` }, `${e.reason}: ${e.message}`)))],
		h("h4", { key: "oh" }, "Object"), h("pre", { key: "o", tabindex: "0" }, as_text(o))].flat().filter(Boolean));
}

function pick(id, by_keys) {
	picked = picked === id ? "" : id;
	draw();
	if (picked && by_keys)
		$("details").querySelector("button").focus();
}

// ---- drawing -----------------------------------------------------------------------------------

const VIEWS = { picture: view_picture, tables: view_tables, names: view_names, trace: view_trace };
let view = "picture", due = false, last = 0, took = 0;

function spark(list) {
	const top = Math.max(1, ...list), at = (v, i) => `${(96 * i / 59).toFixed(1)},${(31 - 29 * v / top).toFixed(1)}`;
	return h("svg", { viewBox: "0 0 96 32", preserveAspectRatio: "none", "aria-hidden": "true" }, h("polyline", { points: list.map((v, i) => at(v, i + 60 - list.length)).join(" ") }));
}

function draw_tiles() {
	const tile = (key, name) => h("div", { class: "tile" + (key === "denied" && rate(key) > 0 ? " bad" : "") }, h("b", { id: "rate-" + key }, short(rate(key) === null ? null : Math.round(rate(key) * 10) / 10), h("small", {}, " /s")),
		h("span", {}, name, h("i", {}, ` · ${short(total(key))} in all`)), spark(trend[key]));
	patch($("tiles"), [tile("connections", "Service connections"), tile("requests", "HTTP requests"), tile("queries", "DNS queries"), tile("denied", "denied packets")]);
}

function draw() {
	const begun = performance.now(), names = all("Namespace").map(o => o.metadata.name).sort();
	model_now();
	patch($("ns"), [h("option", { value: "", key: "" }, "all"), ...names.slice(0, 1000).map(n => h("option", { value: n, key: n }, n))]);
	if ($("ns").value !== wanted_ns)
		$("ns").value = wanted_ns;
	for (const a of $("tabs").children)
		dress(a, { ...a.props, "aria-current": a.hash === "#" + view ? "page" : null });
	draw_tiles();
	patch($("view"), VIEWS[view]().flat(Infinity));
	draw_details();
	draw_lines();
	took = performance.now() - begun;
	last = performance.now();
}

// Changes in a burst are drawn together; a page with much on it is drawn less often.
function draw_soon() {
	if (due)
		return;
	due = true;
	setTimeout(() => {
		due = false;
		draw();
	}, Math.max(30, last + Math.max(200, 5 * took) - performance.now()));
}

function go() {
	if (token_from_address()) {
		cut?.abort();
		if ($("login").open)
			$("login").close();
	}
	const to = location.hash.slice(1);
	if (Object.hasOwn(VIEWS, to))
		view = to;
	draw();
	show_question();
}

// ---- hands -------------------------------------------------------------------------------------

document.addEventListener("click", event => {
	const el = event.target.closest("[data-id],[data-open],[data-close],[data-from],[data-to]"), d = el?.dataset;
	if (!d)
		return;
	if (d.open !== undefined) {
		open_groups.has(d.open) ? open_groups.delete(d.open) : open_groups.add(d.open);
		draw();
	} else if (d.close !== undefined) {
		pick(picked);
	} else if (d.from !== undefined || d.to !== undefined) {
		question = { from: d.from || "", to: d.to || "" };
		view = "trace";
		answered = null;
		location.hash = "#trace";
		draw();
		show_question();
		question = null;
		$(d.from ? "to" : "from").focus();
	} else if (el.tagName === "BUTTON") {
		pick(d.id, event.detail === 0);
	}
});
document.addEventListener("submit", event => {
	if (event.target.id === "login" || event.target.method === "dialog")
		return;
	event.preventDefault();
	if (event.target.id === "ask") {
		const to = $("to").value.trim(), proto = $("proto").value;
		pose($("from").value.trim(), /\/(tcp|udp|sctp)$/i.test(to) || proto === "tcp" ? to : `${to}/${proto}`);
		draw();
	}
});
document.addEventListener("keydown", event => {
	if (event.key === "Escape" && picked && !$("login").open) {
		const was = picked;
		pick(picked);
		document.querySelector(`[data-id="${CSS.escape(was)}"]`)?.focus();
	}
});
for (const [on, off] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
	$("view").addEventListener(on, event => light(event.target.closest?.(".card")?.dataset.id || ""));
	$("view").addEventListener(off, () => light(""));
}
$("filter").addEventListener("input", () => {
	wanted = $("filter").value.trim().toLowerCase();
	draw_soon();
});
$("ns").addEventListener("change", () => {
	wanted_ns = $("ns").value;
	draw();
});
addEventListener("hashchange", go);
new ResizeObserver(draw_lines).observe($("view"));

tell_state("connecting");
question_from_address();
go();
keep_following();
keep_counting();
keep_asking_state();
keep_reading_queries();
