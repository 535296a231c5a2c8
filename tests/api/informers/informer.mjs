// An informer of @kubernetes/client-node on ConfigMaps. For each line of its input it prints what it holds,
// {"held": {"name": "resourceVersion"}, "events": N}. It is started again after an error, as its documentation says.
import * as readline from 'node:readline';
import * as k8s from '@kubernetes/client-node';

const [server, namespace] = process.argv.slice(2);
const config = new k8s.KubeConfig();
config.loadFromOptions({
  clusters: [{ name: 'knetd', server, skipTLSVerify: true }],
  users: [{ name: 'any' }],
  contexts: [{ name: 'knetd', cluster: 'knetd', user: 'any' }],
  currentContext: 'knetd',
});
const core = config.makeApiClient(k8s.CoreV1Api);
const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, () => core.listNamespacedConfigMap({ namespace }));
let events = 0;
for (const verb of ['add', 'update', 'delete']) informer.on(verb, () => { events += 1; });
const start = () => informer.start().catch(() => setTimeout(start, 100));
informer.on('error', () => setTimeout(start, 100));
await start();
console.log('synced');
for await (const _ of readline.createInterface({ input: process.stdin })) {
  const held = Object.fromEntries(informer.list().map((o) => [o.metadata.name, o.metadata.resourceVersion]));
  console.log(JSON.stringify({ held, events }));
}
process.exit(0);
