// What a program with the official JavaScript client does: typed calls, the object API that knows kinds from
// discovery alone, patches of each type, watches. KUBECONFIG names the node; any rejection ends with exit 1.
import assert from 'node:assert/strict';
import * as k8s from '@kubernetes/client-node';

const config = new k8s.KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(k8s.CoreV1Api);
const objects = k8s.KubernetesObjectApi.makeApiClient(config);
const namespace = 'default';

async function refused(code, reason, promise) {
  const e = await promise.then(() => assert.fail('was not refused'), (error) => error);
  assert.equal(e.code, code, String(e));
  assert.equal(JSON.parse(typeof e.body === 'string' ? e.body : JSON.stringify(e.body)).reason, reason);
}

async function typed() {
  const body = { metadata: { name: 'js' }, spec: { selector: { app: 'js' }, ports: [{ port: 80, name: 'http' }] } };
  const made = await core.createNamespacedService({ namespace, body });
  assert.match(made.spec.clusterIP, /^10\.96\./);
  await refused(409, 'AlreadyExists', core.createNamespacedService({ namespace, body }));
  made.spec.ports[0].port = 8080;
  const replaced = await core.replaceNamespacedService({ name: 'js', namespace, body: made });
  assert.equal(replaced.spec.ports[0].port, 8080);
  await refused(409, 'Conflict', core.replaceNamespacedService({ name: 'js', namespace, body: made }));
  const list = await core.listNamespacedService({ namespace, fieldSelector: 'metadata.name=js' });
  assert.equal(list.items.length, 1);
  const patched = await core.patchNamespacedService({ name: 'js', namespace, body: [{ op: 'add', path: '/metadata/labels', value: { by: 'js' } }] });
  assert.deepEqual(patched.metadata.labels, { by: 'js' });
  await core.deleteNamespacedService({ name: 'js', namespace });
  await refused(404, 'NotFound', core.readNamespacedService({ name: 'js', namespace }));
}

async function byKind() {
  const route = { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', metadata: { name: 'js', namespace }, spec: { hostnames: ['js.example'] } };
  const policy = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'js', namespace }, spec: { podSelector: {} } };
  for (const object of [route, policy]) {
    await objects.create(object);
    const read = await objects.read(object);
    assert.equal(read.kind, object.kind);
    read.metadata.labels = { touched: 'yes' };
    assert.equal((await objects.replace(read)).metadata.labels.touched, 'yes');
    await objects.patch({ ...object, metadata: { ...object.metadata, annotations: { note: 'js' } } }, undefined, undefined, undefined, undefined, 'application/merge-patch+json');
    const found = await objects.list(object.apiVersion, object.kind, namespace, undefined, undefined, undefined, undefined, 'touched=yes');
    assert.equal(found.items[0].metadata.annotations.note, 'js');
    await objects.delete(object);
    await refused(404, 'NotFound', objects.read(object));
  }
  const applied = await objects.patch({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'js', namespace }, data: { a: '1' } }, undefined, undefined, 'js', true, 'application/apply-patch+yaml');
  assert.equal(applied.data.a, '1');
}

async function watched() {
  const seen = [];
  const { metadata } = await core.listNamespacedConfigMap({ namespace });
  const watch = new k8s.Watch(config);
  const done = new Promise((resolve, reject) => {
    watch.watch(`/api/v1/namespaces/${namespace}/configmaps`, { resourceVersion: metadata.resourceVersion, timeoutSeconds: 10 }, (type, o) => {
      seen.push(`${type} ${o.metadata.name}`);
      if (type === 'DELETED') resolve();
    }, (error) => (error ? reject(error) : resolve()));
  });
  await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'seen' } } });
  await core.deleteNamespacedConfigMap({ name: 'seen', namespace });
  await done;
  assert.deepEqual(seen, ['ADDED seen', 'DELETED seen']);
}

const parts = { typed, byKind, watched };
await parts[process.argv[2]]();
console.log('ok');
process.exit(0);
