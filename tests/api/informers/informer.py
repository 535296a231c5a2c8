"""What programs with the official Python client do: list, then watch from there, again after every end and error. For
each line of its input it prints what it holds, {"held": {"name": "resourceVersion"}, "events": N}."""

import json
import sys
import threading
import time

from kubernetes import client, watch
from urllib3.exceptions import HTTPError

SERVER, NAMESPACE = sys.argv[1:]
held, count = {}, [0]


def follow(api, synced):
    listed = api.list_namespaced_config_map(NAMESPACE)
    held.clear()
    held.update({o.metadata.name: o.metadata.resource_version for o in listed.items})
    synced.set()
    version = listed.metadata.resource_version
    while True:
        for event in watch.Watch().stream(api.list_namespaced_config_map, NAMESPACE, resource_version=version,
                                          timeout_seconds=5, allow_watch_bookmarks=True):
            meta = event["object"].metadata if event["type"] != "BOOKMARK" else None
            version = meta.resource_version if meta else event["raw_object"]["metadata"]["resourceVersion"]
            if event["type"] == "DELETED":
                held.pop(meta.name, None)
            elif meta:
                held[meta.name] = meta.resource_version
            count[0] += 1


def forever(synced):
    config = client.Configuration()
    config.host = SERVER
    api = client.CoreV1Api(client.ApiClient(config))
    while True:
        try:
            follow(api, synced)
        except (client.ApiException, HTTPError, OSError):  # 410: what was known is too old; else it is away
            time.sleep(0.1)


done = threading.Event()
threading.Thread(target=forever, args=(done,), daemon=True).start()
done.wait()
print("synced", flush=True)
for _ in sys.stdin:
    print(json.dumps({"held": dict(held), "events": count[0]}), flush=True)
